"""The words of a conversation: what the engine understood, and whether its answers can be understood."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from word_errors import errors, words

from engine.config import Config
from engine.contract import Backend, Heard, Job, Pcm, Tag
from workers.backends.registry import make, rung

from .tracks import RATE

WITHDRAWN = "postponed"
"""The outcome of a turn that was taken too soon, and given back before anything was heard: here only visitors speak."""


class Recogniser:
    """The engine's own recogniser, fed a whole file at once. `expected`: the phrases it leans towards, if not the
    configuration's."""

    def __init__(self, config: Config, expected: tuple[str, ...] | None = None) -> None:
        self._backend: Backend = make("asr", config)
        usual = rung("asr", config)
        self._backend.load(usual if expected is None else replace(usual, expected=expected))
        self._backend.warm_up()
        self._jobs = 0

    def recognise(self, sound: Pcm) -> str:
        self._jobs += 1
        job = Job(Tag(1, self._jobs, 1))
        text = ""
        self._backend.begin(job)
        self._backend.feed(job, sound)
        self._backend.finish(job)
        while not self._backend.idle:
            for event in self._backend.step(1_000_000_000):
                if isinstance(event, Heard) and event.final:
                    text = event.text
        return text


def spoken(turn: dict[str, Any], recording: Any) -> Pcm:
    """What the loudspeaker played of a turn's answer."""
    end_s = turn["speech"]["end_s"]
    first, last = (end_s + turn["stages"]["audio"][mark] / 1000 for mark in ("first", "ended"))
    return np.ascontiguousarray(recording[max(0, int((first - 0.2) * RATE)) : int((last + 0.2) * RATE), 1])


def by_label(labels: list[dict[str, Any]], turns: list[dict[str, Any]]) -> list[str]:
    """What was heard of each utterance: the turns whose speech began in its time. Nothing is skipped or shifted, but
    what was taken too soon and withdrawn: its words come again in a later turn."""
    starts = [label["start"] - 0.5 for label in labels] + [float("inf")]
    return [
        " ".join(
            turn["transcript"]
            for turn in turns
            if turn["outcome"] != WITHDRAWN and begin <= turn["speech"]["start_s"] < end
        )
        for begin, end in itertools.pairwise(starts)
    ]


def nearest(heard: str, answers: list[str]) -> str:
    """The answer with the fewest word errors against what was heard."""
    return min(answers, key=lambda answer: errors(answer, heard))


def rate_of(pairs: list[tuple[str, str]]) -> float:
    """Word error rate over (said, heard)."""
    return sum(errors(*pair) for pair in pairs) / max(1, sum(len(words(said)) for said, _ in pairs))


def last_words(pairs: list[tuple[str, str]]) -> str:
    """How many utterances ended with their own last word."""
    kept = sum(words(said)[-1:] == words(heard)[-1:] for said, heard in pairs)
    return f"{kept} of {len(pairs)}"
