"""Speech recognition with sherpa-onnx (k2-fsa, Apache-2.0): streaming transducers of many languages, on the processor.

Truly incremental: each piece of a third of a second or so is decoded once, as soon as it and a little more are there.
So that the last words of an utterance do not wait for more sound when the voice pauses, silence is put in its place,
into the stream alone: samples are counted without it. If the voice goes on, the pause was longer by that to the model.
"""

from __future__ import annotations

import importlib
import math
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.contract import UNKNOWN, Abilities, Ended, Event, Heard, Job, Rung, Tag
from engine.errors import BackendError, first_line
from workers.backends.sherpa_model import SOURCE, TABLE, Files, find
from workers.backends.sherpa_utterance import RATE, Utterance

EXTRA = 'pip install "antiphon[sherpa]"'
NO_GPU = f"install sherpa-onnx's build for CUDA (k2-fsa.github.io/sherpa/onnx/cuda.html), or set {TABLE}.device"
ENDPOINT = 0.8
"""How likely the words are all where the library's own rule says so: it has found no word in `endpoint_s` of sound that
was still taken for a voice. That is silence heard otherwise, and long pauses are mostly the last; but the very words
say nothing, so it is not surer. (Not measured: that takes a real model.)"""


class Sherpa:
    """`settings`: `model`, a directory with tokens.txt, encoder*.onnx, decoder*.onnx and joiner*.onnx; `int8`, take the
    small files where there are two; `decoding`, "greedy_search" or "modified_beam_search"; `hotwords_score`, how far
    the latter leans towards `rung.expected`; `endpoint_s`; `device`, "cpu" or "cuda", `device_index`,
    `require_device`.

    Several jobs may be open. The confidence is the mean probability of the tokens. Which language a model is for does
    not stand in its files.
    """

    def __init__(self) -> None:
        self.abilities = Abilities(checkpoint="chunk", incremental=True, rate=RATE)
        self.remarks: tuple[str, ...] = ()
        self._recognizer: Any = None
        self._open: dict[Tag, Utterance] = {}
        self._events: list[Event] = []
        self._cancelled: deque[Tag] = deque()
        self._cost_ns = 0

    def load(self, rung: Rung) -> None:
        if rung.rate != RATE:
            raise BackendError(f"sherpa-onnx hears {RATE} samples a second, not {rung.rate}", f"set the rate to {RATE}")
        configured = str(rung.settings.get("model", ""))
        if not configured:
            raise BackendError(f"asr.backend sherpa needs {TABLE}.model, the directory of its model", SOURCE)
        files = find(Path(configured).expanduser(), bool(rung.settings.get("int8", True)))
        try:
            library = importlib.import_module("sherpa_onnx")
        except (ImportError, OSError) as error:
            raise BackendError(f"{TABLE} needs sherpa-onnx ({error})", EXTRA) from None
        self.unload()
        self.remarks = ()
        decoding = str(rung.settings.get("decoding", "greedy_search"))
        self._endpoint_s = float(rung.settings.get("endpoint_s", 0.0))
        leans = decoding == "modified_beam_search" and files.bpe_vocabulary is not None
        self._hotwords = self._expected(files, rung.expected) if leans else ""
        if rung.expected and not leans:
            self.remarks += (_no_hotwords(decoding),)
        provider = self._provider(library, rung)
        try:
            self._recognizer = library.OnlineRecognizer.from_transducer(
                tokens=str(files.tokens),
                encoder=str(files.encoder),
                decoder=str(files.decoder),
                joiner=str(files.joiner),
                model_type=files.kind,
                num_threads=rung.threads,
                provider=provider,
                device=int(rung.settings.get("device_index", 0)),
                decoding_method=decoding,
                hotwords_score=float(rung.settings.get("hotwords_score", 1.5)),
                modeling_unit="bpe" if leans else "cjkchar",
                bpe_vocab=str(files.bpe_vocabulary) if leans else "",
                enable_endpoint_detection=True,
                rule1_min_trailing_silence=1e6,  # where nothing was said nobody has finished
                rule2_min_trailing_silence=self._endpoint_s or 1e6,
                rule3_min_utterance_length=1e6,  # the engine has its own limit
            )
        except Exception as error:  # those of ONNX Runtime share no base class
            raise BackendError(f"sherpa-onnx cannot load {configured}: {first_line(error)}", SOURCE) from error
        self._files = files

    def _expected(self, files: Files, phrases: Sequence[str]) -> str:
        """Phrases as the library takes them, without those that the model has no letters for."""
        written = {phrase: files.written(phrase) for phrase in phrases}
        if unknown := [phrase for phrase, text in written.items() if not text]:
            self.remarks += (f"not in the letters of the model, so never heard: {', '.join(unknown)}",)
        return "/".join(text for text in written.values() if text)

    def _provider(self, library: Any, rung: Rung) -> str:
        """The library itself falls back to the processor with a word on stderr alone."""
        if rung.settings.get("device", "cpu") != "cuda":
            return "cpu"
        if any(Path(library.__file__).parent.glob("lib/libonnxruntime_providers_cuda*")):
            return "cuda"
        what = f"{TABLE}.device is cuda, and this sherpa-onnx is built for the processor"
        if rung.settings.get("require_device", True):
            raise BackendError(what, NO_GPU)
        self.remarks += (f"runs on the processor: {what}; {NO_GPU}",)
        return "cpu"

    def warm_up(self) -> None:
        job = Job(Tag(-1, -1, -1))
        self.begin(job)
        self.feed(job, (np.random.default_rng(0).standard_normal(RATE) * 300).astype(np.int16))
        self.finish(job)
        events: list[Event] = []
        while not self.idle:
            events += self.step(0)
        ended = events[-1]
        if not isinstance(ended, Ended) or ended.reason != "done":
            raise BackendError(f"sherpa-onnx does not run: {getattr(ended, 'text', '')}", SOURCE)

    def begin(self, job: Job) -> None:
        stream = self._recognizer.create_stream(*([self._hotwords] if self._hotwords else []))
        self._open[job.tag] = Utterance(job.tag, job.language, stream)

    def feed(self, job: Job, data: Any) -> None:
        now = self._open.get(job.tag)
        if now is None or now.finished:
            return
        if data.dtype != np.int16 or data.ndim != 1:
            self._end(now, Ended(now.tag, "failed", f"sound is int16 [n], not {data.dtype} {list(data.shape)}"))
        else:
            now.fed.append(data)

    def pause(self, job: Job, end: int) -> None:
        """See `engine.contract.HearsPauses`."""
        if job.tag in self._open:
            self._open[job.tag].pause(end)

    def finish(self, job: Job) -> None:
        if job.tag in self._open:
            self._open[job.tag].finished = True

    def step(self, budget_ns: int) -> Sequence[Event]:
        """Take in what was fed, then decode pieces for as long as the budget lasts, one at least."""
        until = time.monotonic_ns() + budget_ns
        while self._cancelled:
            now = self._open.get(self._cancelled.popleft())
            if now is not None:
                self._end(now, Ended(now.tag, "cancelled"))
        for now in list(self._open.values()):
            now.take_in(self._files)
        while (ready := next(filter(self._is_ready, self._open.values()), None)) is not None:
            try:
                self._decode(ready)
            except Exception as error:  # those of ONNX Runtime share no base class
                self._end(ready, Ended(ready.tag, "failed", first_line(error)))
            if time.monotonic_ns() >= until:
                break
        for now in [each for each in self._open.values() if each.is_heard]:
            self._events.append(self._heard(now, final=True))
            self._end(now, Ended(now.tag))
        events, self._events = self._events, []
        return events

    def _is_ready(self, now: Utterance) -> bool:
        ready: bool = self._recognizer.is_ready(now.stream)
        return ready

    def _decode(self, now: Utterance) -> None:
        began = time.monotonic_ns()
        self._recognizer.decode_stream(now.stream)
        took = time.monotonic_ns() - began
        self._cost_ns += (took - self._cost_ns) // 8 if self._cost_ns else took
        now.decoded += self._files.chunk
        found = self._recognizer.get_result_all(now.stream)
        text = found.text.strip()
        now.at_endpoint = now.at_endpoint and text == now.found[0]
        now.found = text, _trust(found.ys_probs)
        if self._endpoint_s and now.ends_in_sound(found.timestamps):
            now.at_endpoint = self._recognizer.is_endpoint(now.stream)
        if text and (text, now.upto) != now.told:
            now.told = text, now.upto
            self._events.append(self._heard(now, final=False))

    def _heard(self, now: Utterance, final: bool) -> Heard:
        text, sure = now.found
        text = text.lower() if self._files.shouts else text
        upto = now.samples if final else now.upto
        complete = ENDPOINT if now.at_endpoint else UNKNOWN
        return Heard(now.tag, text, sure if text else 0.0, now.language, final, upto, complete)

    def _end(self, now: Utterance, ended: Ended) -> None:
        del self._open[now.tag]
        self._events.append(ended)

    @property
    def idle(self) -> bool:
        if self._events or self._cancelled:
            return False
        return not any(each.has_news or each.is_heard or self._is_ready(each) for each in self._open.values())

    def cancel(self, tag: Tag) -> None:
        self._cancelled.append(tag)

    def settle(self, tag: Tag, heard: str) -> None:
        """Nothing is kept beyond a job."""

    def forget(self, session: int) -> None:
        """Nothing is kept beyond a job: its stream goes with it."""

    def cost_ns(self, units: int) -> int:
        """A unit is a piece that is decoded at once."""
        return units * self._cost_ns

    def unload(self) -> None:
        self._open.clear()
        self._events.clear()
        self._recognizer = None


def _no_hotwords(decoding: str) -> str:
    if decoding == "greedy_search":
        return f'does not lean towards the expected phrases: {TABLE}.decoding = "modified_beam_search" does'
    return "does not lean towards the expected phrases: its directory has no bpe.vocab"


def _trust(logs: Sequence[float]) -> float:
    """The mean of probabilities given as logarithms."""
    return math.exp(min(0.0, sum(logs) / len(logs))) if logs else 0.0
