"""The audio worker's port: mute and volume as the host wants them, visitors who left, new settings."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import ringbuf
from engine import audible
from engine import messages as m
from engine.channels import segment
from engine.contract import Pcm, Tag
from ringbuf import DISCONTINUITY, LOST
from tests.rings import Rings, messages
from tests.sound.host import Host
from tests.sound.rig import RATE, S
from workers.sound.level import factor, loudness
from workers.sound.port import RingPort

BLOCK = 320
START = 5 * S


class Worker:
    """The audio worker's port between the host and a device; it may be started again."""

    def __init__(self, rings: Rings) -> None:
        self._rings, self.telemetry, self.host = rings, rings.telemetry, Host(rings)
        self.telemetry.set("audio.start_ns", START)
        self._voice = rings.seat("vocoder").stream_writer("speaker", np.int16)
        recorder = rings.seat("recorder")
        self.mic, self.played = (recorder.history_reader(name, 0) for name in ("mic", "played"))
        self._start()

    def _start(self) -> None:
        self.port = RingPort(self._rings.seat("audio"))
        self._seen = 0

    def restart(self) -> None:
        """Another process in its place."""
        del self.port
        gc.collect()
        self._start()

    def serve(self) -> None:
        """Once round the worker's loop."""
        assert self.port.wait(0)

    def hear(self, value: int, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.port.hear(BLOCK)[:] = value
            self.port.heard(BLOCK, START + self.port.heard_samples * S // RATE)

    def play(self, blocks: int = 1) -> Pcm:
        """What the loudspeaker gets."""
        out = np.full((blocks, BLOCK), 99, np.int16)
        for block in out:
            self.port.fill(block)
            self.port.played(block, START + self.port.played_samples * S // RATE)
        return out.reshape(-1)

    def say(self, value: int, blocks: int) -> None:
        """Sound of the one answer that may be heard."""
        self.telemetry.set("audio.audible", audible.pack(audible.VOCODER, Tag(1, 1, 1)))
        for _ in range(blocks):
            assert self._voice.put(np.full(BLOCK, value, np.int16), kind=m.SOUND, session=1, turn=1, attempt=1)

    def heard(self, start: int = 0) -> list[int]:
        """What is in the mic ring, a value for each block."""
        return self._values(self.mic, start)

    def spoken(self, start: int = 0) -> list[int]:
        """What is in the played ring."""
        return self._values(self.played, start)

    def _values(self, ring: object, start: int) -> list[int]:
        found: Pcm | None = ring.view(start, ring.position)  # type: ignore[attr-defined]
        assert found is not None
        blocks = found.reshape(-1, BLOCK)
        assert (blocks == blocks[:, :1]).all()
        return [int(value) for value in blocks[:, 0]]


@pytest.fixture
def rings(rings_with: Callable[..., Rings]) -> Rings:
    """What is heard goes into the ring at once, as it is."""
    return rings_with("audio.aec=off", "audio.block_ms=20")


@pytest.fixture
def worker(rings: Rings) -> Worker:
    return Worker(rings)


MUTED, OPEN = {"event": "mute", "muted": True}, {"event": "mute", "muted": False}

# ---- mute ----


def test_mute_scrubs_all_that_was_heard_and_keeps_sound_out_until_it_is_taken_back(worker: Worker) -> None:
    worker.hear(7, 10)
    worker.host.mute(1, True)
    worker.serve()
    assert worker.host.told() == [MUTED, 1]
    worker.hear(8, 5)  # the virtual card goes on
    assert worker.heard() == [0] * 15
    worker.host.mute(2, False)
    worker.serve()
    assert worker.host.told() == [OPEN, 2]
    worker.hear(9, 2)
    assert worker.heard() == [0] * 15 + [9] * 2


def test_a_command_that_changes_nothing_is_answered_and_told_nobody(worker: Worker) -> None:
    worker.host.mute(1, False)
    worker.serve()
    assert worker.host.told() == [1]
    worker.host.mute(2, True)
    worker.host.mute(3, True)
    worker.serve()
    assert worker.host.told() == [MUTED, 2, 3]


def test_a_real_microphone_is_muted_when_it_is_closed_and_not_before(worker: Worker) -> None:
    asked: list[bool] = []

    def close_or_open() -> bool:
        asked.append(worker.port.muted)
        return not worker.port.muted

    worker.port.on_mute = close_or_open
    worker.hear(7, 10)
    worker.host.mute(1, True)
    worker.host.mute(2, True)
    worker.serve()
    worker.hear(8, 2)  # it is still open
    assert worker.host.told() == []
    worker.port.mute_done()
    assert sorted(map(str, worker.host.told())) == sorted(map(str, [MUTED, 1, 2]))
    assert worker.heard() == [0] * 12
    worker.host.mute(3, True)
    worker.serve()
    assert worker.host.told() == [3]
    worker.host.mute(4, False)
    worker.serve()
    assert worker.host.told() == [OPEN, 4]
    assert asked == [True, False]


def test_a_mute_that_is_taken_back_before_the_microphone_is_closed_answers_both_once(worker: Worker) -> None:
    worker.port.on_mute = lambda: not worker.port.muted
    worker.host.mute(1, True)
    worker.host.mute(2, False)
    worker.serve()
    told = worker.host.told()
    assert sorted(number for number in told if isinstance(number, int)) == [1, 2]
    assert [event for event in told if isinstance(event, dict)] == [OPEN]
    worker.hear(9)
    assert worker.heard() == [9]


# ---- volume ----


def test_volume_is_told_answered_and_glides_into_place(worker: Worker) -> None:
    worker.say(10000, 4)
    assert set(worker.play().tolist()) == {10000}
    worker.host.volume(1, 40)
    worker.serve()
    assert worker.host.told() == [{"event": "volume", "percent": 40}, 1]
    assert worker.telemetry.get("audio.volume") == 41
    gliding = worker.play()
    assert (gliding[0], gliding[-1]) == (10000, round(10000 * loudness(40)))
    assert set(worker.play().tolist()) == {round(10000 * loudness(40))}
    worker.host.volume(2, 0)
    worker.serve()
    worker.play()
    worker.say(10000, 3)
    assert not worker.play(2).any()


def test_every_command_is_answered_once(worker: Worker) -> None:
    for number in range(100):
        if number % 3:
            worker.host.volume(number, number)
        else:
            worker.host.mute(number, number % 2 == 0)
        if number % 7 == 0:
            worker.serve()
    worker.serve()
    assert sorted(one for one in worker.host.told() if isinstance(one, int)) == list(range(100))
    worker.serve()
    assert worker.host.told() == []


def test_a_command_that_comes_too_late_is_void(worker: Worker) -> None:
    """The host was told that it did not come about."""
    before = worker.port.volume
    worker.host.volume(1, 40, deadline_ns=1)
    worker.serve()
    assert worker.port.volume == before
    assert worker.host.told() == []


def test_volume_and_mute_survive_a_restart_of_the_audio_worker(worker: Worker) -> None:
    worker.hear(7, 3)
    worker.host.volume(1, 40)
    worker.host.mute(2, True)
    worker.serve()
    worker.restart()
    assert (worker.port.volume, worker.port.muted) == (40, True)
    worker.serve()
    worker.hear(8)
    assert worker.heard() == [0] * 4
    worker.say(10000, 1)
    assert set(worker.play().tolist()) == {round(10000 * loudness(40))}  # from the first sample on


def test_a_worker_that_joins_says_so_that_it_is_told_again_what_was_not_done(rings: Rings) -> None:
    port = RingPort(rings.seat("audio"))
    told = ringbuf.StreamReader(segment(rings.instance, "devices"))
    port.join()
    assert messages(told) == [m.Joined(stage="audio")]


# ---- visitors who left ----


def test_what_a_visitor_said_and_heard_is_scrubbed_and_nothing_else(worker: Worker) -> None:
    worker.hear(1, 20)
    worker.say(2, 22)
    worker.play(22)  # the loudspeaker is fed ahead
    worker.telemetry.set("audio.forget_upto", 15 * BLOCK)
    worker.serve()
    assert worker.heard() == [0] * 15 + [1] * 5
    assert worker.spoken() == [0] * 22
    # The next visitor.
    worker.hear(3, 100)
    worker.say(4, 100)
    worker.play(100)
    worker.serve()
    assert worker.heard()[15:] == [1] * 5 + [3] * 100
    assert worker.spoken()[22:] == [4] * 100
    worker.telemetry.set("audio.forget_upto", 50 * BLOCK)
    worker.serve()
    assert worker.heard() == [0] * 50 + [3] * 70
    ahead = RATE // 2 // BLOCK
    assert worker.spoken() == [0] * (50 + ahead) + [4] * (72 - ahead)


def test_what_was_being_said_to_a_visitor_who_leaves_is_scrubbed_once_it_has_faded_out(worker: Worker) -> None:
    worker.hear(1, 20)
    worker.say(2000, 22)
    worker.play(20)
    worker.telemetry.set("audio.audible", audible.pack(audible.VOCODER, Tag(1, 1, 2)))
    worker.telemetry.set("audio.forget_upto", 20 * BLOCK)
    worker.serve()
    assert worker.play().any()  # what fades out
    worker.serve()
    assert worker.heard() == [0] * 20
    assert worker.spoken() == [0] * 21


def test_a_visitor_is_forgotten_though_the_worker_died_and_the_next_one_is_not(worker: Worker) -> None:
    worker.hear(1, 20)
    worker.say(2, 20)
    worker.play(20)
    worker.telemetry.set("audio.forget_upto", 20 * BLOCK)
    worker.restart()
    worker.hear(3, 100)
    worker.say(4, 100)
    worker.play(100)
    worker.serve()
    assert worker.heard() == [0] * 20 + [3] * 100
    worker.restart()
    worker.serve()
    assert worker.heard() == [0] * 20 + [3] * 100
    spoken = worker.spoken()
    assert not any(spoken[:20])
    assert spoken[-75:] == [4] * 75


# ---- settings ----


def test_new_settings_apply_at_once(worker: Worker, rings: Rings) -> None:
    worker.say(20000, 40)
    assert set(worker.play().tolist()) == {20000}
    audio = replace(rings.config.audio, volume=80, gain_db=-20.0, limit_db=-20.0)
    rings.reload(replace(rings.config, audio=audio))
    worker.serve()
    assert worker.host.told() == [{"event": "volume", "percent": 80}]
    worker.play(20)  # the limiter has to come back from what was louder
    # At a volume of 80 it would be 6325, and the limit is 3277.
    assert set(worker.play().tolist()) == {round(factor(-20) * 32768)}
    out = np.zeros(BLOCK, np.int16)
    for _ in range(2):
        worker.port.microphone(np.full(BLOCK, 10000, np.int16), out)
    assert set(out.tolist()) == {1000}
    worker.serve()
    assert worker.host.told() == []


def test_the_hosts_volume_stays_when_other_settings_change(worker: Worker, rings: Rings) -> None:
    worker.host.volume(1, 30)
    worker.serve()
    worker.host.told()
    audio = replace(rings.config.audio, limit_db=-2.0)
    rings.reload(replace(rings.config, audio=audio))
    worker.serve()
    assert (worker.host.told(), worker.port.volume) == ([], 30)
    worker.restart()
    assert worker.port.volume == 30


def test_a_volume_that_was_configured_while_the_worker_was_away_counts_once(worker: Worker, rings: Rings) -> None:
    worker.host.volume(1, 30)
    worker.serve()
    worker.host.told()
    rings.reload(replace(rings.config, audio=replace(rings.config.audio, volume=60)))
    worker.restart()
    assert (worker.host.told(), worker.port.volume) == ([{"event": "volume", "percent": 60}], 60)
    worker.host.volume(2, 30)
    worker.serve()
    worker.host.told()
    worker.restart()
    assert (worker.host.told(), worker.port.volume) == ([], 30)


# ---- timelines without a device ----


def test_what_was_not_fetched_or_fed_in_time_is_counted_in_blocks_and_the_absence_of_a_device_is_not(
    worker: Worker,
) -> None:
    worker.port.skip(10 * BLOCK)
    worker.port.pass_over(10 * BLOCK)
    assert [worker.telemetry.get(f"audio.{name}") for name in ("lost_blocks", "xruns")] == [0, 0]
    worker.port.skip(3 * BLOCK + 1, lost=True)
    worker.port.missed(BLOCK // 2)
    assert [worker.telemetry.get(f"audio.{name}") for name in ("lost_blocks", "xruns")] == [4, 1]


@pytest.mark.parametrize(("lull", "late_ms"), [(False, 15), (True, 0)])
def test_a_block_that_waits_for_the_rest_of_its_piece_is_late_but_in_a_lull(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, lull: bool, late_ms: int
) -> None:
    worker.port.lull = lull
    worker.port.hear(BLOCK)
    end = START + BLOCK * S // RATE
    monkeypatch.setattr("workers.sound.port.time", SimpleNamespace(monotonic_ns=lambda: end + 15_000_000))
    worker.port.heard(BLOCK, START)
    found = worker.telemetry.percentiles("audio.lateness_ns", 50)
    assert found == pytest.approx([late_ms], rel=0.1, abs=0.01)


@pytest.mark.parametrize(
    ("go_on", "ring", "flags"),
    [
        (lambda port, samples: port.skip(samples), "mic", LOST | DISCONTINUITY),
        (lambda port, samples: port.pass_over(samples), "played", LOST),
        (lambda port, samples: port.missed(samples), "played", LOST),
    ],
    ids=["skip", "pass over", "missed"],
)
def test_a_gap_of_any_length_is_silent_and_marked_and_has_its_time(
    worker: Worker, go_on: Callable[[RingPort, int], None], ring: str, flags: int
) -> None:
    reader = worker.mic if ring == "mic" else worker.played
    samples = 70 * RATE + 77  # more than the ring holds
    go_on(worker.port, BLOCK)
    go_on(worker.port, samples)
    assert reader.position == BLOCK + samples
    oldest = reader.oldest
    view = reader.view(oldest, reader.position)
    assert view is not None
    assert not view.any()
    assert reader.flags(reader.position - samples // 2, reader.position) == flags
    sample = reader.position - RATE
    assert reader.capture_ns(sample) == pytest.approx(START + sample * S // RATE, abs=S // RATE)
    go_on(worker.port, 0)
    assert reader.position == BLOCK + samples
