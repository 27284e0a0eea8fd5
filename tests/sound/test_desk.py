"""The desk in real time, between a scripted card and the engine's rings: what comes late, goes, returns, is muted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

import ringbuf
from engine.contract import Pcm
from engine.devices import Side
from engine.errors import DeviceError
from engine.metrics import STATES
from ringbuf import DISCONTINUITY, LOST
from tests.rings import Rings
from tests.sound.card import ScriptedCard, device
from tests.sound.host import Host
from tests.sound.rig import RATE, S
from workers import lull
from workers.join import Seat
from workers.sound import desk as module
from workers.sound import keeper, sides
from workers.sound.desk import Desk
from workers.sound.port import RingPort
from workers.sound.sides import DeviceGoneError
from workers.sound.silent import SilentDevices

WATCHDOG_S = 30
EAR, MOUTH = device("ear"), device("mouth", "loudspeaker")
LEVEL = 1000
"""What the ear hears."""


class Leaving(Seat):
    """A seat that can be left: in truth the process ends."""

    def __init__(self, *arguments: Any) -> None:
        self._rings: list[Any] = []
        super().__init__(*arguments)

    def stream_writer(self, *arguments: Any, **options: Any) -> ringbuf.StreamWriter:
        self._rings.append(super().stream_writer(*arguments, **options))
        return cast(ringbuf.StreamWriter, self._rings[-1])

    def stream_reader(self, *arguments: Any, **options: Any) -> ringbuf.StreamReader:
        self._rings.append(super().stream_reader(*arguments, **options))
        return cast(ringbuf.StreamReader, self._rings[-1])

    def history_writer(self, name: str) -> ringbuf.HistoryWriter:
        self._rings.append(super().history_writer(name))
        return cast(ringbuf.HistoryWriter, self._rings[-1])

    def history_reader(self, *arguments: Any, **options: Any) -> ringbuf.HistoryReader:
        self._rings.append(super().history_reader(*arguments, **options))
        return cast(ringbuf.HistoryReader, self._rings[-1])

    def leave(self) -> None:
        for ring in self._rings:
            ring.close()


class Worker(threading.Thread):
    """The audio worker's main thread: opens the desk and runs it until the engine stops or a device is gone."""

    def __init__(self, rings: Rings, card: ScriptedCard) -> None:
        super().__init__(daemon=True)
        self._rings, self.card, self.telemetry = rings, card, rings.telemetry
        self.opened, self.go = threading.Event(), threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        seat = cast(Leaving, self._rings.seat("audio", Leaving))
        try:
            desk = Desk(self.card, RingPort(seat), seat)
            desk.open()
            self.opened.set()
            self.go.wait()
            if not (start_ns := self.telemetry.get("audio.start_ns")):
                start_ns = time.monotonic_ns() + 20_000_000
                self.telemetry.set("audio.start_ns", start_ns)
            desk.run(None, start_ns)
        except BaseException as error:
            self.error = error
        finally:
            seat.leave()
            self.opened.set()


class Room:
    """The worker, started as often as the test wants, with the host and a recorder around it."""

    def __init__(self, rings: Rings, **settings: Any) -> None:
        self._rings, self.host, self.card = rings, Host(rings), ScriptedCard([EAR, MOUTH])
        rings.reload(replace(rings.config, audio=replace(rings.config.audio, **settings)))
        recorder = rings.seat("recorder")
        self.mic, self.played = (recorder.history_reader(name, 0) for name in ("mic", "played"))
        self.telemetry = rings.telemetry
        self.told: list[tuple[Any, dict[str, Any]]] = []
        self.events: list[dict[str, Any]] = []
        """All that was told."""

    def start(self, *, go: bool = True) -> Worker:
        self.worker = Worker(self._rings, self.card)
        self.worker.start()
        self.until(self.worker.opened.is_set, "the desk was open")
        if go:
            self.worker.go.set()
        return self.worker

    def until(self, true: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + WATCHDOG_S
        while not true():
            assert time.monotonic() < limit, f"waited in vain until {what}: {self.told}, {self.worker.error!r}"
            time.sleep(0.01)

    def until_told(self, what: object) -> dict[str, Any]:
        """Until a command was answered, or the host was told of a device: (side, state). The event, if it is one."""

        def told() -> bool:
            for one in self.host.told():
                self.events += [one] if isinstance(one, dict) else []
                event = isinstance(one, dict) and one["event"] == "device"
                self.told.append(((one["side"], one["state"]), one) if event else (one, {}))
            return any(key == what for key, _ in self.told)

        self.until(told, f"{what} was told")
        at = next(at for at, (key, _) in enumerate(self.told) if key == what)
        event = self.told[at][1]
        self.told = self.told[at + 1 :]
        return event

    def until_heard(self, seconds: float = 0.1) -> int:
        """Until so much sound of the ear has been heard from now on; the sample with which it began."""
        begin = self.mic.position

        def heard() -> bool:
            return bool((self.sound(begin) == LEVEL).sum() >= seconds * RATE)

        self.until(heard, "sound was heard")
        return begin + int(np.flatnonzero(self.sound(begin) == LEVEL)[0])

    def sound(self, begin: int = 0) -> Pcm:
        """What is in the mic ring."""
        found = self.mic.view(begin, self.mic.position)
        assert found is not None
        return found

    def no_xrun_was_made_up(self) -> bool:
        """Those that are counted are true ones, of a busy machine."""
        return self.card.starved == (self.telemetry.get("audio.xruns") > 0)

    def ended(self) -> BaseException | None:
        """Why it ended by itself."""
        self.worker.join(WATCHDOG_S)
        assert not self.worker.is_alive()
        return self.worker.error

    def stop(self) -> None:
        self._rings.stop()
        self.worker.go.set()
        assert self.ended() is None


@pytest.fixture
def room(rings: Rings) -> Iterator[Callable[..., Room]]:
    rooms = []

    def enter(**settings: Any) -> Room:
        rooms.append(Room(rings, **settings))
        return rooms[-1]

    yield enter
    for one in rooms:
        one.card.leave()


New = Callable[..., Room]


def test_both_devices_are_open_before_the_engine_is_ready_and_what_they_did_till_then_is_no_xrun(room: New) -> None:
    one = room()
    worker = one.start(go=False)
    assert [name for name, _ in one.card.opened] in (["ear", "mouth"], ["mouth", "ear"])
    assert all(stream.last_ns for _, stream in one.card.opened)
    assert one.telemetry.get("audio.opened") == 1
    time.sleep(0.3)  # the models are loading, while the devices run
    worker.go.set()
    first = one.until_heard(0.5)
    one.stop()
    assert first < RATE // 2
    assert one.no_xrun_was_made_up()
    assert not one.mic.flags(first, one.mic.position)
    # Both timelines are at the present, that of the loudspeaker as far ahead as it is fed.
    assert 0 < one.played.position - one.mic.position < RATE // 2
    assert one.card.accounts > 0
    assert abs(one.telemetry.get_signed("audio.microphone_ppm")) <= 3010


def test_without_devices_it_does_not_wait_and_time_goes_on_in_silence_until_they_come(
    room: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_NS", 3600 * S)
    one = room()
    one.card.devices.clear()
    one.start()
    one.until_told(("microphone", "waiting"))
    one.until(lambda: one.mic.position > RATE // 4 and one.played.position > RATE // 4, "time had passed")
    assert one.mic.flags(0, one.mic.position) == LOST | DISCONTINUITY
    assert not one.sound().any()
    one.card.set([EAR, MOUTH])
    first = one.until_heard()
    start_ns = one.telemetry.get("audio.start_ns")
    sample_ns = one.mic.capture_ns(first)
    assert sample_ns == pytest.approx(start_ns + first * S // RATE, abs=S // RATE)
    assert not one.sound()[: first - RATE // 20].any()
    one.stop()


def test_a_machine_without_any_device_ends_it_and_says_why(room: New) -> None:
    one = room(wait_s=0.0)
    one.card.devices.clear()
    worker = one.start()
    error = one.ended()
    assert isinstance(error, DeviceError)
    assert "no microphone" in str(error) or "no loudspeaker" in str(error)
    assert worker.opened.is_set()


@pytest.mark.parametrize("name", ["ear", "mouth"])
def test_a_device_that_stops_calling_is_gone_and_may_be_opened_again(
    room: New, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sides, "RAN_NS", 10_000_000)
    one = room()
    side: Side = "microphone" if name == "ear" else "loudspeaker"
    silent = SilentDevices(one.telemetry, side)
    silent.add(name)  # by a predecessor, who had opened it
    one.telemetry.set("audio.opened", 1)
    one.card.dumb.add(name)
    one.start()
    one.card.dumb.clear()
    one.card.tell()
    one.until(lambda: name not in silent, "it had run")  # and that it did not is forgotten
    one.card.stream(name).silent = True
    assert isinstance(one.ended(), DeviceGoneError)
    told = one.until_told((side, "lost"))
    assert (told["device"], told["text"]) == (name, f"{side} {name} (the {name}) has stopped")
    assert name not in silent


def test_a_device_that_pauses_is_looked_for_and_waited_for(room: New, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "PAUSE_NS", 3600 * S)
    monkeypatch.setattr(sides, "FIRST_NS", 3600 * S)
    monkeypatch.setattr(sides, "ASK_NS", 50_000_000)
    one = room()
    one.start()
    one.until_heard()
    for name in ("ear", "mouth"):
        checks = one.card.checks
        one.card.stream(name).silent = True
        one.until(lambda before=checks: one.card.checks > before, "it was looked for")  # type: ignore[misc]
    for name in ("ear", "mouth"):
        one.card.stream(name).silent = False
    one.until_heard()
    one.stop()
    assert len(one.card.opened) == 2


def test_a_device_that_is_opened_and_does_not_run_is_remembered_and_the_default_taken_until_it_does(
    room: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where in (sides, module):
        monkeypatch.setattr(where, "FIRST_NS", 300_000_000)
    monkeypatch.setattr(sides, "RAN_NS", 10_000_000)
    one = room(microphone="ear")
    one.card.set([device("second ear"), EAR, MOUTH])
    one.card.dumb.add("ear")
    one.start()
    told = one.until_told(("microphone", "lost"))
    assert (told["device"], told["text"]) == ("ear", "microphone ear (the ear) was opened, but does not run")
    assert isinstance(one.ended(), DeviceGoneError)
    one.start()
    monkeypatch.setattr(sides, "FIRST_NS", 3600 * S)  # on a busy machine another one may take long
    one.until_told(("microphone", "waiting"))
    assert one.until_told(("microphone", "open"))["device"] == "second ear"
    one.until_heard()
    one.card.tell()  # something came or went: it is tried out
    one.until(lambda: len(one.card.trials) > 1, "it was tried out")
    one.until_heard()
    assert [name for name, _ in one.card.opened if name != "mouth"] == ["ear", "second ear"]
    one.card.dumb.clear()
    one.card.tell()
    assert one.until_told(("microphone", "open"))["device"] == "ear"
    one.until_heard()
    one.stop()


@pytest.mark.parametrize("what", ["open", "close"])
def test_a_keeper_that_waits_in_vain_for_the_library_ends_the_worker(
    room: New, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, f"{what.upper()}_NS", 300_000_000)
    monkeypatch.setattr(module, "FIRST_NS", 300_000_000)
    one, hanging = room(), threading.Event()
    if what == "open":
        one.card.stuck = hanging
    one.start()
    if what == "close":
        one.until_heard()
        one.card.stream("ear").stuck = hanging
        one.host.mute(7, True)
    assert isinstance(one.ended(), DeviceGoneError)
    hanging.set()  # in truth its process is no more
    one.card.stuck = None
    one.start()
    if what == "close":
        told = one.until_told(("microphone", "lost"))
        assert told["text"] == "microphone ear (the ear) hangs: it takes too long to close"
        one.host.mute(7, True)  # the supervisor says it once more to a successor
        one.until_told(7)
        assert not one.sound().any()
        one.host.mute(8, False)
        one.until_told(8)
    else:  # neither is opened again untried
        side = "microphone" if "ear" in SilentDevices(one.telemetry, "microphone") else "loudspeaker"
        assert one.until_told((side, "lost"))["text"].endswith("hangs: it takes too long to open")
    one.until_heard()
    one.stop()


@pytest.mark.parametrize("side", ["microphone", "loudspeaker"])
def test_what_a_stream_left_is_dropped_while_there_is_none(room: New, side: Side) -> None:
    """Else it would wake the worker again and again."""
    one = room()
    one.card.set([MOUTH] if side == "microphone" else [EAR])
    one.start(go=False)
    assert one.card.drained == {"microphone", "loudspeaker"}  # nobody takes anything yet
    one.card.drained.clear()
    one.worker.go.set()
    one.until(lambda: side in one.card.drained, "it was dropped")
    one.until_told(("loudspeaker" if side == "microphone" else "microphone", "open"))
    one.card.drained.clear()
    one.until(lambda: side in one.card.drained, "it was dropped")
    assert one.card.drained == {side}
    one.stop()


def test_a_channel_that_the_microphone_does_not_have_is_told_once(room: New) -> None:
    one = room(channel=3)
    one.start()
    one.until_heard()
    one.until_told(("microphone", "open"))
    one.host.mute(1, True)
    one.until_told(1)
    one.host.mute(2, False)
    one.until_told(("microphone", "open"))
    one.until_heard()
    one.stop()
    (error,) = [event for event in one.events if event["event"] == "error"]
    assert error["where"] == "microphone"
    assert error["what"] == "audio.channel is 3, but ear (the ear) has 1 channel: its last one is listened to"


def test_a_device_that_was_unplugged_is_gone_at_once_and_its_successor_marks_the_gap(room: New) -> None:
    one = room()
    one.start()
    one.until_heard()
    one.card.set([MOUTH])
    assert isinstance(one.ended(), DeviceGoneError)
    one.until_told(("microphone", "lost"))
    before = one.mic.position
    time.sleep(0.2)
    one.card.set([EAR, MOUTH])
    one.start()
    one.until_told(("microphone", "open"))
    first = one.until_heard()
    one.stop()
    assert first - before > RATE // 5
    assert not one.sound(before)[: first - before - RATE // 50].any()
    assert one.mic.flags(before, first) & (LOST | DISCONTINUITY) == LOST | DISCONTINUITY
    assert not one.mic.flags(first + RATE // 50, one.mic.position)
    assert one.no_xrun_was_made_up()


def test_mute_closes_the_microphone_scrubs_the_ring_and_lets_the_loudspeaker_play_on(room: New) -> None:
    one = room()
    one.start()
    one.until_heard()
    ear = one.card.stream("ear")
    one.card.wiped.clear()
    one.host.mute(7, True)
    one.until_told(7)
    assert ear.closed
    assert one.card.wiped == ["microphone"]
    muted = one.mic.position
    assert not one.sound().any()
    played = one.played.position
    one.until(lambda: one.played.position > played + RATE // 5, "the loudspeaker went on")
    one.until(lambda: one.mic.position > muted + RATE // 5, "time went on")
    assert not one.sound().any()
    one.host.mute(8, False)
    one.until_told(8)
    one.until_told(("microphone", "open"))
    assert one.until_heard() > muted
    assert one.card.stream("ear") is not ear
    assert not one.card.stream("mouth").closed
    one.stop()
    assert one.no_xrun_was_made_up()


def test_a_muted_worker_starts_without_its_microphone(room: New) -> None:
    one = room()
    one.telemetry.set("audio.muted", 1)
    one.start()
    assert set(one.card.wiped) == {"microphone", "loudspeaker"}  # its predecessor may have died before it had
    one.until_told(("loudspeaker", "open"))
    one.until(lambda: one.mic.position > RATE // 10, "time went on")
    assert [name for name, _ in one.card.opened] == ["mouth"]
    one.host.mute(1, False)
    one.until_told(1)
    one.until_heard()
    one.stop()


def test_another_default_is_taken_without_a_restart(room: New) -> None:
    one = room()
    one.start()
    one.until_heard()
    ear, mouth = one.card.stream("ear"), one.card.stream("mouth")
    other = [device("second ear"), device("second mouth", "loudspeaker"), EAR, MOUTH]
    one.card.set(other)
    one.until(lambda: ear.closed and mouth.closed, "the old ones were closed")
    one.until(lambda: len(one.card.opened) == 4, "the new ones were open")
    before = one.mic.position
    first = one.until_heard(0.3)
    assert first >= before
    played = one.played.position
    one.until(lambda: one.played.position > played + RATE // 5, "the loudspeaker went on")
    one.stop()
    assert len(one.card.opened) == 4
    assert one.no_xrun_was_made_up()


def test_what_a_keeper_does_not_understand_ends_the_worker(room: New) -> None:
    one = room()
    one.start()
    one.until_heard()
    one.card.broken = ZeroDivisionError("a library's own")
    one.card.tell()
    assert isinstance(one.ended(), ZeroDivisionError)


def test_in_a_lull_it_comes_by_once_in_two_periods_loses_nothing_and_hears_the_host(
    room: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lull, "AFTER_NS", 0)
    one, rounds, wait = room(), list[int](), RingPort.wait

    def counted(self: RingPort, until_ns: int) -> bool:
        rounds.append(self.heard_samples)
        return wait(self, until_ns)

    monkeypatch.setattr(RingPort, "wait", counted)
    one.start()
    one.until_heard()
    one.telemetry.set("turns.shown", STATES.index("listening"))
    one.until_heard(0.2)
    seen = len(rounds)
    begin = one.until_heard(1.0)
    periods = (rounds[-1] - rounds[seen]) * 100 / RATE
    assert len(rounds) - seen < 0.7 * periods
    assert not one.mic.flags(begin, one.mic.position)
    one.host.volume(7, 50)
    one.until_told(7)
    assert one.no_xrun_was_made_up()
    one.stop()
