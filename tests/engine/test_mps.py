"""What CUDA's MPS is told for each stage, by its environment. Not run with a GPU."""

from __future__ import annotations

import pytest

from engine.config import load
from engine.errors import EngineError
from engine.mps import environment
from engine.processor_settings import numbers, of

pytestmark = pytest.mark.usefixtures("packaged_settings")


def test_a_stage_has_its_limits_and_another_has_none() -> None:
    sets = ["mps.directory=/run/mps", 'mps.percent=["llm: 60", "vocoder: 30"]', 'mps.memory=["llm: 0=4G,1=512M"]']
    settings = load(sets=sets).mps
    assert environment(settings, "llm") == {
        "CUDA_MPS_PIPE_DIRECTORY": "/run/mps",
        "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": "60",
        "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT": "0=4G,1=512M",
    }
    assert environment(settings, "asr") == {"CUDA_MPS_PIPE_DIRECTORY": "/run/mps"}
    assert environment(load().mps, "llm") == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mps.percent", "llm: 0"),
        ("mps.percent", "lmm: 50"),
        ("mps.memory", "llm: 4G"),
        ("realtime.nice", "llm: 20"),
        ("realtime.cores", "audio: a"),
        ("realtime.cores", "audio 1"),
    ],
)
def test_what_is_written_wrongly_is_told(key: str, value: str) -> None:
    with pytest.raises(EngineError, match=r"must be a (stage|process) and its"):
        load(sets=[f'{key}=["{value}"]'])


def test_lists_by_process_are_read() -> None:
    assert of(["llm: 2", "asr: 1", "llm: 3"], "llm") == "3"
    assert of([], "llm") == ""
    assert numbers("0,2-4") == {0, 2, 3, 4}
    assert numbers("") == set()
