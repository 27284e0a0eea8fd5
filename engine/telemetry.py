"""Every number the engine shows: one table of metrics, each a cell (or a run of cells) of one shared page.

Workers write their own without locks; anybody may read all of them. Histograms are log-linear, as in HdrHistogram
(https://hdrhistogram.github.io/HdrHistogram/): eight buckets for each doubling, from 1 µs to 34 s, so that a
percentile is right to within 12 %.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

import ringbuf
from engine.channels import PROCESSES

_LOWEST, _HIGHEST = 10, 35  # powers of two, ns
_STEPS = 8
BUCKETS = (_HIGHEST - _LOWEST) * _STEPS
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Metric:
    """One number, or one distribution, and what it means."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str

    @property
    def cells(self) -> int:
        return BUCKETS if self.kind == "histogram" else 1


OF_EACH_STAGE = (
    Metric("state", "gauge", "0 not running, 1 loading, 2 ready"),
    Metric("pid", "gauge", "the number of its process, 0 while it has none; only the supervisor writes it"),
    Metric("beat_ns", "gauge", "when the worker last came round its loop, CLOCK_MONOTONIC"),
    Metric(
        "bound_ns",
        "gauge",
        "until when a call that cannot be interrupted may take, CLOCK_MONOTONIC; else 0",
    ),
    Metric("restarts", "counter", "times the worker was started again"),
    Metric("gone", "gauge", "1 while the engine does without the stage, since it does not come back"),
    Metric("late", "counter", "results that missed their deadline"),
    Metric("dropped", "counter", "messages that found their ring full"),
    Metric("lease_ns", "counter", "time that it waited for the lease"),
    Metric("overdrafts", "counter", "times it went on without the lease, as there was no more time to wait"),
    Metric("rung", "gauge", "the rung of its ladder that is wanted, 0 is the best; only the governor writes it"),
    Metric("rung_at", "gauge", "the rung that the worker works on; only the worker writes it"),
)

STATES = ("starting", "listening", "asleep", "muted", "hearing", "thinking", "speaking", "announcing", "stopping")
"""The states that the engine shows, in the order of their numbers in `turns.shown`."""

METRICS = (
    # The first, for ever: by it whoever reads the page knows whether the others are where they are looked for.
    Metric("engine.layout", "gauge", "which metrics the page holds and where, as a number"),
    Metric("engine.forks", "gauge", "the number of the process that workers are forked from, 0 while there is none"),
    Metric("engine.go", "gauge", "1 once every stage is ready: the device may start"),
    Metric("engine.stop", "gauge", "1 when everything shall end"),
    Metric("engine.settings", "gauge", "grows each time the settings were published anew"),
    Metric("engine.lease", "gauge", "who takes part in the lease, as bits: its place among the processes"),
    Metric("engine.refused", "gauge", "what the machine refused, as bits (engine/realtime.py); each is said once"),
    Metric("door.tools", "gauge", "clients of the door that do what is called; only the supervisor writes it"),
    Metric("door.dialogue", "gauge", "clients of the door that answer; only the supervisor writes it"),
    Metric("audio.start_ns", "gauge", "when sample 0 of the timeline was captured, CLOCK_MONOTONIC"),
    Metric(
        "audio.audible", "gauge", "which session, turn, attempt and source of it may be heard; only turns writes it"
    ),
    Metric("audio.played", "gauge", "samples of the audible attempt that were handed to the device"),
    Metric("audio.input_end", "gauge", "the sample at which a recorded input ended, plus one; 0 while it lasts"),
    Metric("audio.playing", "gauge", "the attempt that is being heard, in the form of audio.audible; 0 when none is"),
    Metric("audio.forget_upto", "gauge", "sound before this sample belongs to visitors who left, and is scrubbed"),
    Metric("audio.muted", "gauge", "1 while the microphone is closed; it outlives a restart"),
    Metric("audio.volume", "gauge", "0 to 100, plus one; 0 before it was set; it outlives a restart"),
    Metric(
        "audio.configured_volume", "gauge", "the configuration's, as last taken over, plus one; it outlives a restart"
    ),
    Metric("audio.opened", "gauge", "1 once a sound device was open"),
    Metric("audio.microphone_silent", "gauge", "the last two that were opened and did not run, as two CRC-32; 0: none"),
    Metric("audio.loudspeaker_silent", "gauge", "the same of loudspeakers"),
    Metric(
        "audio.microphone_ppm", "gauge", "how fast the microphone's clock is against ours, parts per million, signed"
    ),
    Metric("audio.loudspeaker_ppm", "gauge", "how fast the loudspeaker's clock is, parts per million, signed"),
    Metric("audio.capture_ns", "histogram", "how long the microphone's callback took"),
    Metric("audio.playout_ns", "histogram", "how long the loudspeaker's callback took"),
    Metric("audio.xruns", "counter", "output blocks that the device did not get in time"),
    Metric("audio.lost_blocks", "counter", "input blocks that nobody fetched in time"),
    Metric("audio.starved", "counter", "blocks in which an answer's sound had not been made in time"),
    Metric("audio.lateness_ns", "histogram", "from a block's end at the device to its record in the mic ring"),
    Metric(
        "audio.behind", "gauge", "samples that were heard and are not in the mic ring yet: the echo canceller has them"
    ),
    Metric("vad.judged", "gauge", "the sample up to which voice activity is known"),
    Metric("vad.voice", "gauge", "the sample since which there may be a voice, plus one; 0 while there is none"),
    Metric("vad.speaking", "gauge", "the sample at which the present speech began, plus one; 0 while nobody speaks"),
    Metric("vad.wake_ns", "histogram", "from a record in the mic ring to the moment the VAD can read it"),
    Metric("vad.hop_ns", "histogram", "judging one hop"),
    Metric("asr.step_ns", "histogram", "decoding one step of sound"),
    Metric("asr.partial_ns", "histogram", "from the capture of the newest sound in it to a partial text"),
    Metric("asr.final_ns", "histogram", "from the request for the final text to the text"),
    Metric("ending.judge_ns", "histogram", "judging by the sound whether the user has finished"),
    Metric("llm.first_ns", "histogram", "from the question to the first piece of the answer"),
    Metric("vocoder.first_ns", "histogram", "from the first clause to its first sound"),
    Metric("floor.able", "gauge", "1 when the floor has a voice and answers, and can take steps over"),
    Metric("floor.first_ns", "histogram", "from the first clause that the floor takes over to its first sound"),
    Metric("turns.shown", "gauge", "what the engine is doing, its place among STATES; only turns writes it"),
    Metric("turns.session", "gauge", "the number of the present session, or of the next one; it outlives a restart"),
    Metric("turns.visitor", "gauge", "1 while a session is under way; it outlives a restart"),
    Metric(
        "turns.awake", "gauge", "2 while whoever speaks is listened to, 1 while not, 0 at first; it outlives a restart"
    ),
    Metric("turns.turn", "gauge", "the number of the present turn in its session; it outlives a restart"),
    Metric("turns.open_from", "gauge", "the sample at which unanswered speech began, plus one; 0 when there is none"),
    Metric("turns.newest", "gauge", "the newest attempt, in the form of audio.audible; what is older is stale"),
    Metric(
        "turns.due_ns",
        "gauge",
        "when what is owed of an answer that was begun on a guess is due, once that was right, CLOCK_MONOTONIC; else 0",
    ),
    Metric("turns.speculations", "counter", "answers that were begun before the user had finished"),
    Metric("turns.speculation_hits", "counter", "those of them that were right, and were used"),
    Metric("turns.thrown_pieces", "counter", "pieces of answers that were thrown away unheard"),
    Metric("turns.thrown_ms", "counter", "sound of answers that was thrown away unheard"),
    Metric("turns.taken_over", "counter", "steps that the floor took over from a stage that was late, stuck or dead"),
    Metric("turns.held", "counter", "turns in which a phrase was heard that only held them"),
    Metric("turns.interruptions", "counter", "answers and announcements that the user interrupted"),
    Metric("turns.resumes", "counter", "those that fell silent for a noise and went on"),
    Metric("turns.yields", "gauge", "the attempt that a voice silences, in the form of audio.audible; 0 if none"),
    Metric(
        "turns.holds", "gauge", "the attempt that turns keeps silent for now, in the form of audio.audible; 0 if none"
    ),
    Metric("turns.response_ns", "histogram", "from the end of speech to the first sample of the answer that is heard"),
    *(
        Metric(f"{process.name}.{metric.name}", metric.kind, metric.meaning)
        for process in PROCESSES
        for metric in OF_EACH_STAGE
    ),
)

LOADING, READY = 1, 2


def _layout() -> Iterator[tuple[str, int]]:
    at = 0
    for metric in METRICS:
        yield metric.name, at
        at += metric.cells


AT = dict(_layout())
CELLS = sum(metric.cells for metric in METRICS)
LAYOUT = zlib.crc32("\n".join(f"{metric.name} {metric.kind}" for metric in METRICS).encode())
"""What `engine.layout` holds."""


def bucket(ns: int) -> int:
    """The histogram bucket of a duration."""
    power = max(ns, 0).bit_length() - 1
    if power < _LOWEST:
        return 0
    if power >= _HIGHEST:
        return BUCKETS - 1
    return (power - _LOWEST) * _STEPS + ((ns >> (power - 3)) & (_STEPS - 1))


def bucket_middle(index: int) -> int:
    """The duration in ns that stands for a bucket."""
    power, step = divmod(index, _STEPS)
    low = (_STEPS + step) << (power + _LOWEST - 3)
    return low + (1 << (power + _LOWEST - 3)) // 2


def signed(value: int) -> int:
    """What a cell means that may be below 0."""
    return value - _WORD - 1 if value >> 63 else value


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """A histogram at one moment. counts: shape [BUCKETS], how many durations fell into each bucket."""

    counts: NDArray[np.uint64]

    @classmethod
    def of(cls, cells: NDArray[np.uint64], name: str) -> Distribution:
        """cells: all of the page's, shape [CELLS]; they are copied."""
        return cls(cells[AT[name] : AT[name] + BUCKETS].copy())

    @property
    def count(self) -> int:
        """How many durations there were."""
        return int(self.counts.sum())

    @property
    def sum_ns(self) -> int:
        """Their sum, as right as the buckets are."""
        return sum(count * bucket_middle(index) for index, count in enumerate(self.counts.tolist()) if count)

    def percentiles(self, *ranks: float) -> list[float] | None:
        """The percentiles (0 to 100) in ms, or None if there are no durations."""
        upto = np.cumsum(self.counts.astype(np.float64))
        if not upto[-1]:
            return None
        wanted = [max(1.0, rank / 100 * upto[-1]) for rank in ranks]
        return [bucket_middle(int(index)) / 1e6 for index in np.searchsorted(upto, wanted)]


class Telemetry:
    """The cells by their names."""

    def __init__(self, cells: ringbuf.Cells) -> None:
        self.cells = cells

    def get(self, name: str) -> int:
        return self.cells.load(AT[name])

    def set(self, name: str, value: int) -> None:
        """Set a gauge. A value below 0 is stored as its two's complement."""
        self.cells.store(AT[name], value & _WORD)

    def get_signed(self, name: str) -> int:
        """A gauge that may be below 0."""
        return signed(self.get(name))

    def count(self, name: str, by: int = 1) -> None:
        self.cells.add(AT[name], by)

    def watch(self, name: str) -> ringbuf.Watchable:
        """Something a worker can be woken by when the value changes."""
        return self.cells.watch(AT[name])

    def observe(self, name: str, ns: int) -> None:
        """Add a duration to a histogram."""
        self.cells.add(AT[name] + bucket(ns), 1)

    def percentiles(self, name: str, *ranks: float) -> list[float] | None:
        """The percentiles (0 to 100) of a histogram in ms, or None if it is empty."""
        return self.distribution(name).percentiles(*ranks)

    def distribution(self, name: str) -> Distribution:
        """A histogram as it is now."""
        return Distribution.of(self.cells.array, name)
