"""What the recogniser and voice activity do with work that is late: counted, and left out where newer is waiting."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from engine import messages as m
from engine.contract import Abilities, Backend, Event, Heard, Job, Pcm, Tag
from tests.rings import Rings, messages
from workers.asr import Asr
from workers.backends.registry import rung
from workers.backends.silero import Silero
from workers.vad import Vad

MS = 1_000_000
TAG = Tag(1, 1)


class Parrot:
    """A recogniser that hears another word in every piece of sound."""

    abilities = Abilities(checkpoint="call", incremental=True)
    remarks: Sequence[str] = ()

    def __init__(self) -> None:
        self.fed = 0
        self._job: Job | None = None

    def begin(self, job: Job) -> None:
        self._job = job

    def feed(self, job: Job, data: Pcm) -> None:
        self.fed += len(data)

    def finish(self, job: Job) -> None: ...

    def step(self, budget_ns: int) -> Sequence[Event]:
        return [Heard(TAG, f"{self.fed}", 0.9, "en", final=False, upto=self.fed)]

    @property
    def idle(self) -> bool:
        return True

    def cancel(self, tag: Tag) -> None: ...


class Desk:
    """The recogniser's worker without its loop, over a microphone that the test is."""

    def __init__(self, rings: Rings) -> None:
        self.telemetry = rings.telemetry
        seat, audio = rings.seat("asr"), rings.seat("audio")
        self._mic = audio.history_writer("mic")
        self._told = rings.seat("turns").stream_reader("texts")
        backend: Backend = Parrot()  # type: ignore[assignment]
        self.asr = Asr(seat, backend, seat.history_reader("mic"), seat.outlet("texts"))
        messages(self._told)
        self.asr.take(m.Listen(tag=TAG, start=0, language="en"))
        self._chunk = seat.config.asr.partial_ms * 16

    def hear(self, chunks: int, ago_ms: float) -> None:
        """So much sound was captured, the last of it so long ago."""
        for _ in range(chunks):
            self._mic.claim(self._chunk)[:] = 0
            captured_ns = time.monotonic_ns() - round(ago_ms * MS) - self._chunk * 1_000_000_000 // 16000
            self._mic.commit(self._chunk, capture_ns=captured_ns)

    def texts(self) -> list[str]:
        """Decode it all: the words so far that are told."""
        while self.asr.work():
            pass
        return [message.text for message in messages(self._told) if isinstance(message, m.Text)]

    @property
    def late(self) -> int:
        return self.telemetry.get("asr.late")


@pytest.fixture
def desk(rings: Rings) -> Desk:
    return Desk(rings)


def test_words_that_are_in_time_are_all_told(desk: Desk) -> None:
    for _ in range(3):
        desk.hear(1, ago_ms=-10_000)  # however slow this machine is
        assert len(desk.texts()) == 1
    assert desk.late == 0


def test_late_words_are_counted_and_left_out_where_newer_ones_are_coming(desk: Desk) -> None:
    desk.hear(1, ago_ms=1000)
    assert len(desk.texts()) == 1  # nothing newer is
    desk.hear(5, ago_ms=1000)
    assert desk.texts()[-1] == f"{6 * desk._chunk}"
    assert desk.late == 6


def test_late_words_are_told_all_the_same_when_the_user_pauses(desk: Desk) -> None:
    desk.hear(6, ago_ms=1000)
    desk.asr.take(m.Hold(tag=TAG, limit=6 * desk._chunk, end=5 * desk._chunk))
    told = desk.texts()
    assert len(told) == desk.late > 1


def test_a_judge_of_voices_that_is_too_slow_skips_what_it_cannot_make_up_for_and_never_the_newest(rings: Rings) -> None:
    backend = Silero()
    backend.load(rung("vad", rings.config))
    rings.telemetry.set("turns.session", 1)
    seat = rings.seat("vad")
    vad = Vad(seat, backend, seat.history_reader("mic"), seat.outlet("speech"))
    for took_ms, waiting, skipped in ((5, 10, 0), (31, 10, 0), (100, 10, 3), (100, 3, 2), (100, 1, 0), (100, 0, 0)):
        before = rings.telemetry.get("vad.late")
        vad.took_ns = took_ms * MS
        assert vad.skip(waiting) == skipped
        assert rings.telemetry.get("vad.late") - before == skipped
