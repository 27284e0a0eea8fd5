"""The turns worker's memory, in its ring."""

from __future__ import annotations

from engine.channels import segment
from engine.turns.memory import Memory
from tests.engine_run import SHM
from tests.rings import Rings
from workers.turns import Keepsake

MEMORY = Memory(("my name is Ada", "Hello, Ada."), ("Ada is here.",))


def test_a_successor_finds_what_was_kept_last(rings: Rings) -> None:
    keepsake = Keepsake(rings.seat("turns"))
    assert keepsake.memory == Memory()
    for memory in (Memory(context=("It rains.",)), MEMORY):
        keepsake.keep(memory, 1)
    del keepsake
    assert Keepsake(rings.seat("turns")).memory == MEMORY


def test_of_a_visitor_who_left_nothing_stays_in_memory(rings: Rings) -> None:
    """Neither when the one who kept it sees them leave, nor when a successor does."""
    memory = SHM / segment(rings.instance, "memory")
    longer = Memory(MEMORY.history * 3, MEMORY.context)
    for session in (1, 2):
        keepsake = Keepsake(rings.seat("turns"))
        for kept in (longer, MEMORY, Memory(), MEMORY):
            keepsake.keep(kept, session)
        assert b"Ada" in memory.read_bytes()
        if session == 2:
            del keepsake
            rings.telemetry.set("turns.session", session)
            keepsake = Keepsake(rings.seat("turns"))
        keepsake.keep(Memory(), session + 1)
        assert b"Ada" not in memory.read_bytes()
        del keepsake
        rings.telemetry.set("turns.session", session + 1)
    assert Keepsake(rings.seat("turns")).memory == Memory()
