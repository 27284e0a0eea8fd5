"""Backends that hang in a call that nothing can interrupt, for engines that are run by tests."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from engine.contract import Abilities, Event, Job, Pcm, Rung
from workers.backends.background import Answer, Background
from workers.backends.flite import Flite
from workers.backends.one_by_one import OneByOne
from workers.backends.pocketsphinx import PocketSphinx
from workers.backends.spoken import Spoken


def hang() -> None:
    threading.Event().wait()


class StuckAnswers(Spoken):
    """Hangs with the first question."""

    def load(self, rung: Rung) -> None: ...

    def answer(self, job: Job) -> str:
        return job.text

    def step(self, budget_ns: int) -> Sequence[Event]:
        if not self.idle:
            hang()
        return super().step(budget_ns)


class StuckThread(Background):
    """The worker's loop goes round; the model's own thread hangs with the first question."""

    abilities = Abilities(checkpoint="token", incremental=True, own_thread=True)
    remarks: Sequence[str] = ()

    def load(self, rung: Rung) -> None:
        self._rung, self._line = rung, OneByOne("stuck")

    def warm_up(self) -> None: ...

    def unload(self) -> None: ...

    def _begin(self, answer: Answer) -> None:
        self._line.add(answer, self._answer)

    def _answer(self) -> None:
        self._rung.lease.take(0)
        hang()


class StuckVoice(Flite):
    """Hangs with the first clause."""

    def begin(self, job: Job) -> None:
        hang()


class StuckEars(PocketSphinx):
    """Hangs with the first sound."""

    def warm_up(self) -> None: ...

    def feed(self, job: Job, data: Pcm) -> None:
        hang()
