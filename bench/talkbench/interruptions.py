"""The visitor speaks while the engine does, or only coughs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .bench import Bench
from .figures import Table, percentile
from .noises import KINDS
from .runs import Run, converse, pauses
from .sections import ECHOES
from .tracks import GAP_S, RATE, SHORT, Builder, Track, read, tool, written
from .words import WITHDRAWN

ON = " and on" * 15
LONG = {
    "llm.backend": "repeat",
    "phrases.en.repeat": f"You said {{text}} and I shall go on{ON} about it{ON}.",
    "vocoder.flite.pause_ms": 0,
}
"""About 15 s of speech without a pause: whoever interrupts does not meet one."""
STORY = " ".join(f"Sentence {number} goes on{ON}, but not for ever." for number in range(12))
LONGER = {**LONG, "phrases.en.repeat": f"{STORY} {{text}}", "llm.max_tokens": 1000}
"""A minute and a half."""
INTO_S = 3.0
"""So long after an utterance the next one begins: the answer to the first has been heard for about two seconds."""
NOISE_S = 3.0
"""From one noise to the next."""
ECHO = "-12dB,40ms"
"""A loudspeaker beside the microphone."""
BLOCK_S = 0.01
"""By so much the loudspeaker may be behind what the engine says."""


def interruptions(bench: Bench) -> Table:
    """Who speaks is heard out, who coughs is not. Quick: in the default setting alone."""
    builder = bench.builder
    table = Table("Interruptions: ms from the beginning of the visitor's speech or noise")
    tracks = [interrupting(builder, seed) for seed in range(1, 1 + bench.count(1, 5))]
    modes = ("on",) if bench.quick else ("on", "strict")
    for mode in modes:
        runs = [converse(builder.shared, track, {**LONG, "turns.barge_in": mode}) for track in tracks]
        bench.add(table, {"": f"speech, {mode}", **interrupted(builder, list(zip(tracks, runs, strict=True)))})
    noisy = [coughing(builder, seed, 2 if bench.quick else 5) for seed in range(1, 1 + bench.count(1, 1))]
    for mode in modes:
        sets = {**LONGER, "turns.barge_in": mode}
        runs = [converse(builder.shared, track, sets, listen=("answer",)) for track in noisy]
        bench.add(table, {"": f"noises, {mode}", **resumed(builder, list(zip(noisy, runs, strict=True)))})
    if not bench.quick:
        room = {"audio.virtual.echo": ECHO}
        runs = [converse(builder.shared, track, {**LONG, **room}) for track in tracks]
        bench.add(table, {"": f"speech, echo {ECHO}", **interrupted(builder, list(zip(tracks, runs, strict=True)))})
        bench.add(table, {"": f"answers, echo {ECHO}", **undisturbed(builder, room, bench.count(1, 4))})
    return table


def undisturbed(builder: Builder, room: Mapping[str, object], sessions: int) -> dict[str, str]:
    """Answers into which nobody speaks but the loudspeaker: all that interrupts one that was heard, it does itself.
    (One that was not heard yet gives way to the same person, who goes on after a pause.)"""
    answers = interruptions = holes = more = 0
    for seed in range(1, sessions + 1):
        track = builder.build(SHORT, seed, gap=GAP_S)
        run = converse(builder.shared, track, {**ECHOES, **room})
        turns = run.report["turns"]
        heard = [turn for turn in turns if turn["response_ms"] is not None]
        answers += len(heard)
        interruptions += sum(turn["interruption"] is not None for turn in heard)
        more += max(0, len(turns) - len(track.labels["utterances"]))
        holes += len(run.total["holes"])
    return {"of": str(answers), "interrupted": str(interruptions), "holes": str(holes), "turns of its own": str(more)}


def interrupting(builder: Builder, seed: int) -> Track:
    """One utterance after the other, each into the answer to the one before it."""
    names = SHORT.split(",")
    names = names[seed % len(names) :] + names[: seed % len(names)]
    bounds = {label["file"]: label for label in builder.build(SHORT, 0).labels["utterances"]}
    at, starts = 1.0, []
    for name in names:
        starts.append(f"{at:.3f}")
        at += bounds[f"{name}.wav"]["end"] - bounds[f"{name}.wav"]["start"] + INTO_S + seed * 0.037
    return builder.build(",".join(names), seed, at=",".join(starts), gap=12)


def interrupted(builder: Builder, conversations: list[tuple[Track, Run]]) -> dict[str, str]:
    """What interrupting speech comes to."""
    stops = [stop for track, run in conversations for stop in silent_after(builder, track, run)]
    confirmed = []
    for track, run in conversations:
        starts = np.array([label["start"] for label in track.labels["utterances"]])
        for turn in run.report["turns"]:
            if turn["outcome"] == "interrupted" and (voice := turn["interruption"]) is not None:
                began = starts[np.abs(starts - voice["start_s"]).argmin()]
                confirmed.append((voice["start_s"] - began) * 1000 + voice["after_ms"])
    return {
        "of": str(len(stops)),
        "silent p50": percentile(stops, 50),
        "p95": percentile(stops, 95),
        "certain p50": percentile(confirmed, 50),
        "certain p95": percentile(confirmed, 95),
        "interrupted": str(len(confirmed)),
        "talked over": str(sum(row["talked_over"] for _, run in conversations for row in run.rows)),
        "misses": str(sum(run.total["misses"] for _, run in conversations)),
        "holes": str(sum(len(run.total["holes"]) for _, run in conversations)),
    }


def silent_after(builder: Builder, track: Track, run: Run) -> list[float]:
    """For each utterance that began while the engine spoke: the last that is heard of it, as turns.py measures its
    stop_ms. That counts only engines that are heard for another 60 ms."""
    measure = tool(builder.shared, "turns")
    loud = measure.levels(read(run.recording)[:, 1], RATE) > -45
    found = []
    for label in track.labels["utterances"]:
        start, end = (round(label[bound] / measure.STEP) for bound in ("start", "end"))
        if loud[start - 20 : start].any():
            heard = np.flatnonzero(loud[start:end])
            found.append(float(heard[-1] + 1) * measure.STEP * 1000 if len(heard) else 0.0)
    return found


def coughing(builder: Builder, seed: int, each: int) -> Track:
    """One question, and then so many noises of each kind into its answer."""
    track = builder.build("go_forward", seed, at="1.0", gap=NOISE_S * each * len(KINDS) + 12)
    sound, rng = read(track.path)[:, 0].astype(float), np.random.default_rng(seed)
    at, labels = track.labels["utterances"][0]["end"] + INTO_S, []
    for number in range(each * len(KINDS)):
        kind = list(KINDS)[number % len(KINDS)]
        noise = KINDS[kind](rng) * 10 ** rng.uniform(3.5, 4.1)
        start = round((at + rng.uniform(0, 0.3)) * RATE)
        sound[start : start + len(noise)] += noise
        labels.append({"kind": kind, "start": start / RATE, "end": (start + len(noise)) / RATE})
        at += NOISE_S
    return written(track, "noises", sound, noises=labels)


@dataclass(frozen=True, slots=True)
class Noticed:
    """What became of noises. silenced: so many made the answer fall silent; after_ms: from the beginning of each of
    these until it is heard again, where it went on; unseen: so many silences that the recording does not show."""

    silenced: int
    after_ms: list[float]
    unseen: int


def noticed(starts: Sequence[float], stops: Sequence[tuple[float, float | None]], loud: Any, step: float) -> Noticed:
    """What became of noises that began at `starts`. stops: when the engine says that it fell silent and went on (None:
    it did not); loud: in which steps of so many seconds the recording is audible."""
    after_ms: list[float] = []
    silenced = unseen = 0
    for start, until in zip(starts, [*starts[1:], float("inf")], strict=True):
        own = [stop for stop in stops if start <= stop[0] < until]
        silenced += bool(own)
        for paused, goes_on in own:
            over = len(loud) * step if goes_on is None else goes_on
            unseen += bool(np.all(loud[int(paused / step) : math.ceil((over + BLOCK_S) / step)]))
        if own and (last := own[-1][1]) is not None:
            again = np.flatnonzero(loud[math.ceil(last / step) :])
            if len(again):
                after_ms.append(round((math.ceil(last / step) + int(again[0])) * step * 1000 - start * 1000))
    return Noticed(silenced, after_ms, unseen)


def resumed(builder: Builder, conversations: list[tuple[Track, Run]]) -> dict[str, str]:
    """What noises come to: who was silenced says the engine, when it is heard again the recording."""
    measure, found = tool(builder.shared, "turns"), []
    for track, run in conversations:
        loud = measure.levels(read(run.recording)[:, 1], RATE) > -45
        found.append(noticed([noise["start"] for noise in track.labels["noises"]], pauses(run), loud, measure.STEP))
    after = [ms for each in found for ms in each.after_ms]
    return {
        "of": str(sum(len(track.labels["noises"]) for track, _ in conversations)),
        "silenced": str(sum(each.silenced for each in found)),
        "resumed": str(len(after)),
        "resumed p50": percentile(after, 50),
        "resumed p95": percentile(after, 95),
        "not in the recording": str(sum(each.unseen for each in found)),
        "interrupted": str(sum(t["interruption"] is not None for _, run in conversations for t in run.report["turns"])),
        "holes": str(sum(len(run.total["holes"]) for _, run in conversations)),
        "words lost": ", ".join(words_lost(run.report["turns"]) for _, run in conversations),
    }


def words_lost(turns: Sequence[Mapping[str, Any]]) -> str:
    """Words of the first answer that were not heard though it was spoken to its end."""
    for turn in turns:
        if turn["source"] == "answer" and turn["outcome"] != WITHDRAWN:
            lost = len(turn["answer"].split()) - len(turn["heard"].split())
            return str(lost) if turn["outcome"] == "answered" else str(turn["outcome"])
    return "-"
