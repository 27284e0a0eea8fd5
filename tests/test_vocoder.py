"""The vocoder worker speaks every clause once and tells its own sound, whatever comes twice and whoever was killed."""

from __future__ import annotations

import dataclasses
import functools
import threading
from typing import Any

import numpy as np
import pytest

import ringbuf
from engine import audible
from engine import messages as m
from engine.channels import PROCESSES, WATCHES
from engine.config import load
from engine.contract import Rung, Tag
from engine.telemetry import Telemetry
from tests.rings import Rings, messages
from workers.backends.clauses import LONGEST, ClauseVoice
from workers.backends.pieces import Piece
from workers.join import Seat
from workers.vocoder import Vocoder

TAG, NEXT, STALE = Tag(1, 2, 1), Tag(1, 3, 1), Tag(1, 1, 1)
LOUD = 8000
PER_CHARACTER = 32
WATCHDOG_S = 60
"""Reached only when something is broken."""
RATE = 16000


class Scripted(ClauseVoice):
    """A voice whose every character is 2 ms of sound, and that knows when each is said; it cannot say `fault`."""

    def __init__(self, telemetry: Telemetry) -> None:
        super().__init__()
        self._telemetry = telemetry
        self.said: list[str] = []
        self.bounds: list[int] = []
        self.speed = 1.0
        self.forgetful = False
        """It tells nothing of a clause's last word."""

    def load(self, rung: Rung) -> None:
        self.speed = rung.settings.get("speed", 1.0)
        self._open(dataclasses.replace(rung, settings={"pause_ms": 0}), rung.rate)

    def unload(self) -> None: ...

    def _readable(self, word: str) -> str:
        return word

    def forget(self, session: int) -> None:
        self.said.append(f"forget {session}")

    def _place(self, piece: Piece) -> None:
        super()._place(piece)
        if self.forgetful:
            piece.clause.words.pop()

    def _say(self, text: str) -> None:
        self.bounds.append(self._telemetry.get("vocoder.bound_ns"))
        self.said.append(text)
        for at in (at for at, before in enumerate(" " + text[:-1]) if before == " "):
            self._mark(at, at * PER_CHARACTER / RATE)
        if text == "fault":
            self._error = RuntimeError("a fault")
            return
        self._take(np.full(PER_CHARACTER * len(text), LOUD, np.int16))


class Tireless(Scripted):
    """Works without asking its sink, until it is cancelled."""

    CHECKPOINT = "node"

    def _say(self, text: str) -> None:
        self.working.set()
        assert self.stopped.wait(WATCHDOG_S)

    def __init__(self, telemetry: Telemetry) -> None:
        super().__init__(telemetry)
        self.working, self.stopped = threading.Event(), threading.Event()

    def cancel(self, tag: Tag) -> None:
        super().cancel(tag)
        self.stopped.set()


class Mortal(Seat):
    """A seat that can be left without the end of the process: its roles become free as when a process is killed."""

    def die(self) -> None:
        for ring in self._held:
            ring.close()

    @functools.cached_property
    def _held(self) -> list[ringbuf.StreamReader | ringbuf.StreamWriter]:
        return []

    def stream_writer(
        self, name: str, dtype: type[np.generic] = np.uint8, *, scrub: bool = True
    ) -> ringbuf.StreamWriter:
        self._held.append(writer := super().stream_writer(name, dtype, scrub=scrub))
        return writer

    def stream_reader(
        self, name: str, dtype: type[np.generic] = np.uint8, *, wake: bool = True
    ) -> ringbuf.StreamReader:
        self._held.append(reader := super().stream_reader(name, dtype, wake=wake))
        return reader


class Desk:
    """The vocoder worker without its loop, between turns and audio, which are the test. `restart` kills it."""

    def __init__(self, rings: Rings, voice: type[Scripted] = Scripted) -> None:
        self._rings, self._voice = rings, voice
        self._seat: Mortal | None = None
        turns, self.telemetry = rings.seat("turns"), rings.telemetry
        self._clauses, self.told_ring = turns.outlet("clauses"), turns.stream_reader("voiced")
        self._speaker = rings.seat("audio").stream_reader("speaker", np.int16)
        self.allow(TAG)
        self.restart()

    def restart(self) -> None:
        """A new process takes the place of the one that was there, and with it what that one had not read."""
        if self._seat:
            self._seat.die()
        seat = self._seat = Mortal(next(each for each in PROCESSES if each.name == "vocoder"), self._rings.instance)
        self.voice = self._voice(seat.telemetry)
        self.voice.load(Rung({}, rate=RATE))
        self.seat = seat
        self._inbox = seat.stream_reader("clauses")
        self._vocoder = Vocoder(seat, self.voice, seat.outlet("voiced"))
        self._vocoder.join(self._inbox)

    def fill_speaker(self) -> None:
        """Fill the speaker ring to the last item, as a voice that is killed then leaves it."""
        assert self._seat is not None
        self._seat.die()
        with self._rings.seat("vocoder").stream_writer("speaker", np.int16) as writer:
            for size in (320, 0):
                while writer.claim(size) is not None:
                    writer.commit(size, session=TAG.session, turn=TAG.turn, attempt=TAG.attempt)
        self._seat = None
        self.restart()

    def allow(self, tag: Tag) -> None:
        for cell in ("audio.audible", "turns.newest"):
            self.telemetry.set(cell, audible.pack(audible.VOCODER, tag))
        self._rings.ring(WATCHES["vocoder"])  # as turns does

    def clauses(self, *texts: str, tag: Tag = TAG, first: int = 0) -> None:
        for number, text in enumerate(texts, first):
            self._clauses.send(m.Clause(tag=tag, number=number, text=text, language="en"))

    def last(self, tag: Tag = TAG) -> None:
        self._clauses.send(m.LastClause(tag=tag, count=0))

    def cancel(self, tag: Tag = TAG) -> None:
        self._clauses.send(m.Cancel(tag=tag))

    def work(self, steps: int = 1000) -> list[str]:
        """Read all messages and go on until nothing is left to do, or for some steps: what was said."""
        already = len(self.voice.said)
        for record in self._inbox:
            self._vocoder.take(m.decode(record))
        for _ in range(steps):
            if self.voice.idle:
                break
            self._vocoder.step()
        else:
            assert steps < 1000, "it never has nothing to do"
        return self.voice.said[already:]

    def told(self) -> list[Any]:
        """(number, samples) of each clause that was voiced, and the reasons of the ends."""
        found: list[Any] = []
        for message in messages(self.told_ring):
            if isinstance(message, m.ClauseVoiced):
                found.append((message.number, message.samples))
            elif isinstance(message, m.VoiceEnded):
                found.append(message.reason)
        return found

    def words(self) -> list[tuple[int, tuple[str, ...], tuple[int, ...]]]:
        """Of each clause that was voiced: its number, its words and where each begins."""
        voiced = [message for message in messages(self.told_ring) if isinstance(message, m.ClauseVoiced)]
        return [(message.number, message.words, message.starts) for message in voiced]

    def reload(self, *sets: str) -> None:
        """Settings change, as in the worker's loop."""
        self._rings.reload(load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""}))
        assert self.seat.reloaded()
        self.renew()

    def renew(self) -> None:
        self._vocoder.renew()

    def over(self, session: int) -> None:
        self._clauses.send(m.SessionOver(tag=Tag(session)))

    def sound(self) -> tuple[int, int]:
        """Samples and ends in the speaker ring since the last call."""
        samples = ends = 0
        for record in self._speaker:
            samples += len(record.data)
            ends += record.kind == m.SOUND_END
        return samples, ends


@pytest.fixture
def desk(rings: Rings) -> Desk:
    return Desk(rings)


def samples(text: str) -> int:
    return PER_CHARACTER * len(text)


def test_each_clause_has_its_own_number_and_all_its_samples_whatever_the_voice_makes_of_it(desk: Desk) -> None:
    long = ("word " * 80).strip()
    assert len(long) > 2 * LONGEST
    desk.clauses("first", long, "...", "the end")
    desk.last()
    pieces = desk.work()
    assert len(pieces) == 5
    assert " ".join(pieces) == f"first {long} the end"
    told = desk.told()
    assert told == [(0, samples("first")), (1, sum(map(samples, pieces[1:4]))), (2, 0), (3, samples("the end")), "done"]
    assert desk.sound() == (sum(count for _, count in told[:-1]), 1)


def test_clauses_that_come_twice_are_spoken_once(desk: Desk) -> None:
    desk.clauses("one", "two")
    desk.clauses("one", "two", "three")
    assert desk.work() == ["one", "two", "three"]
    desk.clauses("two", "three", "four", first=1)
    desk.last()
    desk.last()
    assert desk.work() == ["four"]
    assert desk.told() == [(n, samples(text)) for n, text in enumerate(["one", "two", "three", "four"])] + ["done"]
    assert desk.sound() == (samples("onetwothreefour"), 1)


def test_after_a_restart_the_answer_goes_on_at_the_first_clause_that_is_not_voiced(desk: Desk) -> None:
    desk.clauses("one", "two")
    assert desk.work(steps=1) == ["one"]  # "two" was read, and is lost with the process
    desk.clauses("three", "four", first=2)
    desk.last()
    desk.restart()  # "three", "four" and the last clause are still in the ring
    desk.clauses("two", "three", "four", first=1)
    desk.last()
    assert desk.work() == ["two", "three", "four"]
    told = [(0, samples("one")), (1, samples("two")), (2, samples("three")), (3, samples("four")), "done"]
    assert desk.told() == told
    assert desk.sound() == (samples("onetwothreefour"), 1)


def test_what_was_not_read_before_a_restart_is_left_to_turns_which_is_told_of_it(desk: Desk) -> None:
    assert messages(desk.told_ring) == [m.Renewed(stage="vocoder", version=0), m.Joined(stage="vocoder")]
    desk.clauses("one")
    desk.restart()
    assert messages(desk.told_ring) == [m.Renewed(stage="vocoder", version=0), m.Joined(stage="vocoder")]
    assert desk.work() == []


def test_restarted_when_all_was_voiced_it_writes_the_end_that_is_owed_once(desk: Desk) -> None:
    desk.clauses("one")
    desk.work()
    desk.restart()
    desk.last()
    desk.last()
    assert desk.work() == []
    assert desk.sound() == (samples("one"), 1)


def test_an_answer_that_was_spoken_stays_closed_and_the_next_one_is_spoken(desk: Desk) -> None:
    for _ in range(2):
        desk.clauses("one")
        desk.last()
        desk.work()
    desk.clauses("old", tag=STALE)
    desk.last(tag=STALE)
    assert desk.work() == []
    assert desk.told() == [(0, samples("one")), "done"]
    assert desk.sound() == (samples("one"), 1)
    desk.allow(NEXT)
    desk.clauses("more", tag=NEXT)
    desk.last(tag=NEXT)
    assert desk.work() == ["more"]
    assert desk.told() == [(0, samples("more")), "done"]


def test_a_cancelled_answer_stays_closed_whether_it_had_begun_or_not(desk: Desk) -> None:
    desk.clauses("one")
    desk.work()
    desk.cancel()
    desk.work()
    desk.clauses("two", first=1)
    desk.last()
    assert desk.work() == []
    desk.cancel(tag=NEXT)
    desk.clauses("more", tag=NEXT)
    assert desk.work() == []
    assert desk.told() == [(0, samples("one")), "cancelled"]


def test_a_failed_answer_stays_closed_and_the_voice_lives_on(desk: Desk) -> None:
    desk.clauses("one", "fault", "three")
    assert desk.work() == ["one", "fault"]
    desk.clauses("one", "fault", "three", "four")
    desk.last()
    assert desk.work() == []
    assert desk.told() == [(0, samples("one")), "failed"]
    assert desk.sound() == (samples("one"), 1)
    desk.allow(NEXT)
    desk.clauses("more", tag=NEXT)
    assert desk.work() == ["more"]


def test_the_end_of_a_stale_answer_does_not_wait_for_a_full_ring(desk: Desk) -> None:
    desk.fill_speaker()
    desk.last(tag=STALE)
    desk.clauses("old", tag=STALE)
    assert desk.work() == []  # it would not come back


def test_a_long_synthesis_is_announced_so_that_it_is_not_taken_for_a_hang(desk: Desk) -> None:
    desk.clauses("one")
    desk.work()
    assert all(desk.voice.bounds)
    assert desk.telemetry.get("vocoder.bound_ns") == 0


def test_each_clause_tells_its_words_and_where_they_begin(desk: Desk) -> None:
    desk.clauses("one two", "...", "so  it is")
    desk.last()
    desk.work()
    assert desk.words() == [
        (0, ("one", "two"), (0, 4 * PER_CHARACTER)),
        (1, (), ()),
        (2, ("so", "it", "is"), (0, 3 * PER_CHARACTER, 6 * PER_CHARACTER)),
    ]


def test_a_visitor_who_left_is_forgotten_when_their_answer_has_ended(desk: Desk) -> None:
    desk.clauses("one", "two", "three")
    desk.work(steps=1)
    desk.over(1)
    desk.work()
    assert desk.voice.said == ["one", "forget 1"]
    assert desk.told() == [(0, samples("one")), "cancelled"]
    desk.allow(Tag(2, 1, 1))
    desk.clauses("more", tag=Tag(2, 1, 1))
    assert desk.work() == ["more"]


def test_a_voice_that_changed_speaks_so_from_the_next_answer_on(desk: Desk) -> None:
    desk.clauses("one", "two")
    desk.work(steps=1)
    desk.reload("vocoder.flite.speed=1.5")
    assert desk.voice.speed == 1.0
    desk.last()
    desk.work()
    desk.renew()
    assert desk.voice.speed == 1.5
    desk.voice.said.clear()
    desk.reload("vocoder.flite.speed=1.5", "vocoder.first_audio_budget_ms=70", 'phrases.en.failed="Oh."')
    assert desk.voice.said == []  # it was not loaded, so it was not warmed up


def test_what_is_said_is_written_out_and_what_is_told_are_the_words_of_the_clause(desk: Desk) -> None:
    desk.clauses("**Open** at 10:30 \N{GRINNING FACE}", "for $5, 2 km away")
    desk.last()
    said = desk.work()
    assert said == ["Open at ten thirty", "for five dollars, two kilometers away"]
    (first, words, starts), (second, *more) = desk.words()
    assert (first, words) == (0, ("**Open**", "at", "10:30", "\N{GRINNING FACE}"))
    assert starts == tuple(said[0].index(word) * PER_CHARACTER for word in ("Open", "at", "ten", "ten"))
    places = tuple(said[1].index(word) * PER_CHARACTER for word in ("for", "five", "two", "kilometers", "away"))
    assert (second, *more) == (1, ("for", "$5,", "2", "km", "away"), places)


def test_a_voice_that_tells_other_words_than_it_was_fed_tells_none(desk: Desk) -> None:
    desk.voice.forgetful = True
    desk.clauses("one two")
    desk.work()
    assert desk.words() == [(0, (), ())]


def test_the_lexicon_and_what_is_written_out_change_from_the_next_answer_on(desk: Desk) -> None:
    desk.clauses("Antiphon 5")
    assert desk.work() == ["Antiphon five"]
    desk.last()
    desk.reload('lexicon.antiphon="an tee fon"', "vocoder.normalise=false")
    desk.work()
    desk.renew()
    desk.allow(NEXT)
    desk.clauses("Antiphon 5", tag=NEXT)
    assert desk.work() == ["an tee fon 5"]
    assert desk.words()[-1] == (0, ("Antiphon", "5"), (0, len("an tee fon ") * PER_CHARACTER))


def test_a_voice_at_work_is_stopped_from_beside_when_nobody_wants_its_sound_any_more(rings: Rings) -> None:
    desk = Desk(rings, Tireless)
    assert isinstance(desk.voice, Tireless)
    voice = desk.voice

    def ask_again() -> None:
        assert voice.working.wait(WATCHDOG_S)
        desk.allow(NEXT)

    asking = threading.Thread(target=ask_again)
    asking.start()
    desk.clauses("one")
    desk.work()
    asking.join()
    assert desk.told() == ["cancelled"]


def test_what_was_stale_before_the_voice_began_is_not_worked_on(rings: Rings) -> None:
    desk = Desk(rings, Tireless)
    assert isinstance(desk.voice, Tireless)
    desk.allow(NEXT)
    desk.clauses("one")
    desk.work()
    assert desk.told() == ["cancelled"]
    assert not desk.voice.working.is_set()


def test_a_voice_whose_sound_is_wanted_is_left_alone(rings: Rings) -> None:
    desk = Desk(rings, Tireless)
    assert isinstance(desk.voice, Tireless)
    desk.voice.stopped.set()
    desk.clauses("one", "two")
    desk.last()
    desk.work()
    assert desk.told() == [(0, 0), (1, 0), "done"]
