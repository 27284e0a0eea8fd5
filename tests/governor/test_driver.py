"""The governor at work: what it publishes, wakes and tells, and that it looks only while that is of use."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from engine import messages as m
from engine.contract import Tag
from engine.events import AnswerEnded, RungChanged, StateChanged, dump
from engine.governor import driver as module
from engine.governor.driver import Governor
from engine.governor.reading import Reading
from engine.governor.recent import Recent, turn_of
from engine.governor.sensors import Sensors
from engine.hub import Happening, Hub
from tests.engine.test_story import turn as record_of
from tests.rings import Rings

BUSY = Reading(cpu=1.0, others=0.9)


class Machine(Sensors):
    """Sensors that say what the test wants."""

    def __init__(self) -> None:
        self.reading, self.looks, self.broken, self.stuck, self.waits = Reading(), 0, False, False, False

    def read(self, pids: Any = (), words_ms: float | None = None) -> Reading:
        self.looks += 1
        while self.stuck:
            self.waits = True
            time.sleep(0.001)
        if self.broken:
            raise OSError("no such sensor")
        return self.reading


class Scene:
    """A governor on real cells, in an event loop of its own."""

    def __init__(self, rings: Rings) -> None:
        self.rings, self.machine, self.hub = rings, Machine(), Hub(100)
        self.told: list[dict[str, Any]] = []
        self.woken: list[str] = []
        self.hub.subscribe(self._note)
        self.governor = Governor(rings.config, rings.telemetry, self.hub, self.woken.append, dict, lambda: self.machine)

    def _note(self, happening: Happening) -> None:
        if happening.name == "rung":
            self.told.append(happening.fields)

    def wanted(self) -> dict[str, int]:
        return {stage: self.rings.telemetry.get(f"{stage}.rung") for stage in ("asr", "llm", "vocoder", "ending")}

    def end_turn(self, *late: str, **fields: Any) -> None:
        record = {**record_of(), "late": list(late), "rungs": {"asr": 0, "llm": 0, "vocoder": 0}, **fields}
        record["stages"] = {**record["stages"], "asr": {"began": 0.0, "first": 0.0, "ended": 470.0}}
        event = AnswerEnded("At six.", "At six.", "answered", record["source"], record)
        self.hub.happened(m.Happened(tag=Tag(1, 1, 1), at_ns=0, event=dump(event)))

    def state(self, state: str) -> None:
        self.hub.tell(StateChanged(state))


def run(rings: Rings, play: Callable[[Scene], Coroutine[Any, Any, None]]) -> Scene:
    async def whole() -> Scene:
        scene = Scene(rings)
        scene.hub.now.state = "listening"
        scene.governor.begin()
        await play(scene)
        scene.governor.stop()
        return scene

    return asyncio.run(whole())


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.001)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks as often as it can."""
    monkeypatch.setattr(module, "LOOK_S", 0.001)
    monkeypatch.setattr(module, "LINGER_S", 0.0)


def test_a_stage_that_is_late_is_moved_woken_and_told_of(rings: Rings) -> None:
    async def play(scene: Scene) -> None:
        scene.end_turn("llm")
        scene.end_turn("llm")

    scene = run(rings, play)
    assert scene.wanted() == {"asr": 0, "llm": 1, "vocoder": 0, "ending": 0}
    assert scene.woken == ["llm"]
    (event,) = scene.told
    assert {name: event[name] for name in ("stage", "from", "to", "name", "reason")} == {
        "stage": "llm",
        "from": 0,
        "to": 1,
        "name": "brief",
        "reason": "it was late in 2 of 2 turns",
    }


def test_what_the_floor_took_over_was_late(rings: Rings) -> None:
    async def play(scene: Scene) -> None:
        scene.end_turn(floor=["vocoder"])
        scene.end_turn(floor=["vocoder"])

    assert run(rings, play).wanted()["vocoder"] == 1


def test_the_hosts_words_are_no_turn_of_the_stages(rings: Rings) -> None:
    async def play(scene: Scene) -> None:
        for _ in range(4):
            scene.end_turn("vocoder", source="say")

    assert run(rings, play).told == []


def test_pressure_is_seen_while_somebody_speaks(rings_with: Callable[..., Rings], hasty: None) -> None:
    async def play(scene: Scene) -> None:
        scene.machine.reading = BUSY
        scene.state("hearing")
        await until(lambda: len(scene.told) == 1)

    scene = run(rings_with("governor.pressure_s=1"), play)
    assert "100 % busy" in scene.told[0]["reason"]


def test_sensors_that_break_are_told_of_once_and_lateness_still_counts(rings: Rings, hasty: None) -> None:
    async def play(scene: Scene) -> None:
        errors: list[str] = []
        scene.hub.subscribe(lambda happening: errors.append(happening.name) if happening.name == "error" else None)
        scene.machine.broken = True
        scene.state("hearing")
        await until(lambda: bool(errors))
        scene.state("thinking")
        await asyncio.sleep(0.02)
        assert errors == ["error"]
        scene.end_turn("llm")
        scene.end_turn("llm")

    assert run(rings, play).wanted()["llm"] == 1


def test_sound_of_the_hosts_words_that_was_not_made_in_time_is_no_turns_fault(rings: Rings) -> None:
    async def play(scene: Scene) -> None:
        for _ in range(4):
            scene.rings.telemetry.count("audio.starved")
            scene.end_turn(source="say")
            scene.end_turn()

    assert run(rings, play).told == []


@pytest.mark.parametrize("how", ["broken", "stuck"])
def test_pressure_that_nobody_can_see_any_more_is_none(
    rings_with: Callable[..., Rings], hasty: None, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Else one late turn would be enough for ever, and nothing would go up again."""
    monkeypatch.setattr(module, "BLIND_S", 0.0)

    async def play(scene: Scene) -> None:
        scene.machine.reading = BUSY
        scene.state("hearing")
        await until(lambda: len(scene.told) == 1)
        setattr(scene.machine, how, True)
        await until(lambda: scene.governor._stopped or scene.machine.waits)
        scene.end_turn("asr", "llm", "vocoder")
        assert len(scene.told) == 1
        scene.machine.stuck = False

    run(rings_with("governor.pressure_s=1"), play)


def test_an_engine_that_rests_at_the_top_looks_at_nothing(rings: Rings, hasty: None) -> None:
    async def play(scene: Scene) -> None:
        await asyncio.sleep(0.02)
        assert scene.machine.looks == 0
        scene.state("hearing")
        await until(lambda: scene.machine.looks >= 2)
        scene.state("listening")
        await until(lambda: scene.governor._looking is None)
        looks = scene.machine.looks
        await asyncio.sleep(0.02)
        assert scene.machine.looks == looks

    run(rings, play)


def test_off_every_stage_is_where_the_settings_want_it(rings_with: Callable[..., Rings], hasty: None) -> None:
    async def play(scene: Scene) -> None:
        scene.machine.reading = BUSY
        scene.state("hearing")
        scene.end_turn("llm", "asr")
        scene.end_turn("llm", "asr")
        scene.governor.died("llm")
        scene.governor.died("llm")
        await asyncio.sleep(0.02)

    scene = run(rings_with("governor.mode=off", "governor.rung=bottom"), play)
    assert scene.wanted() == {"asr": 1, "llm": 1, "vocoder": 1, "ending": 0}
    assert (scene.told, scene.machine.looks) == ([], 0)
    assert run(rings_with("governor.mode=off"), play).wanted() == dict.fromkeys(scene.wanted(), 0)


def test_a_reload_fixes_the_rungs_and_sets_them_free(rings_with: Callable[..., Rings], hasty: None) -> None:
    async def play(scene: Scene) -> None:
        off = rings_with("governor.mode=off", "governor.rung=1").config
        scene.governor.reload(off)
        assert scene.wanted()["asr"] == 1
        scene.governor.reload(scene.rings.config)
        for _ in range(9):
            scene.end_turn(rungs={stage: scene.wanted()[stage] for stage in ("asr", "llm", "vocoder")})
        assert not any(scene.wanted().values())

    run(rings_with(), play)


@pytest.mark.parametrize(("rung", "llm"), [("0", 0), ("1", 0), ("2", 2), ("3", 3), ("9", 3), ("bottom", 3), ("top", 0)])
def test_a_rung_is_fixed_by_its_number_in_the_configuration(
    rings_with: Callable[..., Rings], rung: str, llm: int
) -> None:
    """The second rung is the first under another name: who wants it has the first."""
    sets = 'llm.rungs=[{name="a"},{name="same"},{name="b",history_turns=1},{name="c",history_turns=0}]'

    async def play(_scene: Scene) -> None: ...

    assert run(rings_with(sets, "governor.mode=off", f"governor.rung={rung}"), play).wanted()["llm"] == llm


def test_numbers_of_rungs_are_those_of_the_configuration(rings_with: Callable[..., Rings]) -> None:
    """The second rung is the first under another name."""
    sets = 'llm.rungs=[{name="a"},{name="same"},{name="b",history_turns=1}]'

    async def play(scene: Scene) -> None:
        scene.end_turn("llm")
        scene.end_turn("llm")

    scene = run(rings_with(sets), play)
    assert scene.wanted()["llm"] == 2
    assert scene.told[0]["name"] == "b"


# What it sees of a turn.


def test_a_wait_for_the_user_is_no_stages_fault(rings: Rings) -> None:
    record = {**record_of(), "response_ms": 760.0}
    record["stages"] = {**record["stages"], "turns": {"began": 0.0, "first": None, "ended": 690.0}}
    turn = turn_of(record, rings.config, 1.0, {}, starved=False)
    assert turn.whole is not None
    assert turn.whole.took_ms == pytest.approx(70.0)


def test_sound_that_was_not_made_in_time_is_the_voices_fault(rings: Rings) -> None:
    assert turn_of(record_of(), rings.config, 1.0, {}, starved=True).late == {"vocoder"}


def test_the_age_of_words_is_that_of_the_newest(rings: Rings) -> None:
    recent = Recent(rings.telemetry, "asr.partial_ns")
    for _ in range(100):
        rings.telemetry.observe("asr.partial_ns", 10_000_000)
    assert recent.median_ms() == pytest.approx(10, rel=0.1)
    assert recent.median_ms() is None
    for _ in range(5):
        rings.telemetry.observe("asr.partial_ns", 900_000_000)
    assert recent.median_ms() == pytest.approx(900, rel=0.1)


def test_an_event_has_the_names_of_the_wire() -> None:
    event = json.loads(dump(RungChanged("asr", 0, 1, "narrow", "busy")))
    assert event == {"event": "rung", "stage": "asr", "from": 0, "to": 1, "name": "narrow", "reason": "busy"}
