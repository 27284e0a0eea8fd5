"""The visitor speaks while the engine does, or only coughs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .figures import Table, percentile
from .noises import KINDS
from .runs import Run, converse
from .sections import ECHOES
from .tracks import GAP_S, RATE, SHORT, Builder, Track, read, tool, written

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
SILENCED_S = 0.25
"""An answer that falls silent within so long of a noise was silenced by it."""


def interruptions(builder: Builder, *, quick: bool) -> Table:
    """Who speaks is heard out, who coughs is not."""
    tracks = [interrupting(builder, seed) for seed in range(1, 2 if quick else 6)]
    rows = []
    for mode in ("on",) if quick else ("on", "strict"):
        runs = [converse(builder.shared, track, {**LONG, "turns.barge_in": mode}) for track in tracks]
        rows.append({"": f"speech, {mode}", **interrupted(builder, list(zip(tracks, runs, strict=True)))})
    for mode in ("on",) if quick else ("on", "strict"):
        noisy = coughing(builder, 1, 5)
        run = converse(builder.shared, noisy, {**LONGER, "turns.barge_in": mode})
        rows.append({"": f"noises, {mode}", **resumed(builder, noisy, run)})
    room = {"audio.virtual.echo": ECHO}
    runs = [converse(builder.shared, track, {**LONG, **room}) for track in tracks]
    rows.append({"": f"speech, echo {ECHO}", **interrupted(builder, list(zip(tracks, runs, strict=True)))})
    rows.append({"": f"answers, echo {ECHO}", **undisturbed(builder, room, 1 if quick else 4)})
    return Table("Interruptions: ms from the beginning of the visitor's speech or noise", rows)


def undisturbed(builder: Builder, room: Mapping[str, object], sessions: int) -> dict[str, str]:
    """Answers into which nobody speaks but the loudspeaker: all that interrupts them, it does itself."""
    answers = interruptions = holes = more = 0
    for seed in range(1, sessions + 1):
        track = builder.build(SHORT, seed, gap=GAP_S)
        run = converse(builder.shared, track, {**ECHOES, **room})
        turns = run.report["turns"]
        answers += sum(turn["response_ms"] is not None for turn in turns)
        interruptions += sum(turn["interruption"] is not None for turn in turns)
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


def resumed(builder: Builder, track: Track, run: Run) -> dict[str, str]:
    """What noises come to. By the recording: an answer that a noise silenced is heard again, when?"""
    measure = tool(builder.shared, "turns")
    loud = measure.levels(read(run.recording)[:, 1], RATE) > -45
    gaps = [(start * measure.STEP, end * measure.STEP) for start, end in measure.runs(~loud)]
    after, silenced = [], 0
    for noise in track.labels["noises"]:
        found = [
            end for start, end in gaps if noise["start"] <= start <= noise["start"] + SILENCED_S and end - start > 0.05
        ]
        silenced += bool(found)
        after += [round((end - noise["start"]) * 1000) for end in found[:1]]
    turns = run.report["turns"]
    heard = sum(len(turn["heard"].split()) for turn in turns if turn["source"] == "answer")
    return {
        "of": str(len(track.labels["noises"])),
        "silenced": str(silenced),
        "resumed p50": percentile(after, 50),
        "resumed p95": percentile(after, 95),
        "interrupted": str(sum(turn["interruption"] is not None for turn in turns)),
        "holes": str(len(run.total["holes"])),
        "words lost": str(len(turns[0]["answer"].split()) - heard),
    }
