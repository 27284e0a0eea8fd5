"""What the page knows of the sound and of the stages, from real rings: levels, nothing that can be listened to."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from engine.channels import ENGINE, channel
from engine.contract import Pcm
from engine.snapshot import Observer
from engine.web.levels import COLUMNS_PER_S, RingLevels
from engine.web.numbers import shown
from tests.rings import Rings

RATE = 16000
COLUMN = RATE // COLUMNS_PER_S


class Room:
    """The audio worker's two rings of sound, with the test as their writer."""

    def __init__(self, rings: Rings) -> None:
        seat = rings.seat("audio")
        self.microphone, self.loudspeaker = seat.history_writer("mic"), seat.history_writer("played")

    def sound(self, heard: Pcm, played: Pcm) -> None:
        for ring, pcm in ((self.microphone, heard), (self.loudspeaker, played)):
            ring.claim(len(pcm))[:] = pcm
            ring.commit(len(pcm), capture_ns=1)


@pytest.fixture
def room(rings: Rings) -> Room:
    return Room(rings)


def silence(columns: int) -> Pcm:
    return np.zeros(columns * COLUMN, np.int16)


def test_each_column_is_its_lowest_and_its_highest_sample(rings: Rings, room: Room) -> None:
    levels = RingLevels(rings.instance)
    heard = silence(2)
    heard[3], heard[7], heard[COLUMN + 5] = -16384, 8192, 32767
    room.sound(heard, silence(2))
    told = levels.read()
    assert told is not None
    assert told["microphone"]["columns"] == [-64, 32, 0, 127]
    assert told["loudspeaker"] == {"columns": [0, 0, 0, 0], "db": -96.0}
    assert levels.read() is None
    levels.close()


def test_loudness_is_in_db_below_full_scale(rings: Rings, room: Room) -> None:
    levels = RingLevels(rings.instance)
    room.sound(np.full(COLUMN, 3277, np.int16), np.full(COLUMN, -32768, np.int16))
    told = levels.read()
    assert told is not None
    assert told["microphone"]["db"] == pytest.approx(-20, abs=0.1)
    assert told["loudspeaker"]["db"] == 0
    levels.close()


def test_after_a_pause_it_goes_on_with_the_present(rings: Rings, room: Room) -> None:
    levels = RingLevels(rings.instance)
    for _ in range(30):
        room.sound(silence(8), silence(8))
    room.sound(np.full(COLUMN, 32767, np.int16), silence(1))
    told = levels.read()
    assert told is not None
    assert len(told["microphone"]["columns"]) == 2 * COLUMNS_PER_S
    assert told["microphone"]["columns"][-1] == 127
    levels.close()


def test_what_is_no_whole_column_yet_waits_for_its_rest(rings: Rings, room: Room) -> None:
    levels = RingLevels(rings.instance)
    room.sound(silence(1)[1:], silence(1)[1:])
    assert levels.read() is None
    room.sound(silence(1), silence(1))
    told = levels.read()
    assert told is not None
    assert len(told["loudspeaker"]["columns"]) == 2
    levels.close()


def test_an_observer_gives_its_seat_up_and_is_none_of_those_who_are_woken(rings: Rings, room: Room) -> None:
    for _ in range(2):  # a seat that was not given up cannot be taken again
        levels = RingLevels(rings.instance)
        room.sound(silence(1), silence(1))
        assert levels.read() is not None
        levels.close()
    for name in ("mic", "played"):
        assert ENGINE in channel(name).seats
        assert ENGINE not in channel(name).readers  # whose bells the audio worker rings


def test_numbers_of_a_stage_are_those_of_its_cells_and_its_process(rings: Rings) -> None:
    page = rings.telemetry
    page.set("asr.pid", os.getpid())
    page.set("asr.state", 2)
    page.set("asr.beat_ns", time.monotonic_ns())
    page.set("asr.rung_at", 1)
    page.count("asr.late", 4)
    page.set("llm.gone", 1)
    page.count("llm.restarts", 3)
    page.count("audio.xruns", 5)
    told = shown(Observer(rings.instance).take())
    stages = {stage["name"]: stage for stage in told["stages"]}
    asr, ladder = stages["asr"], rings.config.asr.rungs
    assert (asr["state"], asr["late"], asr["rung"], asr["rungs"]) == ("ready", 4, 1, len(ladder))
    assert asr["rung_name"] == ladder[1].name
    assert asr["mb"] > 1
    assert (stages["llm"]["state"], stages["llm"]["restarts"], stages["llm"]["mb"]) == ("gone", 3, None)
    assert stages[ENGINE]["mb"] > 1
    assert told["counters"]["xruns"] == 5
