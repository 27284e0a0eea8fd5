"""The VAD worker: judges every hop of the microphone's sound in place and says when speech begins and pauses."""

from __future__ import annotations

import time

from engine import messages as m
from engine.contract import Ended, Job, Tag, Voice
from engine.errors import BackendError
from workers.backends.registry import prepare
from workers.join import Seat


class Gate:
    """Turns probabilities into the beginnings and pauses of speech.

    Two thresholds, as in Silero's VADIterator: speech begins after `min_speech` samples of hops at or above
    `threshold`, and pauses with the first hop below `release`.
    """

    def __init__(self, threshold: float, release: float, min_speech: int) -> None:
        self.threshold, self.release, self.min_speech = threshold, release, min_speech
        self.speaking = False
        self._since: int | None = None

    def judge(self, probability: float, start: int, stop: int) -> tuple[str, int] | None:
        """("began", sample) or ("paused", sample) when the hop [start, stop) decides so."""
        if self.speaking:
            if probability < self.release:
                self.speaking, self._since = False, None
                return "paused", start
        elif probability >= self.threshold or (self._since is not None and probability >= self.release):
            if self._since is None:
                self._since = start
            if stop - self._since >= self.min_speech:
                self.speaking = True
                return "began", self._since
        else:
            self._since = None
        return None


def main(seat: Seat) -> None:
    settings, rate = seat.config.vad, seat.config.audio.rate_hz
    backend = prepare(seat)
    hop, context = backend.abilities.frame, backend.abilities.context
    gate = Gate(settings.threshold, settings.release, settings.min_speech_ms * rate // 1000)
    mic = seat.history_reader("mic")
    speech = seat.outlet("speech")
    telemetry = seat.telemetry
    job = Job(Tag(1))
    backend.begin(job)
    mic.seek(max(mic.position, context))
    mic.want(hop)
    telemetry.set("vad.speaking", 0)  # a predecessor may have died in the middle of a word
    seat.ready()
    speech.send(m.Joined(stage="vad", sample=mic.cursor, capture_ns=time.monotonic_ns()))

    while not seat.stopping:
        seat.wait()
        if mic.position > mic.cursor + hop and (newest := mic.capture_ns(mic.position - 1)) is not None:
            telemetry.observe("vad.wake_ns", time.monotonic_ns() - newest - 1_000_000_000 // rate)
        while (frame := mic.acquire(hop)) is not None and not seat.stopping:
            start = mic.cursor
            captured = mic.capture_ns(start)
            window = mic.view(start - context, start + hop)
            if window is None or captured is None:  # lapped: what is being said now counts
                mic.seek(mic.position)
                break
            began = time.monotonic_ns()
            backend.feed(job, window)
            events = backend.step(settings.hop_budget_ms * 1_000_000)
            ended = time.monotonic_ns()
            if ended - began > settings.hop_budget_ms * 1_000_000:
                telemetry.count("vad.late")
            telemetry.observe("vad.hop_ns", ended - began)
            for event in events:
                if isinstance(event, Ended):  # the supervisor brings back one that hears
                    raise BackendError(f"voice activity ended: {event.text or event.reason}", "see vad.backend")
                if isinstance(event, Voice) and (said := gate.judge(event.probability, start, start + len(frame))):
                    what, sample = said
                    at_ns = captured + (sample - start) * 1_000_000_000 // rate
                    if what == "began":
                        telemetry.set("vad.speaking", sample + 1)
                        speech.send(m.SpeechBegan(start=sample, capture_ns=at_ns))
                    else:
                        telemetry.set("vad.speaking", 0)
                        speech.send(m.SpeechPaused(end=sample, capture_ns=at_ns))
            mic.release(hop)
            telemetry.set("vad.judged", start + hop)
            seat.beat()
