"""PocketSphinx does what every recogniser has to do. What else it does: `tests/workers/test_pocketsphinx.py`."""

from __future__ import annotations

import pytest

from engine.contract import Rung
from tests.backends.conformance import Subject
from tests.backends.conformance_asr import RecogniserConformance
from tests.models.ears import few_words
from workers.backends.pocketsphinx import PocketSphinx


class TestPocketSphinx(RecogniserConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> Subject:
        broken = {
            "no such model": (Rung({"model": "/no/such/model"}), "/no/such/model"),
            "another language": (Rung({}, language="de"), '"de"'),
        }
        model = {"model": str(few_words())}
        return Subject(PocketSphinx, Rung(model), other=Rung(model, expected=("call a taxi",)), broken=broken)
