"""Says what it heard: an answer that proves that the words arrived. Not a language model."""

from __future__ import annotations

from engine.contract import Job, Rung
from workers.backends.spoken import Spoken


class Repeat(Spoken):
    """Settings: repeat (a template with {text})."""

    def load(self, rung: Rung) -> None:
        self._template: str = rung.settings["repeat"]

    def answer(self, job: Job) -> str:
        return self._template.replace("{text}", job.text)
