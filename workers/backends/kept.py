"""A voice that has some phrases ready: their sound was made beforehand, so that they are heard at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.contract import Abilities, Backend, Ended, Event, Job, Pcm, Rung, Sound, Tag, Word
from engine.errors import BackendError

_STEP_NS = 20_000_000


@dataclass(frozen=True, slots=True)
class Phrase:
    """The sound of a phrase, and where its words begin in it."""

    sound: Pcm
    words: tuple[Word, ...]


class Collected:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.parts: list[Pcm] = []

    def write(self, pcm: Pcm) -> bool:
        self.parts.append(pcm.copy())
        return True


def say(voice: Backend, text: str, language: str = "en", remedy: str = "choose another voice") -> Phrase:
    """The whole sound of a text, at once, by a voice that is loaded and has no job. Raises BackendError, with this
    remedy, when it cannot say it."""
    sink = Collected()
    words: tuple[Word, ...] = ()
    job = Job(Tag(), language=language, sink=sink)
    voice.begin(job)
    voice.feed(job, text)
    voice.finish(job)
    while True:
        for event in voice.step(_STEP_NS):
            if isinstance(event, Sound):
                words = event.words
            elif isinstance(event, Ended):
                if event.reason != "done" or not sink.parts:
                    why = event.text or "no sound came of it"
                    raise BackendError(f"the voice cannot say {text!r}: {why}", remedy)
                return Phrase(np.concatenate(sink.parts), words)


class KeptPhrases:
    """An `engine.contract.Backend` around a voice. A job that begins with kept phrases gets their sound; what else it
    is fed, the voice speaks after that."""

    def __init__(self, voice: Backend) -> None:
        self._voice = voice
        self._kept: dict[str, Phrase] = {}
        self._ready: list[tuple[Job, Phrase]] = []
        """The phrases that open jobs are owed."""
        self._fed: set[Tag] = set()
        """Open jobs for which the voice itself has been given something."""

    def keep(self, texts: Iterable[str], language: str) -> None:
        """Make the sound of these texts, and of no others, ready. Called while no job is open. Raises BackendError
        when the voice cannot say one."""
        self._kept = {text: say(self._voice, text, language, "choose another floor.voice") for text in texts}

    def phrase(self, text: str) -> Phrase | None:
        """The kept phrase with this text."""
        return self._kept.get(text)

    # The contract.

    @property
    def abilities(self) -> Abilities:
        return self._voice.abilities

    @property
    def remarks(self) -> Sequence[str]:
        return self._voice.remarks

    def load(self, rung: Rung) -> None:
        self._voice.load(rung)

    def warm_up(self) -> None:
        self._voice.warm_up()

    def begin(self, job: Job) -> None:
        self._voice.begin(job)

    def feed(self, job: Job, data: Any) -> None:
        if job.tag not in self._fed and (phrase := self._kept.get(data)) is not None:
            self._ready.append((job, phrase))
        else:
            self._fed.add(job.tag)
            self._voice.feed(job, data)

    def finish(self, job: Job) -> None:
        self._voice.finish(job)

    def step(self, budget_ns: int) -> Sequence[Event]:
        events: list[Event] = []
        ready, self._ready = self._ready, []
        for job, phrase in ready:
            if job.sink is not None and job.sink.write(phrase.sound):
                events.append(Sound(job.tag, len(phrase.sound), phrase.words))
            else:
                self._voice.cancel(job.tag)
        if not events:
            events += self._voice.step(budget_ns)
        self._fed -= {event.tag for event in events if isinstance(event, Ended)}
        return events

    @property
    def idle(self) -> bool:
        return not self._ready and self._voice.idle

    def cancel(self, tag: Tag) -> None:
        self._ready = [each for each in self._ready if each[0].tag != tag]
        self._voice.cancel(tag)

    def settle(self, tag: Tag, heard: str) -> None:
        self._voice.settle(tag, heard)

    def forget(self, session: int) -> None:
        self._voice.forget(session)

    def cost_ns(self, units: int) -> int:
        return self._voice.cost_ns(units)

    def unload(self) -> None:
        self._kept.clear()
        self._voice.unload()
