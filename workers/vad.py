"""The VAD worker: judges every hop of the microphone's sound in place and says when speech begins and pauses."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from engine import messages as m
from engine.contract import Backend, Ended, Job, Pcm, Tag, Voice
from engine.errors import BackendError
from engine.outlet import Outlet
from ringbuf import HistoryReader
from workers.backends.registry import prepare
from workers.candidate import Candidate
from workers.foreground import Foreground
from workers.join import Seat
from workers.last_sound import silent_at_end
from workers.lull import Lull

_LOOK_BACK = 12
"""Hops before a pause in which the last sound of the voice is looked for."""
MISSED_S = 5.0
"""So much of what was said before a restart is heard all the same: making up for it takes a fraction of a second."""
MOST_HOPS = 3
"""So many are waited for at a time in a lull, at most."""
QUIETEST, STANDS_OUT, RISES = 14.0**2, 1.4, 1.05
"""In a lull no hop need be judged that is not so much more powerful than the room, neither as it is nor without its low
frequencies: a network finds no voice of which no hop is. The room is what was heard so far, this at least; and so fast,
each time, it may get louder."""
RUN_UP = 8
"""When one is, so many before it are judged after all: how a voice begins, and what it begins in."""


class Gate:
    """Turns probabilities into the beginnings and pauses of speech.

    Two thresholds, as in Silero's VADIterator: speech begins after `min_speech` samples of hops at or above
    `threshold`, and pauses with the first hop below `release`.
    """

    def __init__(self, threshold: float, release: float, min_speech: int) -> None:
        self.threshold, self.release, self.min_speech = threshold, release, min_speech
        self.speaking = False
        self.since: int | None = None
        """The sample at which the voice began that may be speech, or is; None while there is none."""

    def judge(self, probability: float, start: int, stop: int) -> tuple[str, int] | None:
        """("began", sample) or ("paused", sample) when the hop [start, stop) decides so."""
        if self.speaking:
            if probability < self.release:
                self.speaking, self.since = False, None
                return "paused", start
        elif probability >= self.threshold or (self.since is not None and probability >= self.release):
            if self.since is None:
                self.since = start
            if stop - self.since >= self.min_speech:
                self.speaking = True
                return "began", self.since
        else:
            self.since = None
        return None


class Vad:
    """The stream of the microphone's sound through the backend, and what is said of it."""

    def __init__(self, seat: Seat, backend: Backend, mic: HistoryReader, out: Outlet) -> None:
        self._seat, self._backend, self._mic, self._out = seat, backend, mic, out
        self._telemetry = seat.telemetry
        self._gate, self._foreground = Gate(0, 0, 0), Foreground()
        self._hop = backend.abilities.frame
        self._candidate = Candidate(self._hop, mic.rate)
        self._room = np.full(2, QUIETEST)
        """The power of the room in a lull, and that without low frequencies."""
        self._heard = False
        """Turns was told of it."""
        self.took_ns = 0
        """How long the last hop took."""
        self.reload()
        self._job = Job(Tag(self._session))
        backend.begin(self._job)
        self._between: Job | None = None
        """While an answer is heard that a voice may interrupt: the stream of the hops that lie between the others."""

    def reload(self) -> None:
        """The settings are others now."""
        settings, gate = self._seat.config.vad, self._gate
        gate.threshold, gate.release = settings.threshold, settings.release
        gate.min_speech = settings.min_speech_ms * self._seat.config.audio.rate_hz // 1000
        self._budget_ns = settings.hop_budget_ms * 1_000_000
        self._foreground.above_db = settings.above_hall_db

    @property
    def _session(self) -> int:
        return self._telemetry.get("turns.session")

    def forget(self) -> None:
        """Begin anew for every visitor, as soon as nobody speaks."""
        if self._job.tag.session != self._session and self._gate.since is None:
            over, self._job = self._job, Job(Tag(self._session))
            self._stop_between()
            self._cancel(over)
            self._backend.forget(over.tag.session)
            self._backend.begin(self._job)

    def _cancel(self, job: Job) -> None:
        self._backend.cancel(job.tag)
        while not self._backend.idle:
            self._backend.step(self._budget_ns)

    def _stop_between(self) -> None:
        if self._between is not None:
            self._cancel(self._between)
            self._between = None

    def known(self, judged: int) -> int:
        """The sample up to which it is known whether somebody speaks, once all before `judged` was judged: a voice
        that may be speech is not known yet. Who waits for the end of a pause waits for that, too."""
        gate = self._gate
        return judged if gate.speaking or gate.since is None else gate.since

    def judge(self, window: Pcm, start: int, stop: int, captured_ns: int) -> None:
        """Judge the hop [start, stop), which `window` ends with; it was captured from `captured_ns` on."""
        gate = self._gate
        hidden = self._foreground.hides(window[-self._hop :], gate.since is not None, gate.speaking)
        for heard in self._probabilities(self._job, window):
            probability = 0.0 if hidden else heard
            if said := gate.judge(probability, start, stop):
                what, sample = said
                self._tell(what, sample, captured_ns + (sample - start) * 1_000_000_000 // self._mic.rate)
            self._candidate.follow(window[-self._hop :], probability, gate.since, start)
            self._tell_voice(start, stop, captured_ns)

    @property
    def at_a_time(self) -> int:
        """How many hops may be waited for in a lull. Speech is told of once it has lasted as many, whichever of them it
        begins with: so it is told no later."""
        return max(1, min(MOST_HOPS, -(-self._gate.min_speech // self._hop)))

    def hush(self) -> int:
        """In a lull: where nothing stands out in what waits, the most of it is given up. How many hops are kept, should
        something come after them; 0: they are to be judged."""
        mic, hop = self._mic, self._hop
        waiting = (mic.position - mic.cursor) // hop
        sound = mic.view(mic.cursor, mic.cursor + waiting * hop) if waiting else None
        if sound is None or self._foreground.above_db:  # a hall is to be known by its quiet hours, too
            return 0
        hops = sound.reshape(-1, hop).astype(np.float32)
        loudest = np.array([np.square(part).mean(1).max() for part in (hops, np.diff(hops))])
        stands_out = bool((loudest > STANDS_OUT * self._room).any())
        self._room = np.maximum(QUIETEST, np.minimum(loudest, RISES * self._room))
        if stands_out:
            return 0
        self.forget()
        mic.seek(mic.cursor + max(0, waiting - RUN_UP) * hop)
        self._telemetry.set("vad.judged", mic.cursor)
        return min(waiting, RUN_UP)

    @property
    def impatient(self) -> bool:
        """Half a hop of a voice is worth knowing: hops between the others are wanted."""
        wanted = self._telemetry.get("turns.yields") != 0
        if not wanted:
            self._stop_between()
        elif self._between is None:
            self._between = Job(Tag(self._session, 0, 1))
            self._backend.begin(self._between)
        return wanted

    def judge_between(self, window: Pcm, start: int, stop: int, captured_ns: int) -> None:
        """The same for a hop between the others, if one is wanted: it only makes a voice known earlier."""
        assert self._between is not None
        for probability in self._probabilities(self._between, window):
            if self._candidate.suspect(window[-self._hop :], probability, start):
                self._tell_voice(start, stop, captured_ns)

    def skip(self, waiting: int) -> int:
        """How many of the hops that wait are given up, the newest never: as many as the last one took too long for. So
        a slow judge is no further behind than one hop takes, and a quick one that was held up once loses little."""
        lost = min(self.took_ns * self._mic.rate // (self._hop * 1_000_000_000), waiting - 1)
        if lost > 0:
            self._telemetry.count("vad.late", lost)
        return max(0, lost)

    def _probabilities(self, job: Job, window: Pcm) -> Iterator[float]:
        """How likely a voice is in each frame that was judged: this one."""
        began = time.monotonic_ns()
        self._backend.feed(job, window)
        with self._seat.bound():
            events = self._backend.step(self._budget_ns)
        self.took_ns = took = time.monotonic_ns() - began
        if took > self._budget_ns:
            self._telemetry.count("vad.late")
        self._telemetry.observe("vad.hop_ns", took)
        for event in events:
            if isinstance(event, Ended):  # the supervisor brings back one that hears
                raise BackendError(f"voice activity ended: {event.text or event.reason}", "see vad.backend")
            if isinstance(event, Voice):
                yield event.probability

    def _tell_voice(self, start: int, stop: int, captured_ns: int) -> None:
        """Tell of a voice from its first hop on, before it is known to be speech, and of its end before voice activity
        is sure of it: whoever speaks now may want to interrupt. First by a cell, which the audio worker reads with its
        next block."""
        candidate = self._candidate
        since, gone = candidate.since, candidate.gone
        self._telemetry.set("vad.voice", 0 if since is None or gone else since + 1)
        if gone and self._heard:
            self._heard = False
            loud_ns = captured_ns + (candidate.loud - start) * 1_000_000_000 // self._mic.rate
            self._out.send(m.VoiceGone(end=candidate.loud, capture_ns=loud_ns))
        elif since is not None and not gone and self._telemetry.get("turns.yields"):
            self._heard, speech = True, int(self._gate.speaking)
            self._out.send(
                m.VoiceHeard(start=since, upto=stop, clear=candidate.clear, speech=speech, capture_ns=captured_ns)
            )

    def _tell(self, what: str, sample: int, at_ns: int) -> None:
        if what == "began":
            self._telemetry.set("vad.speaking", sample + 1)
            self._out.send(m.SpeechBegan(start=sample, capture_ns=at_ns))
        else:
            self._telemetry.set("vad.speaking", 0)
            self._out.send(m.SpeechPaused(end=sample, capture_ns=at_ns, quiet=self._quiet(sample)))

    def _quiet(self, end: int) -> int:
        """How many samples before `end`, where the first hop without a voice begins, its last sound was. 0 where the
        room is too loud to tell: it may be heard after that, too."""
        window = self._mic.view(max(end - _LOOK_BACK * self._hop, 0), end + self._hop)
        silent = None if window is None else silent_at_end(window, self._mic.rate)
        return max(0, silent - self._hop) if silent is not None else 0


def resume_at(judged: int, newest: int, forgotten: int, hop: int, rate: int) -> int:
    """The first sample to judge. A predecessor knew all before `judged` (0: there was none): what was said since then
    is still in the ring, and is not to be missed, as far as it is not long ago. The hop that it died in, if it did, is
    left out. newest: the sample to come. forgotten: nothing before it is to be heard again."""
    if not judged:
        return newest
    return min(newest, max(judged + hop, newest - round(MISSED_S * rate), forgotten))


def main(seat: Seat) -> None:
    seat.telemetry.set("vad.voice", 0)  # a predecessor may have died in it, and loading takes a while
    backend = prepare(seat)
    hop, context = backend.abilities.frame, backend.abilities.context
    mic, speech, telemetry = seat.history_reader("mic"), seat.outlet("speech"), seat.telemetry
    vad = Vad(seat, backend, mic, speech)
    forgotten = telemetry.get("audio.forget_upto")
    mic.seek(max(resume_at(telemetry.get("vad.judged"), mic.position, forgotten, hop, mic.rate), context))
    half, between = hop // 2, 0
    lull, kept = Lull(telemetry), 0
    telemetry.set("vad.speaking", 0)  # a predecessor may have died in the middle of a word
    seat.ready()
    # Somebody may have been speaking there: what follows from the time of it is to be right, however late we are.
    captured_ns = mic.capture_ns(mic.cursor) or time.monotonic_ns()
    speech.send(m.Joined(stage="vad", sample=mic.cursor, capture_ns=captured_ns))

    while not seat.stopping:
        quiet = lull.at(time.monotonic_ns())
        at_once = vad.impatient and between < mic.cursor + half
        mic.want(half if at_once else hop * (kept + vad.at_a_time) if quiet else hop)
        seat.wait()
        if seat.reloaded():
            vad.reload()
        if mic.position > mic.cursor + hop and (newest := mic.capture_ns(mic.position - 1)) is not None:
            since = 1 + telemetry.get("audio.behind")
            telemetry.observe("vad.wake_ns", time.monotonic_ns() - newest - since * 1_000_000_000 // mic.rate)
        kept = vad.hush() if quiet else 0
        while not kept and (frame := mic.acquire(hop)) is not None and not seat.stopping:
            start = mic.cursor
            captured = mic.capture_ns(start)
            window = mic.view(start - context, start + hop)
            if window is None or captured is None:  # lapped: what is being said now counts
                mic.seek(mic.position)
                break
            vad.forget()
            vad.judge(window, start, start + len(frame), captured)
            mic.release(hop)
            if lost := vad.skip((mic.position - mic.cursor) // hop):
                mic.seek(mic.cursor + lost * hop)
            telemetry.set("vad.judged", vad.known(mic.cursor))
            seat.beat()
        stop = mic.cursor + half
        if vad.impatient and between < stop <= mic.position and mic.cursor >= hop + context:
            between, start = stop, stop - hop
            window, captured = mic.view(start - context, stop), mic.capture_ns(start)
            if window is not None and captured is not None:
                vad.judge_between(window, start, stop, captured)
