"""What tests of Voxtral's backend share: how it is loaded, and a look at what it computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.contract import Job, Rung
from tests.backends.conformance import Driven, Subject
from tests.backends.conformance_listener import text
from tests.engine_run import question
from workers.backends.voxtral import Voxtral
from workers.backends.voxtral_model import VoxtralModel


def rung(folder: Path | str, rate: int = 16000, **settings: Any) -> Rung:
    """Always the likeliest, so that the same comes of the same."""
    fixed = {"model": str(folder), "device": "cpu", "temperature": 0.0, "max_tokens": 16, "context_tokens": 2048}
    return Rung({**fixed, "system_prompt": "You are a kiosk.", **settings}, rate=rate)


class Watched:
    """A loaded backend, the logits of every token it has said, and how many tokens it took in for that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, wanted: Rung) -> None:
        self.driven = Driven(Subject(Voxtral, wanted))
        self.logits: list[Any] = []
        self.taken: list[int] = []
        extend = VoxtralModel.extend

        def watched(model: VoxtralModel, cache: Any, embeddings: Any) -> Any:
            self.taken.append(len(embeddings))
            self.logits.append(extend(model, cache, embeddings))
            return self.logits[-1]

        monkeypatch.setattr(VoxtralModel, "extend", watched)

    def hear(self, job: Job) -> None:
        self.driven.backend.begin(job)
        self.driven.backend.feed(job, question())
        assert self.driven.steps() == []

    def answer(self, job: Job) -> str:
        """Finish it; `logits` and `taken` are those of this alone."""
        self.logits.clear()
        self.taken.clear()
        self.driven.backend.finish(job)
        return text(self.driven.until_ended(job))

    def ask(self, job: Job) -> str:
        self.hear(job)
        return self.answer(job)
