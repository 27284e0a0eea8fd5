"""Who gets hold of devices: waiting, the default in place of the wanted one, return, loss, mute."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from engine.errors import DeviceError
from engine.events import DeviceChanged, Error
from tests.sound.card import ScriptedCard, device
from workers.sound import doubts
from workers.sound import keeper as module
from workers.sound.keeper import Keeper
from workers.sound.notes import Broken, Closed, Closing, Lost, Missing, Muted, Note, Opened, Tell

WATCHDOG_S = 30
"""Reached only when something is broken."""
FOREVER_S = 86_400.0
ARRAY, BUILT_IN, HEADSET = device("array"), device("built-in"), device("headset")


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + WATCHDOG_S
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.001)


class Desk:
    """The audio worker's main thread, in the hand of the test: it takes the keeper's notes one by one."""

    def __init__(self, card: ScriptedCard, wanted: str, wait_s: float, silent: set[str]) -> None:
        self._notes: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self.card = card
        self.keeper = Keeper(card, "microphone", wanted, wait_s, self._notes.put, silent)
        card.watch(self.keeper.changed)
        self.keeper.start()

    def next(self) -> Note:
        return self._notes.get(timeout=WATCHDOG_S)

    def told(self) -> tuple[str, str]:
        """The state and the device of what is told next."""
        note = self.next()
        while isinstance(note, Missing):
            note = self.next()
        assert isinstance(note, Tell), note
        assert isinstance(note.event, DeviceChanged), note
        self.text = note.event.text
        assert (note.event.side, note.event.wanted) == ("microphone", self.keeper._wanted)
        assert "\n" not in self.text
        return note.event.state, note.event.device

    def opened(self, name: str) -> None:
        """This device is opened next, and told."""
        assert self.told() == ("open", name)
        assert "48000 Hz, 1 channel" in self.text
        note = self.next()
        assert isinstance(note, Opened)
        assert note.stream is self.card.stream(name)

    def error(self) -> str:
        """What is told next: something failed, and it goes on."""
        note = self.next()
        assert isinstance(note, Tell), note
        assert isinstance(note.event, Error), note
        assert note.event.where == "microphone"
        return f"{note.event.what}; {note.event.remedy}"

    def let_close(self, name: str) -> None:
        """The keeper asks for its stream, and it is not closed before that is granted; nor does it go on before the
        desk has seen that it is."""
        note = self.next()
        assert isinstance(note, Closing)
        assert not self.card.stream(name).closed
        note.agreed.set()
        note = self.next()
        assert isinstance(note, Closed)
        assert self.card.stream(name).closed
        assert self._notes.empty()
        note.agreed.set()

    def is_quiet(self) -> bool:
        """The keeper says nothing, though it has looked."""
        for _ in range(2):  # what follows from the first look has been said when the second is made
            looks = self.card.looks
            self.card.tell()
            until(lambda before=looks: self.card.looks > before)  # type: ignore[misc]
        return self._notes.empty()


@pytest.fixture
def desk() -> Iterator[Callable[..., Desk]]:
    """desk(devices…, wanted=, wait_s=) starts a keeper of the microphone."""
    cards = []

    def start(
        *devices: object, wanted: str = "", wait_s: float = FOREVER_S, silent: tuple[str, ...] = (), **options: object
    ) -> Desk:
        cards.append(ScriptedCard(list(devices), **options))  # type: ignore[arg-type]
        return Desk(cards[-1], wanted, wait_s, set(silent))

    yield start
    for card in cards:
        card.leave()


Start = Callable[..., Desk]


def test_a_device_that_is_there_is_opened_and_told(desk: Start) -> None:
    one = desk(BUILT_IN, ARRAY, wanted="array")
    one.opened("array")
    assert one.is_quiet()


def test_without_a_name_it_is_the_default(desk: Start) -> None:
    desk(BUILT_IN, ARRAY).opened("built-in")


def test_a_device_that_is_absent_is_announced_once_and_opened_when_it_comes(desk: Start) -> None:
    one = desk(BUILT_IN, wanted="array")
    assert one.told() == ("waiting", "array")
    what_follows = "after 86400 s (audio.wait_s) the system's default takes its place"
    assert one.text == f'waiting for audio.microphone: there is no microphone "array"; {what_follows}'
    assert one.is_quiet()  # and has not taken the default
    one.card.set([BUILT_IN, ARRAY])
    one.opened("array")


def test_it_is_looked_for_though_nothing_told_of_a_change(desk: Start) -> None:
    one = desk(wanted="array")
    assert one.told() == ("waiting", "array")
    one.card.devices.append(ARRAY)
    one.opened("array")


def test_after_a_while_the_default_takes_its_place_with_a_warning_and_it_gets_that_back(desk: Start) -> None:
    one = desk(BUILT_IN, wanted="array", wait_s=0.05)
    assert one.told() == ("waiting", "array")
    assert one.told() == ("waiting", "array")
    assert one.text == 'there is no microphone "array": built-in (the built-in) is used until it comes'
    one.opened("built-in")
    assert one.is_quiet()
    one.card.set([BUILT_IN, ARRAY])
    one.let_close("built-in")
    one.opened("array")
    assert one.card.stream("built-in").closed
    # It was there in between: the next time it is waited for again.
    one.card.refused.add("array")
    one.keeper.mute(True)
    one.let_close("array")
    assert one.told() == ("closed", "")
    assert isinstance(one.next(), Muted)
    one.keeper.mute(False)
    assert [one.told() for _ in range(3)] == [("lost", "array"), ("waiting", "array"), ("waiting", "array")]
    one.opened("built-in")


@pytest.mark.parametrize(
    ("wanted", "says"), [("array", 'there is no microphone "array"; '), ("", "there is no microphone; ")]
)
def test_without_any_device_it_says_that_it_waited_in_vain_and_goes_on_waiting(
    desk: Start, wanted: str, says: str
) -> None:
    one = desk(wanted=wanted, wait_s=0)
    assert one.told() == ("waiting", wanted)
    assert one.text.startswith(f"waiting for audio.microphone: {says}after 0 s (audio.wait_s) ")
    assert ("ends with exit code 9" in one.text) == (not wanted)
    note = one.next()
    assert isinstance(note, Missing)
    assert str(note.error).startswith(f"{says}`engine doctor` says why")
    one.card.set([ARRAY])
    one.opened("array")


def test_a_name_that_several_have_is_waited_for_like_one_that_nobody_has(desk: Start) -> None:
    one = desk(device("array one"), device("array two"), wanted="array")
    assert one.told() == ("waiting", "array")
    assert '"array" fits 2 devices; write more of the name; ' in one.text
    one.card.set([ARRAY])
    one.opened("array")


def test_a_device_that_cannot_be_opened_counts_as_absent(desk: Start) -> None:
    one = desk(BUILT_IN, ARRAY, wanted="array", wait_s=0, refused={"array"})
    assert one.told() == ("lost", "array")
    assert "the array is busy" in one.text
    assert one.told() == ("waiting", "array")
    assert "microphone array (the array) cannot be used" in one.text
    assert one.told() == ("waiting", "array")
    one.opened("built-in")


def test_a_device_that_is_still_refused_costs_the_default_nothing(desk: Start) -> None:
    one = desk(BUILT_IN, ARRAY, wanted="array", wait_s=0, refused={"array"})
    assert [one.told() for _ in range(3)] == [("lost", "array"), ("waiting", "array"), ("waiting", "array")]
    one.opened("built-in")
    for _ in range(3):
        tried = len(one.card.trials)
        one.card.tell()  # something else came or went: the array is tried out
        until(lambda before=tried: len(one.card.trials) > before)  # type: ignore[misc]
    assert one.is_quiet()
    assert not one.card.stream("built-in").closed
    one.card.refused.clear()
    one.card.tell()
    one.let_close("built-in")
    one.opened("array")


def test_a_device_that_was_busy_is_tried_again_and_that_it_is_busy_said_once(
    desk: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "RETRY_S", 0.02)
    one = desk(ARRAY, wanted="array", refused={"array"})
    assert [one.told(), one.told()] == [("lost", "array"), ("waiting", "array")]
    looks = one.card.looks
    until(lambda: one.card.looks > looks + 20)  # nobody tells of a change
    one.card.refused.clear()
    one.opened("array")


def test_a_device_that_was_busy_is_tried_out_again_while_the_default_stands_in_though_nobody_tells_of_a_change(
    desk: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "RETRY_S", 0.02)
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    monkeypatch.setattr(doubts, "MOST_RETRY_S", 0.04)
    one = desk(BUILT_IN, ARRAY, wanted="array", wait_s=0, refused={"array"})
    assert [one.told() for _ in range(3)] == [("lost", "array"), ("waiting", "array"), ("waiting", "array")]
    one.opened("built-in")
    until(lambda: len(one.card.trials) > 3)
    assert one._notes.empty()
    one.card.refused.clear()
    one.let_close("built-in")
    one.opened("array")


def test_a_device_that_nobody_tells_of_is_looked_for_while_the_default_stands_in(
    desk: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    one = desk(BUILT_IN, wanted="array", wait_s=0)
    assert [one.told() for _ in range(2)] == [("waiting", "array"), ("waiting", "array")]
    one.opened("built-in")
    one.card.devices.append(ARRAY)
    one.let_close("built-in")
    one.opened("array")


# ---- devices that were opened and did not run ----


def test_one_that_did_not_run_is_not_opened_again_but_the_default_at_once_until_it_passes_a_trial(desk: Start) -> None:
    one = desk(BUILT_IN, ARRAY, wanted="array", silent=("array",), slow_trials=True)
    assert one.told() == ("waiting", "array")
    assert "microphone array (the array) was opened, but does not run; " in one.text
    assert one.told() == ("waiting", "array")
    assert "built-in (the built-in) is used until it comes" in one.text
    one.opened("built-in")
    (first,) = one.card.trials
    assert first.device == ARRAY
    first.end("the device was opened, but does not run")
    assert one.is_quiet()  # and tried it out again: something may have changed
    first, second, *more = one.card.trials
    assert not more
    assert [name for name, _ in one.card.opened] == ["built-in"]
    second.end()
    one.let_close("built-in")
    one.opened("array")


def test_a_default_that_did_not_run_is_waited_for(desk: Start) -> None:
    one = desk(ARRAY, silent=("array",), dumb={"array"})
    assert one.told() == ("waiting", "array")
    assert "microphone array (the array) was opened, but does not run; " in one.text
    one.card.tell()
    until(lambda: len(one.card.trials) > 1)
    assert one.card.opened == []
    one.card.dumb.clear()
    one.card.tell()
    one.opened("array")


def test_a_new_default_that_does_not_work_is_told_once_and_the_present_device_kept(desk: Start) -> None:
    one = desk(BUILT_IN, refused={"headset"})
    one.opened("built-in")
    one.card.set([HEADSET, BUILT_IN])
    assert (
        one.error()
        == "microphone headset (the headset) cannot be used: it is busy; built-in (the built-in) stays in use"
    )
    assert one.is_quiet()
    assert not one.card.stream("built-in").closed
    one.card.refused.clear()
    one.card.tell()
    one.let_close("built-in")
    one.opened("headset")


def test_mute_ends_a_trial_which_listens_too_and_unmute_begins_another(desk: Start) -> None:
    one = desk(BUILT_IN, slow_trials=True)
    one.opened("built-in")
    one.card.set([ARRAY, BUILT_IN])
    until(lambda: bool(one.card.trials))
    one.keeper.mute(True)
    one.let_close("built-in")
    assert one.told() == ("closed", "")
    assert isinstance(one.next(), Muted)
    assert one.card.trials[0].cancelled
    one.card.trials[0].end()  # too late
    one.card.tell()
    assert isinstance(one.next(), Muted)
    while not one._notes.empty():
        assert isinstance(one.next(), Muted)
    assert len(one.card.trials) == 1
    one.keeper.mute(False)
    one.opened("array")


# ---- loss ----


def test_a_device_that_is_gone_is_told_and_its_stream_not_touched(desk: Start) -> None:
    one = desk(ARRAY)
    one.opened("array")
    one.card.set([])
    assert one.told() == ("lost", "array")
    assert isinstance(one.next(), Lost)
    one.card.set([ARRAY])  # it may hang in the library: what comes is for the next process
    assert one._notes.empty()
    assert not one.card.stream("array").closed


def test_a_server_that_does_not_answer_loses_nothing(desk: Start) -> None:
    one = desk(ARRAY)
    one.opened("array")
    one.card.answers = False
    one.card.set([])
    until(lambda: one.card.checks > 0)
    one.card.answers = True
    one.card.set([ARRAY])
    assert one.is_quiet()


def test_a_device_that_pauses_is_lost_when_its_server_does_not_answer_and_kept_when_it_is_there(desk: Start) -> None:
    one = desk(ARRAY)
    one.opened("array")
    checks = one.card.checks
    one.keeper.look()
    until(lambda: one.card.checks > checks)
    assert one.is_quiet()
    one.card.answers = False
    one.keeper.look()
    assert one.told() == ("lost", "array")
    assert isinstance(one.next(), Lost)


def test_a_device_that_cannot_be_closed_is_left_to_the_end_of_the_process(desk: Start) -> None:
    one = desk(ARRAY)
    one.opened("array")
    one.card.stream("array").stuck = DeviceError("stream is wedged")
    one.keeper.mute(True)
    note = one.next()
    assert isinstance(note, Closing)
    note.agreed.set()
    assert one.told() == ("lost", "array")
    assert one.text == "microphone array (the array) cannot be closed (stream is wedged)"
    assert isinstance(one.next(), Lost)
    assert one._notes.empty()


def test_it_can_be_seen_what_the_keeper_waits_for(desk: Start) -> None:
    opening, closing = threading.Event(), threading.Event()
    one = desk(ARRAY, stuck=opening)
    until(lambda: one.keeper.call is not None)
    call = one.keeper.call
    assert call is not None
    assert (call.what, call.device) == ("open", ARRAY)
    opening.set()
    one.opened("array")
    until(lambda: one.keeper.call is None)
    one.card.stream("array").stuck = closing
    one.keeper.mute(True)
    note = one.next()
    assert isinstance(note, Closing)
    note.agreed.set()
    until(lambda: one.keeper.call is not None)
    call = one.keeper.call
    assert call is not None
    assert (call.what, call.device) == ("close", ARRAY)
    closing.set()
    assert isinstance(one.next(), Closed)
    until(lambda: one.keeper.call is None)


def test_another_default_is_followed(desk: Start) -> None:
    one = desk(BUILT_IN, HEADSET)
    one.opened("built-in")
    one.card.set([HEADSET, BUILT_IN])
    one.let_close("built-in")
    one.opened("headset")
    assert one.card.stream("built-in").closed


def test_a_device_of_ones_own_does_not_follow_the_default(desk: Start) -> None:
    one = desk(BUILT_IN, ARRAY, wanted="array")
    one.opened("array")
    one.card.set([HEADSET, BUILT_IN, ARRAY])
    assert one.is_quiet()


def test_mute_closes_the_device_and_unmute_opens_it(desk: Start) -> None:
    one = desk(ARRAY)
    one.opened("array")
    for _ in range(3):
        one.keeper.mute(True)
        one.let_close("array")
        assert one.told() == ("closed", "")
        assert isinstance(one.next(), Muted)
        assert one.card.stream("array").closed
        one.keeper.mute(False)
        one.opened("array")


def test_mute_ends_waiting_and_starts_without_opening(desk: Start) -> None:
    one = desk(wanted="array")
    assert one.told() == ("waiting", "array")
    one.keeper.mute(True)
    assert one.told() == ("closed", "")
    assert isinstance(one.next(), Muted)
    one.card.set([ARRAY])
    assert one.card.opened == []
    one.keeper.mute(False)
    one.opened("array")
    started = Keeper(one.card, "microphone", "", FOREVER_S, one._notes.put)
    started.mute(True)
    started.start()
    assert isinstance(one.next(), Tell)
    assert isinstance(one.next(), Muted)


def test_a_loudspeaker_is_kept_in_the_same_way() -> None:
    notes: queue.SimpleQueue[Note] = queue.SimpleQueue()
    card = ScriptedCard([ARRAY, device("horn", "loudspeaker")])
    Keeper(card, "loudspeaker", "horn", FOREVER_S, notes.put).start()
    assert isinstance(notes.get(timeout=WATCHDOG_S), Tell)
    note = notes.get(timeout=WATCHDOG_S)
    assert isinstance(note, Opened)
    assert (note.device.side, note.stream) == ("loudspeaker", card.stream("horn"))


def test_what_the_keeper_does_not_understand_is_passed_on(desk: Start) -> None:
    error = ZeroDivisionError("a library's own")
    note = desk(ARRAY, broken=error).next()
    assert isinstance(note, Broken)
    assert note.error is error


def test_a_device_error_of_a_search_is_no_end(desk: Start) -> None:
    one = desk(ARRAY, broken=DeviceError("the server is starting", "wait"))
    assert one.told() == ("waiting", "")
    assert "the server is starting" in one.text
    one.card.broken = None
    one.opened("array")
