"""Speech recognition with Whisper (OpenAI's architecture, models MIT) on CTranslate2, on the processor or a GPU.

Whisper hears a stretch of sound at once. So while somebody speaks, passes over all of the sound so far follow each
other: what two of them agree on is told as the words so far, and how often they come depends on what one costs. When
the voice pauses, one pass covers all that was said; where nothing but silence follows, its text is the final one, and
`finish` has nothing left to do.

A pass is two calls of the library, encode and generate, that nothing can interrupt. They run in a thread of their own,
without the interpreter's lock: `step` never waits for them, so a cancellation or another utterance is taken at once,
and what comes of a pass that nobody wants any more is dropped. Sound becomes features as it comes (`log_mel.py`).

Not by way of the package faster-whisper, whose model directories these are: it takes whole recordings only, always
hears 30 s, brings decoders for media files and a second ONNX Runtime along, and fetches a tokenizer that is missing
from the network.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from engine.contract import Abilities, Ended, Event, Job, Pcm, Rung, Tag
from engine.errors import BackendError, first_line
from workers.backends.ct2 import Place, Placed
from workers.backends.log_mel import HOP, RATE, LogMel
from workers.backends.whisper_model import SOURCE, TABLE, Hypothesis, Model, found, primary
from workers.backends.whisper_utterance import ROOM, Utterance

LONGEST = 3000
"""Frames that Whisper hears at a time: 30 s."""
BEGUN = 3
"""Frames, at most, that are not whole yet."""
WAITED_FOR_NS = 80_000_000
"""A pass over all that was said is due so soon; while somebody speaks, the next one may be as long in coming as they
are apart."""
BUSY = 0.5
"""The most of the time that passes take while somebody speaks: the pass that is waited for may have to wait for one."""


class Whisper:
    """`settings`: `model`, a directory of CTranslate2's; `device`, "cpu" or "cuda", `device_index`, `compute_type`,
    `require_device`; `beam_size`; `audio_context_s`, how much the encoder hears of short sound; `interval_ms`, from
    one pass to the next at least; `no_speech`, 0 to 1; `expected_tokens`, how much of `rung.expected` it is told.

    Several jobs may be open; their passes take turns. The confidence is the mean probability of the tokens. Whether
    the words end an utterance it cannot tell.
    """

    def __init__(self) -> None:
        self.abilities = Abilities(checkpoint="call", incremental=True, rate=RATE, own_thread=True)
        self._placed: Placed[Model] | None = None
        self._left_out = 0
        """Expected phrases that it could not be told."""
        self._open: dict[Tag, Utterance] = {}
        self._events: list[Event] = []
        self._cancelled: deque[Tag] = deque()
        self._pass: _Pass | None = None
        self._cost_ns, self._learned = 0, False
        self._interval = 0
        self._identity: tuple[Any, ...] = ()
        """What the model was loaded for."""

    def load(self, rung: Rung) -> None:
        if rung.rate != RATE:
            raise BackendError(f"Whisper hears {RATE} samples a second, not {rung.rate}", f"set the rate to {RATE}")
        folder, place = found(str(rung.settings.get("model", ""))), Place.of(TABLE, rung.settings)
        identity = _identity(rung)
        if identity != self._identity:
            self.unload()
            self._placed = Placed(
                place, lambda each: Model(folder, each, rung.threads, rung.language), lambda model: model.close()
            )
            self._thread, self._identity = ThreadPoolExecutor(1, "whisper"), identity
        self._rung = rung
        self._beams = int(rung.settings.get("beam_size", 1))
        self._no_speech = float(rung.settings.get("no_speech", 0.6))
        self._interval = int(rung.settings.get("interval_ms", 300)) * RATE // 1000
        self._lengths = lengths(float(rung.settings.get("audio_context_s", 30)))
        most = int(rung.settings.get("expected_tokens", 0))
        self._hints, self._left_out = self._model.hints(rung.expected, most) if most else ([], 0)

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        return _identity(now) == _identity(then)

    @property
    def remarks(self) -> Sequence[str]:
        placed = self._placed.remarks if self._placed is not None else ()
        left_out = f"{self._left_out} of the expected phrases do not fit into {TABLE}.expected_tokens"
        return (*placed, left_out) if self._left_out else placed

    def warm_up(self) -> None:
        """A pass of each length. Raises BackendError with the remedy where the library cannot compute."""
        noise = (np.random.default_rng(0).standard_normal(RATE) * 300).astype(np.int16)
        assert self._placed is not None
        for length in self._lengths:
            self._placed.warm_up(partial(self._try, noise, length), SOURCE)

    def _try(self, sound: Pcm, length: int, model: Model) -> None:
        mel = LogMel(model.bands, length)
        mel.add(sound)
        began = time.monotonic_ns()
        prompt = model.prompt(self._rung.language, self._hints)
        model.hear(mel.features(length), len(sound) / RATE, prompt, self._beams, self._no_speech, lambda: True)
        self._cost_ns, self._learned = time.monotonic_ns() - began, False  # the first ones take longer

    @property
    def _model(self) -> Model:
        assert self._placed is not None, "load comes first"
        assert self._placed.model is not None
        return self._placed.model

    def begin(self, job: Job) -> None:
        model = self._model
        if not model.knows(job.language):
            self._events.append(Ended(job.tag, "failed", f'this Whisper does not know the language "{job.language}"'))
            return
        prompt = model.prompt(job.language, self._hints)
        self._open[job.tag] = Utterance(job.tag, primary(job.language), prompt, LogMel(model.bands, ROOM))

    def feed(self, job: Job, data: Any) -> None:
        now = self._open.get(job.tag)
        if now is None or now.finished:
            return
        if data.dtype != np.int16 or data.ndim != 1:
            self._end(now, Ended(now.tag, "failed", f"sound is int16 [n], not {data.dtype} {list(data.shape)}"))
        else:
            now.fed.append(data)

    def pause(self, job: Job, end: int) -> None:
        """See `engine.contract.HearsPauses`: now one pass over all that was said is worth more than the next one."""
        if job.tag in self._open:
            self._events += self._open[job.tag].pause(end)

    def finish(self, job: Job) -> None:
        if job.tag in self._open:
            self._open[job.tag].finished = True

    def step(self, budget_ns: int) -> Sequence[Event]:
        """Take in what was fed, tell what a pass found, begin the next one. It computes for a millisecond at most."""
        while self._cancelled:
            now = self._open.get(self._cancelled.popleft())
            if now is not None:
                self._end(now, Ended(now.tag, "cancelled"))
        for now in list(self._open.values()):
            try:
                now.take_in()
            except ValueError as error:
                why = f"{error}: Whisper cannot keep up on this machine; a smaller model can"
                self._end(now, Ended(now.tag, "failed", why))
        if self._pass is not None and self._pass.done:
            self._collect(self._pass)
        for now in [each for each in self._open.values() if each.is_heard]:
            self._events.append(now.final())
            self._end(now, Ended(now.tag))
        if self._pass is None and (next_one := self._next()) is not None:
            self._begin_pass(next_one)
        events, self._events = self._events, []
        return events

    def _next(self) -> Utterance | None:
        """Whose turn it is: those that are waited for come first."""
        enough = max(self._interval, int(self._cost_ns / BUSY * RATE / 1e9))
        wanting = [each for each in self._open.values() if each.wants_pass(enough)]
        return min(wanting, key=lambda each: (not each.finished, not each.end), default=None)

    def _begin_pass(self, now: Utterance) -> None:
        model, stop = self._model, now.cut
        upto = now.samples if stop is None else now.gone + stop * HOP
        frames = now.sound.frames + BEGUN if stop is None else stop
        features = now.sound.features(next((each for each in self._lengths if each >= frames), LONGEST), stop)

        lease = self._rung.lease
        due_ns = time.monotonic_ns() + (
            WAITED_FOR_NS if now.end or now.finished else self._interval * 1_000_000_000 // RATE
        )

        def wanted() -> bool:
            """It was not cancelled, and no pass over more sound is waited for."""
            if self._open.get(now.tag) is not now or (stop is None and now.is_waited_for_beyond(upto)):
                return False
            lease.turn(due_ns)
            return True

        def hear() -> Hypothesis | None:
            lease.take(due_ns)
            try:
                return model.hear(features, frames * HOP / RATE, now.prompt, self._beams, self._no_speech, wanted)
            finally:
                lease.give()
                features.fill(0)

        now.asked = upto
        self._pass = _Pass(now, upto, stop, time.monotonic_ns(), self._thread.submit(hear))
        self._pass.future.add_done_callback(lambda _: self._rung.wake())

    def _collect(self, done: _Pass) -> None:
        self._pass = None
        now = done.utterance
        error = done.future.exception()
        if error is None and (found := done.future.result()) is not None:
            took = time.monotonic_ns() - done.began_ns
            self._cost_ns += (took - self._cost_ns) // (4 if self._learned else 1)
            self._learned = True
            if self._open.get(now.tag) is now:
                self._events += now.learn(found, done.upto, done.cut)
        elif error is not None and self._open.get(now.tag) is now:
            self._end(now, Ended(now.tag, "failed", first_line(error)))

    def _end(self, now: Utterance, ended: Ended) -> None:
        now.sound.wipe()
        del self._open[now.tag]
        self._events.append(ended)

    @property
    def idle(self) -> bool:
        if self._events or self._cancelled or any(each.fed or each.is_heard for each in self._open.values()):
            return False
        return not self._pass.done if self._pass is not None else self._next() is None

    def cancel(self, tag: Tag) -> None:
        self._cancelled.append(tag)

    def settle(self, tag: Tag, heard: str) -> None:
        """Nothing is kept beyond a job."""

    def forget(self, session: int) -> None:
        """Nothing is kept beyond a job: its features are overwritten when it ends, those of a pass after that."""

    def cost_ns(self, units: int) -> int:
        """A unit is a pass."""
        return units * self._cost_ns

    def unload(self) -> None:
        """Waits for the end of a pass."""
        self._open.clear()
        if self._placed is not None:
            self._thread.shutdown(wait=True)
            self._placed.close()
        self._placed, self._identity, self._pass = None, (), None
        self._events.clear()


@dataclass(slots=True)
class _Pass:
    """One pass that is under way. cut: it is over the frames before this one alone, and final for them."""

    utterance: Utterance
    upto: int
    cut: int | None
    began_ns: int
    future: Future[Hypothesis | None]

    @property
    def done(self) -> bool:
        return self.future.done()


def lengths(context_s: float) -> list[int]:
    """The frames that passes are over, the shortest first: the encoder's cost goes with them, and every other length
    would have to be warmed up, too."""
    found = [2 * round(context_s * RATE / HOP / 2)]
    while found[-1] < LONGEST:
        found.append(min(2 * found[-1], LONGEST))
    return found


def _identity(rung: Rung) -> tuple[Any, ...]:
    """What the model has to be loaded anew for."""
    return str(rung.settings.get("model", "")), Place.of(TABLE, rung.settings), rung.threads, rung.language
