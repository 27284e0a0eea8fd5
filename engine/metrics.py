"""The one table of metrics: every number the engine shows, its unit and its meaning (docs/metrics.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from engine.channels import PROCESSES

LOWEST, HIGHEST = 10, 35
"""Histograms hold durations between these powers of two, ns; what is below or above is in the outermost buckets."""
STEPS = 8
"""Buckets for each doubling."""
BUCKETS = (HIGHEST - LOWEST) * STEPS


@dataclass(frozen=True, slots=True)
class Metric:
    """One number, or one distribution, and what it means."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    """What it counts, or one of UNITS."""
    meaning: str

    @property
    def cells(self) -> int:
        return BUCKETS if self.kind == "histogram" else 1


UNITS = {
    "ns": "nanoseconds; of a gauge, CLOCK_MONOTONIC",
    "ms": "milliseconds",
    "ppm": "parts per million",
    "percent": "0 to 100",
    "sample": "a place on the microphone's timeline (audio.rate_hz)",
    "samples": "as many samples",
    "attempt": "session, turn, attempt and source in one word (engine/audible.py)",
    "process": "a process id",
    "rung": "a rung's number, 0 is the best",
    "flag": "0 or 1",
    "bits": "a set, one bit for each member",
    "number": "as it is",
}
"""Units that do not speak for themselves. A counter's is what it counts."""

OF_EACH_STAGE = (
    Metric("state", "gauge", "number", "0 not running, 1 loading, 2 ready"),
    Metric("pid", "gauge", "process", "the number of its process, 0 while it has none; only the supervisor writes it"),
    Metric("beat_ns", "gauge", "ns", "when the worker last came round its loop, CLOCK_MONOTONIC"),
    Metric(
        "bound_ns",
        "gauge",
        "ns",
        "until when a call that cannot be interrupted may take, CLOCK_MONOTONIC; else 0",
    ),
    Metric(
        "apart_ns",
        "gauge",
        "ns",
        "until when a call that a thread of its model's own has made may take, CLOCK_MONOTONIC; else 0",
    ),
    Metric("restarts", "counter", "restarts", "times the worker was started again"),
    Metric("gone", "gauge", "flag", "1 while the engine does without the stage, since it does not come back"),
    Metric("late", "counter", "results", "results that missed their deadline"),
    Metric("dropped", "counter", "messages", "messages that found their ring full"),
    Metric("lease_ns", "counter", "ns", "time that it waited for the lease"),
    Metric("overdrafts", "counter", "times", "times it went on without the lease, as there was no more time to wait"),
    Metric(
        "rung", "gauge", "rung", "the rung of its ladder that is wanted, 0 is the best; only the governor writes it"
    ),
    Metric("rung_at", "gauge", "rung", "the rung that the worker works on; only the worker writes it"),
)

STATES = ("starting", "listening", "asleep", "muted", "hearing", "thinking", "speaking", "announcing", "stopping")
"""The states that the engine shows, in the order of their numbers in `turns.shown`."""

METRICS = (
    # The first, for ever: by it whoever reads the page knows whether the others are where they are looked for.
    Metric("engine.layout", "gauge", "number", "which metrics the page holds and where, as a number"),
    Metric(
        "engine.forks",
        "gauge",
        "process",
        "the number of the process that workers are forked from, 0 while there is none",
    ),
    Metric("engine.beat_ns", "gauge", "ns", "when the supervisor last looked at its workers, CLOCK_MONOTONIC"),
    Metric("engine.go", "gauge", "flag", "1 once every stage is ready: the device may start"),
    Metric("engine.stop", "gauge", "flag", "1 when everything shall end"),
    Metric("engine.settings", "gauge", "number", "grows each time the settings were published anew"),
    Metric("engine.lease", "gauge", "bits", "who takes part in the lease, as bits: its place among the processes"),
    Metric(
        "engine.refused", "gauge", "bits", "what the machine refused, as bits (engine/realtime.py); each is said once"
    ),
    Metric(
        "door.tools", "gauge", "clients", "clients of the door that do what is called; only the supervisor writes it"
    ),
    Metric("door.dialogue", "gauge", "clients", "clients of the door that answer; only the supervisor writes it"),
    Metric("audio.start_ns", "gauge", "ns", "when sample 0 of the timeline was captured, CLOCK_MONOTONIC"),
    Metric(
        "audio.audible",
        "gauge",
        "attempt",
        "which session, turn, attempt and source of it may be heard; only turns writes it",
    ),
    Metric("audio.played", "gauge", "samples", "samples of the audible attempt that were handed to the device"),
    Metric(
        "audio.input_end", "gauge", "sample", "the sample at which a recorded input ended, plus one; 0 while it lasts"
    ),
    Metric(
        "audio.playing",
        "gauge",
        "attempt",
        "the attempt that is being heard, in the form of audio.audible; 0 when none is",
    ),
    Metric(
        "audio.forget_upto", "gauge", "sample", "sound before this sample belongs to visitors who left, and is scrubbed"
    ),
    Metric("audio.muted", "gauge", "flag", "1 while the microphone is closed; it outlives a restart"),
    Metric("audio.volume", "gauge", "percent", "0 to 100, plus one; 0 before it was set; it outlives a restart"),
    Metric(
        "audio.configured_volume",
        "gauge",
        "percent",
        "the configuration's, as last taken over, plus one; it outlives a restart",
    ),
    Metric("audio.opened", "gauge", "flag", "1 once a sound device was open"),
    Metric(
        "audio.microphone_silent",
        "gauge",
        "number",
        "the last two that were opened and did not run, as two CRC-32; 0: none",
    ),
    Metric("audio.loudspeaker_silent", "gauge", "number", "the same of loudspeakers"),
    Metric(
        "audio.microphone_ppm",
        "gauge",
        "ppm",
        "how fast the microphone's clock is against ours, parts per million, signed",
    ),
    Metric("audio.loudspeaker_ppm", "gauge", "ppm", "how fast the loudspeaker's clock is, parts per million, signed"),
    Metric("audio.capture_ns", "histogram", "ns", "how long the microphone's callback took"),
    Metric("audio.playout_ns", "histogram", "ns", "how long the loudspeaker's callback took"),
    Metric("audio.xruns", "counter", "blocks", "output blocks that the device did not get in time"),
    Metric("audio.lost_blocks", "counter", "blocks", "input blocks that nobody fetched in time"),
    Metric("audio.starved", "counter", "blocks", "blocks in which an answer's sound had not been made in time"),
    Metric("audio.lateness_ns", "histogram", "ns", "how much later than meant a block of the microphone was recorded"),
    Metric(
        "audio.behind",
        "gauge",
        "samples",
        "samples that were heard and are not in the mic ring yet: the echo canceller has them",
    ),
    Metric("vad.judged", "gauge", "sample", "the sample up to which voice activity is known"),
    Metric(
        "vad.voice", "gauge", "sample", "the sample since which there may be a voice, plus one; 0 while there is none"
    ),
    Metric(
        "vad.speaking",
        "gauge",
        "sample",
        "the sample at which the present speech began, plus one; 0 while nobody speaks",
    ),
    Metric("vad.wake_ns", "histogram", "ns", "from a record in the mic ring to the moment the VAD can read it"),
    Metric("vad.hop_ns", "histogram", "ns", "judging one hop"),
    Metric("asr.step_ns", "histogram", "ns", "decoding one step of sound"),
    Metric("asr.partial_ns", "histogram", "ns", "from the capture of the newest sound in it to a partial text"),
    Metric("asr.final_ns", "histogram", "ns", "from the request for the final text to the text"),
    Metric("ending.judge_ns", "histogram", "ns", "judging by the sound whether the user has finished"),
    Metric("llm.first_ns", "histogram", "ns", "from the question to the first piece of the answer"),
    Metric("vocoder.first_ns", "histogram", "ns", "from the first clause to its first sound"),
    Metric("floor.able", "gauge", "flag", "1 when the floor has a voice and answers, and can take steps over"),
    Metric("floor.first_ns", "histogram", "ns", "from the first clause that the floor takes over to its first sound"),
    Metric("turns.shown", "gauge", "number", "what the engine is doing, its place among STATES; only turns writes it"),
    Metric(
        "turns.session",
        "gauge",
        "number",
        "the number of the present session, or of the next one; it outlives a restart",
    ),
    Metric("turns.visitor", "gauge", "flag", "1 while a session is under way; it outlives a restart"),
    Metric(
        "turns.awake",
        "gauge",
        "number",
        "2 while whoever speaks is listened to, 1 while not, 0 at first; it outlives a restart",
    ),
    Metric("turns.turn", "gauge", "number", "the number of the present turn in its session; it outlives a restart"),
    Metric(
        "turns.open_from",
        "gauge",
        "sample",
        "the sample at which unanswered speech began, plus one; 0 when there is none",
    ),
    Metric(
        "turns.newest", "gauge", "attempt", "the newest attempt, in the form of audio.audible; what is older is stale"
    ),
    Metric(
        "turns.due_ns",
        "gauge",
        "ns",
        "when what is owed of an answer that was begun on a guess is due, once that was right, CLOCK_MONOTONIC; else 0",
    ),
    Metric("turns.speculations", "counter", "answers", "answers that were begun before the user had finished"),
    Metric("turns.speculation_hits", "counter", "answers", "those of them that were right, and were used"),
    Metric("turns.thrown_pieces", "counter", "pieces", "pieces of answers that were thrown away unheard"),
    Metric("turns.thrown_ms", "counter", "ms", "sound of answers that was thrown away unheard"),
    Metric(
        "turns.taken_over",
        "counter",
        "steps",
        "steps that the floor took over from a stage that was late, stuck or dead",
    ),
    Metric("turns.held", "counter", "turns", "turns in which a phrase was heard that only held them"),
    Metric("turns.interruptions", "counter", "answers", "answers and announcements that the user interrupted"),
    Metric("turns.resumes", "counter", "answers", "those that fell silent for a noise and went on"),
    Metric(
        "turns.yields", "gauge", "attempt", "the attempt that a voice silences, in the form of audio.audible; 0 if none"
    ),
    Metric(
        "turns.holds",
        "gauge",
        "attempt",
        "the attempt that turns keeps silent for now, in the form of audio.audible; 0 if none",
    ),
    Metric(
        "turns.response_ns", "histogram", "ns", "from the end of speech to the first sample of the answer that is heard"
    ),
    *(replace(metric, name=f"{process.name}.{metric.name}") for process in PROCESSES for metric in OF_EACH_STAGE),
)
