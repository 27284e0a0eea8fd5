"""Who gets hold of devices: waiting, the default in place of the wanted one, return, loss, mute."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

import pytest

from engine.errors import DeviceError
from tests.sound.card import ScriptedCard, device
from workers.sound import keeper as module
from workers.sound.keeper import Broken, Closing, Keeper, Lost, Missing, Muted, Note, Opened, Tell

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

    def __init__(self, card: ScriptedCard, wanted: str, wait_s: float) -> None:
        self._notes: queue.SimpleQueue[Note] = queue.SimpleQueue()
        self.card = card
        self.keeper = Keeper(card, "microphone", wanted, wait_s, self._notes.put)
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

    def let_close(self, name: str) -> None:
        """The keeper asks for its stream, and it is not closed before that is granted."""
        note = self.next()
        assert isinstance(note, Closing)
        assert not self.card.stream(name).closed
        note.agreed.set()

    def is_quiet(self) -> bool:
        """The keeper says nothing, though it has looked."""
        for _ in range(2):  # what follows from the first look has been said when the second is made
            looks = self.card.looks
            self.card.tell()
            until(lambda before=looks: self.card.looks > before)  # type: ignore[misc]
        return self._notes.empty()


@pytest.fixture
def desk() -> Callable[..., Desk]:
    """desk(devices…, wanted=, wait_s=) starts a keeper of the microphone. Its thread is a daemon: it has no end."""

    def start(*devices: object, wanted: str = "", wait_s: float = FOREVER_S, **options: object) -> Desk:
        return Desk(ScriptedCard(list(devices), **options), wanted, wait_s)  # type: ignore[arg-type]

    return start


Start = Callable[..., Desk]


def test_a_device_that_is_there_is_opened_and_told(desk: Start) -> None:
    one = desk(BUILT_IN, ARRAY, wanted="array")
    one.opened("array")
    assert one.is_quiet()


def test_without_a_name_it_is_the_default(desk: Start) -> None:
    desk(BUILT_IN, ARRAY).opened("built-in")


def test_a_device_that_is_absent_is_announced_once_and_opened_when_it_comes(desk: Start) -> None:
    one = desk(BUILT_IN, wanted="array")
    assert one.told() == ("waiting", "")
    what_follows = "after 86400 s (audio.wait_s) the system's default takes its place"
    assert one.text == f'waiting for audio.microphone: there is no microphone "array"; {what_follows}'
    assert one.is_quiet()  # and has not taken the default
    one.card.set([BUILT_IN, ARRAY])
    one.opened("array")


def test_it_is_looked_for_though_nothing_told_of_a_change(desk: Start) -> None:
    one = desk(wanted="array")
    assert one.told() == ("waiting", "")
    one.card.devices.append(ARRAY)
    one.opened("array")


def test_after_a_while_the_default_takes_its_place_with_a_warning_and_it_gets_that_back(desk: Start) -> None:
    one = desk(BUILT_IN, wanted="array", wait_s=0.05)
    assert one.told() == ("waiting", "")
    assert one.told() == ("waiting", "")
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
    assert [one.told() for _ in range(3)] == [("lost", "array"), ("waiting", ""), ("waiting", "")]
    one.opened("built-in")


@pytest.mark.parametrize(
    ("wanted", "says"), [("array", 'there is no microphone "array"; '), ("", "there is no microphone; ")]
)
def test_without_any_device_it_says_that_it_waited_in_vain_and_goes_on_waiting(
    desk: Start, wanted: str, says: str
) -> None:
    one = desk(wanted=wanted, wait_s=0)
    assert one.told() == ("waiting", "")
    assert one.text.startswith(f"waiting for audio.microphone: {says}after 0 s (audio.wait_s) ")
    assert ("ends with exit code 9" in one.text) == (not wanted)
    note = one.next()
    assert isinstance(note, Missing)
    assert str(note.error).startswith(f"{says}`engine doctor` says why")
    one.card.set([ARRAY])
    one.opened("array")


def test_a_name_that_several_have_is_waited_for_like_one_that_nobody_has(desk: Start) -> None:
    one = desk(device("array one"), device("array two"), wanted="array")
    assert one.told() == ("waiting", "")
    assert '"array" fits 2 devices; write more of the name; ' in one.text
    one.card.set([ARRAY])
    one.opened("array")


def test_a_device_that_cannot_be_opened_counts_as_absent(desk: Start) -> None:
    one = desk(BUILT_IN, ARRAY, wanted="array", wait_s=0, refused={"array"})
    assert one.told() == ("lost", "array")
    assert "the array is busy" in one.text
    assert one.told() == ("waiting", "")
    assert "microphone array (the array) cannot be used" in one.text
    assert one.told() == ("waiting", "")
    one.opened("built-in")


def test_a_device_that_is_still_refused_costs_the_default_no_second_wait(
    desk: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = desk(BUILT_IN, ARRAY, wanted="array", wait_s=0, refused={"array"})
    assert [one.told() for _ in range(3)] == [("lost", "array"), ("waiting", ""), ("waiting", "")]
    one.opened("built-in")
    monkeypatch.setattr(one.keeper, "_wait_s", FOREVER_S)
    one.keeper._absent_s -= FOREVER_S  # type: ignore[operator]
    one.card.tell()  # something else came or went: the array is tried again
    one.let_close("built-in")
    assert [one.told() for _ in range(2)] == [("lost", "array"), ("waiting", "")]
    one.opened("built-in")


def test_a_device_that_was_busy_is_tried_again_and_that_it_is_busy_said_once(
    desk: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    one = desk(ARRAY, refused={"array"})
    assert [one.told(), one.told()] == [("lost", "array"), ("waiting", "")]
    looks = one.card.looks
    until(lambda: one.card.looks > looks + 20)  # nobody tells of a change
    one.card.refused.clear()
    one.opened("array")


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
    assert one.told() == ("waiting", "")
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
    assert (note.side, note.stream) == ("loudspeaker", card.stream("horn"))


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
