"""A visitor and a whole engine that speaks: who interrupts it has the turn, who only hums does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.contract import Pcm
from tests.conftest import Start
from tests.engine_run import (
    RATE,
    UNHURRIED,
    WHOLE_DICTIONARY,
    Engine,
    question,
    recorded,
    report,
    silence,
    understood,
    write,
)

ANSWER = (
    "It is open from ten to six on every day of the week, and on the first Sunday of each month from noon to eight."
)
LONG_ANSWER = f"""
[[llm.phrasebook.entries]]
patterns = ["what time does the museum close", "* museum *"]
answers = ["{ANSWER}"]
"""
"""About fourteen seconds."""
INTO_S = 8.0
"""The answer has been heard for some time and goes on for some more, also where the machine is slow."""
HEARD = 8
"""What nobody hears."""
HELD = round(0.3 * RATE)
"""No pause between two words of the answer is so long."""


def hum() -> Pcm:
    """ "Mm-hm": two hums through a closed mouth."""
    at = np.arange(round(0.2 * RATE)) / RATE
    waves = np.stack([np.sin(2 * np.pi * 140 * number * at) * 10 ** (-0.7 * (number - 1)) for number in range(1, 6)])
    one = waves.sum(axis=0) * np.sqrt(np.sin(np.pi * at / 0.2))
    sound: Pcm = np.rint(np.concatenate([one, np.zeros(800), one]) * 6000).astype(np.int16)
    return sound


def knock() -> Pcm:
    at = np.arange(round(0.15 * RATE)) / RATE
    wood = np.sin(2 * np.pi * 180 * at) + 0.5 * np.sin(2 * np.pi * 510 * at)
    sound: Pcm = np.rint(wood * np.exp(-at / 0.02) * 8000).astype(np.int16)
    return sound


def longest_silence(sound: Any) -> int:
    """The most samples in a row that are zero."""
    edges = np.flatnonzero(np.concatenate([[True], sound != 0, [True]]))
    return int(np.diff(edges).max()) - 1


class Visit:
    """The question after a second, and `sound` into the answer to it."""

    def __init__(self, start: Start, folder: Path, name: str, sound: Pcm, *options: str) -> None:
        asked = np.concatenate([silence(1), question()])
        track = np.concatenate([asked, silence(INTO_S - len(asked) / RATE), sound, silence(3)])
        (folder / "long.toml").write_text(LONG_ANSWER)
        files = {part: folder / f"{name}.{part}" for part in ("wav", "out.wav", "json")}
        self.engine: Engine = start(
            *("--input", write(files["wav"], track), "--output", files["out.wav"], "--report", files["json"]),
            *("--config", folder / "long.toml", "--set", "audio.aec=off", *UNHURRIED, *options),
            environ=WHOLE_DICTIONARY,  # the more words it knows, the more it takes for one
        )
        self._files = files

    def end(self) -> None:
        assert self.engine.end() == 0, self.engine.stderr
        self.report = report(self._files["json"])
        self.played: Any = recorded(self._files["out.wav"])[:, 1].astype(int)

    @property
    def turns(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.report["turns"]
        return found

    @property
    def undisturbed(self) -> bool:
        """No sound was late: nothing was silent but what was held."""
        totals = self.report["totals"]
        return not totals["xruns"] and not totals["starved_blocks"]


def test_who_interrupts_is_answered_and_the_rest_of_the_answer_is_never_heard(start: Start, tmp_path: Path) -> None:
    visit = Visit(start, tmp_path, "interrupted", question())
    visit.end()
    first, second = visit.turns
    assert (first["outcome"], second["outcome"]) == ("interrupted", "answered")
    assert understood(second)
    assert ANSWER.startswith(first["heard"])
    assert 0 < len(first["heard"].split()) < len(ANSWER.split())
    assert second["heard"] == ANSWER
    assert second["speech"]["start_s"] == pytest.approx(INTO_S, abs=0.3)
    assert first["interruption"]["start_s"] == pytest.approx(INTO_S, abs=0.3)
    spoken = slice(round((second["speech"]["end_s"] - 0.5) * RATE), round(second["speech"]["end_s"] * RATE))
    assert np.abs(visit.played[spoken]).max() <= HEARD  # nobody talks over their last words


def test_a_hum_makes_it_pause_and_nothing_of_the_answer_is_lost(start: Start, tmp_path: Path) -> None:
    alone = Visit(start, tmp_path, "alone", silence(1))
    hummed = Visit(start, tmp_path, "hummed", hum())
    hummed.engine.until_ready()
    hummed.engine.until(lambda: hummed.engine.get("turns.resumes") == 1, "it went on")
    assert hummed.engine.get("turns.interruptions") == 0
    for visit in (alone, hummed):
        visit.end()
        (turn,) = visit.turns
        assert (turn["outcome"], turn["heard"], turn["interruption"]) == ("answered", ANSWER, None)
    if alone.undisturbed and hummed.undisturbed:
        # The voice is not the same in every sample each time, but lasts as long.
        whole, paused = (np.trim_zeros(visit.played) for visit in (alone, hummed))
        assert longest_silence(whole) < HELD
        assert len(paused) - len(whole) == pytest.approx(longest_silence(paused), abs=RATE // 20)


def test_a_knock_does_not_end_it(start: Start, tmp_path: Path) -> None:
    visit = Visit(start, tmp_path, "knocked", np.concatenate([knock(), knock()]))
    visit.end()
    (turn,) = visit.turns
    assert (turn["outcome"], turn["heard"]) == ("answered", ANSWER)


def test_off_it_speaks_to_its_end_and_answers_afterwards(start: Start, tmp_path: Path) -> None:
    visit = Visit(start, tmp_path, "off", question(), "--set", "turns.barge_in=off")
    visit.end()
    assert [(turn["outcome"], turn["heard"]) for turn in visit.turns] == [("answered", ANSWER)] * 2
