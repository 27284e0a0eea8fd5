"""Who takes part in the lease, by the settings and the machine."""

from __future__ import annotations

import pytest

from engine.channels import PROCESSES
from engine.config import load
from engine.lease import SLOTS, Plan, plan, slot_of

pytestmark = pytest.mark.usefixtures("packaged_settings")
ALL = ("asr", "ending", "llm", "vocoder")
MODEL = "llm.backend=ctranslate2"
GPU = (MODEL, "llm.ctranslate2.device=cuda")
TWO_ON_GPU = (*GPU, "asr.backend=whisper", "asr.whisper.device=cuda")

TWO_BY_RUNGS = (
    'llm.rungs=[{name="large", backend="ctranslate2", ctranslate2={device="cuda"}}, {name="small"}]',
    'asr.rungs=[{name="large", backend="whisper", whisper={device="cuda"}}, {name="small"}]',
)


@pytest.mark.parametrize(
    ("sets", "cores", "units", "stages"),
    [
        ((), 2, 2, ALL),  # three compute: the phrasebook has no model
        ((), 4, 0, ()),
        ((MODEL,), 4, 4, ALL),
        ((MODEL,), 5, 0, ()),
        (("ending.backend=off",), 2, 2, ALL),
        (("ending.backend=off",), 3, 0, ()),
        (("lease.mode=off",), 1, 0, ()),
        (("lease.mode=cpu",), 64, 16, ALL),
        (("lease.mode=cpu", "lease.units=1"), 64, 1, ALL),
        (("lease.mode=cpu", "lease.stages=[]"), 2, 0, ()),
        (GPU, 8, 0, ()),  # nobody to share the GPU with
        (TWO_ON_GPU, 8, 1, ("asr", "llm")),
        ((*TWO_ON_GPU, "lease.units=2"), 8, 2, ("asr", "llm")),
        ((*TWO_ON_GPU, "lease.mode=cpu"), 8, 8, ("ending", "vocoder")),
        (TWO_BY_RUNGS, 8, 1, ("asr", "llm")),
        (("lease.mode=gpu",), 8, 0, ()),
        ((*GPU, "lease.mode=gpu"), 8, 1, ("llm",)),
    ],
)
def test_plan(sets: tuple[str, ...], cores: int, units: int, stages: tuple[str, ...]) -> None:
    found = plan(load(sets=sets), cores)
    assert (found.units, found.stages) == (units, stages)


def test_every_process_has_a_slot() -> None:
    assert len({slot_of(process.name) for process in PROCESSES}) == len(PROCESSES) <= SLOTS
    assert Plan(1, ("asr", "llm")).bits == 1 << slot_of("asr") | 1 << slot_of("llm")
