"""The ending worker: at every pause it judges by the microphone's sound, in place, whether the user has finished.

Nothing waits for it, and nothing is kept beyond a judgement: a question that was not answered, because this worker
was restarted or a newer one came, is not asked again.
"""

from __future__ import annotations

import time

from engine import messages as m
from engine.contract import Backend, Event, Finished, Job
from engine.outlet import Outlet
from ringbuf import HistoryReader
from workers.backends.registry import Renewal, prepare
from workers.join import Seat

LONGEST_S = 8
"""How much sound before the pause is judged, at most."""
STEP_NS = 20_000_000
BUDGET_NS = 100_000_000
"""A judgement counts for as long as it is not decided without it; most pauses are decided soon after this."""


class Ending:
    """The microphone's ring, the backend, and what it judges."""

    def __init__(self, seat: Seat, backend: Backend, mic: HistoryReader, out: Outlet) -> None:
        self._seat, self._backend, self._mic, self._out = seat, backend, mic, out
        self._renewal = Renewal(seat, backend, out)

    def judge(self, asked: m.JudgeEnding) -> None:
        """Answer a question. There is no answer where the sound is gone or the backend fails."""
        began = time.monotonic_ns()
        start = max(asked.start, asked.end - LONGEST_S * self._mic.rate, self._mic.oldest)
        sound = self._mic.view(start, asked.end) if start < asked.end else None
        if sound is None:
            return
        job = Job(asked.tag, asked.capture_ns)
        self._backend.begin(job)
        self._backend.feed(job, sound)
        self._backend.finish(job)
        events: list[Event] = []
        with self._seat.computing(self._backend, began + BUDGET_NS):
            while not self._backend.idle:
                events += self._backend.step(STEP_NS)
        self._seat.telemetry.observe("ending.judge_ns", time.monotonic_ns() - began)
        for event in events:
            if isinstance(event, Finished) and self._mic.holds(start):
                self._out.send(
                    m.EndingJudged(tag=asked.tag, capture_ns=asked.capture_ns, end=asked.end, complete=event.complete)
                )

    def rest(self) -> None:
        """Nothing is asked: take over new settings, if there are any, and let no sound wake us."""
        self._renewal.between_jobs()
        self._mic.seek(self._mic.position)
        self._mic.want(self._mic.capacity // 2)


def main(seat: Seat) -> None:
    backend = prepare(seat)
    mic, pauses, endings = seat.history_reader("mic"), seat.stream_reader("pauses"), seat.outlet("endings")
    ending = Ending(seat, backend, mic, endings)
    ending.rest()
    seat.ready()
    while not seat.stopping:
        seat.wait()
        seat.reloaded()
        # Given back before they are acted on: what kills this worker must not find it again.
        asked = [message for record in pauses if isinstance(message := m.decode(record), m.JudgeEnding)]
        if asked:
            ending.judge(asked[-1])  # the user has gone on after the pauses before it
        ending.rest()
        seat.beat()
