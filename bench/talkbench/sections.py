"""The tables of bench/conversation.py that need the engine alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.config import load

from .bench import Bench
from .figures import Table, percentile, rate
from .runs import Run, converse
from .tracks import LONG, MIDDLE, RATE, SHORT, Builder, Track, read, written
from .words import WITHDRAWN, Recogniser, by_label, last_words, nearest, rate_of, spoken

ECHOES = {"llm.backend": "repeat"}
"""The answer is what was understood."""
GAINS_DB = (0, -6, 3, -12)
PATIENCES_S = (0.2, 0.4, 0.6, 0.8, 1.6, 3.2, 6.4)
FIXED_MS = (100, 150, 200, 300, 400, 500)

PLACES: Mapping[str, Mapping[str, object]] = {
    "default": {},
    "profile hall": {"profile": "hall"},
}
"""Settings for quiet places and for loud ones."""
SECOND_GAP_S, SECOND_AFTER_S = 8.0, 3.0
"""From one utterance to the next, where a second talker speaks in between; and how soon after an utterance."""


def fixed(ms: int) -> dict[str, object]:
    """Settings by which the end-of-speech wait is always the same."""
    return {"turns.end_of_speech_floor_ms": ms, "turns.end_of_speech_ceiling_ms": ms}


def tracks(builder: Builder, names: str, sessions: int, **options: object) -> list[Track]:
    """The same recordings, once in each session, with other seeds, gains and blocks."""
    return [
        builder.build(names, seed, gain=GAINS_DB[seed % len(GAINS_DB)], **options) for seed in range(1, sessions + 1)
    ]


def converse_all(builder: Builder, on: Sequence[Track], sets: Mapping[str, object]) -> list[Run]:
    """One conversation after the other: side by side they would take each other's time."""
    return [converse(builder.shared, track, {**ECHOES, **sets}) for track in on]


def row(name: str, runs: Sequence[Run]) -> dict[str, str]:
    """What all the conversations together come to."""

    def total(key: str) -> int:
        return sum(run.total[key] for run in runs)

    def counted(*keys: str) -> int:
        found = 0
        for run in runs:
            value: Any = run.report["totals"]
            for key in keys:
                value = value[key]
            found += value
        return found

    responses = [ms for run in runs for ms in run.responses]
    return {
        "": name,
        "response p50": percentile(responses, 50),
        "p95": percentile(responses, 95),
        "cut-ins": rate(total("cut_ins"), total("utterances")),
        "too soon, withdrawn": str(sum(too_soon(run) for run in runs)),
        "misses": str(total("misses")),
        "holes": str(sum(len(run.total["holes"]) for run in runs)),
        "xruns": str(counted("xruns")),
        "right guesses": f"{counted('speculation', 'hits')} of {counted('speculation', 'begun')}",
        "late": str(counted("deadline_misses")),
    }


def too_soon(run: Run) -> int:
    """Turns that were taken before the user had finished, and given back before anything of an answer was heard."""
    return sum(turn["outcome"] == WITHDRAWN for turn in run.report["turns"])


def turn_taking(bench: Bench) -> Table:
    """The default setting; without speculation; speakers who pause for long; and what was understood."""
    builder = bench.builder
    table = Table("Turn-taking: response in ms from the end of speech to the first sample")
    usual = tracks(builder, SHORT if bench.quick else f"{SHORT},{MIDDLE}", bench.count(1, 10))
    runs = converse_all(builder, usual, {})
    bench.add(table, row("default", runs))
    table.note = f"first row: {understood(builder, usual, runs)}; partial text {partials(runs)}"
    bench.keep(table)
    if not bench.quick:
        few = usual[: bench.count(1, 3)]
        bench.add(table, row("speculation off", converse_all(builder, few, {"turns.speculations": 0})))
        bench.add(table, row("jfk, digits", converse_all(builder, tracks(builder, LONG, bench.count(1, 3)), {})))
        for pause in (0.3, 0.45, 0.6):
            hesitating = tracks(builder, SHORT, bench.count(1, 2), pause=pause)
            bench.add(table, row(f"hesitations of {pause:g} s", converse_all(builder, hesitating, {})))
    return table


def partials(runs: Sequence[Run]) -> str:
    """How soon after its sound a partial text is there; without telemetry nobody knows."""
    found = [each for run in runs if (each := run.report["totals"]["latency_ms"].get("asr.partial")) is not None]
    if not found:
        return "after its sound: not known"
    p50, p95 = (max(each[rank] for each in found) for rank in ("p50", "p95"))
    return f"after its sound p50 {p50:.0f} ms, p95 {p95:.0f} ms (worst session)"


def understood(builder: Builder, on: Sequence[Track], runs: Sequence[Run]) -> str:
    """Word errors, beside those of the same recogniser on whole files, and whether the answers can be understood."""
    config = load(sets=["llm.backend=repeat"])
    heard, again, known = [], 0, 0
    for track, run in zip(on, runs, strict=True):
        labels, turns = track.labels["utterances"], run.report["turns"]
        heard += list(zip([label["text"] for label in labels], by_label(labels, turns), strict=True))
        # Of one that the next visitor interrupted not all was heard.
        answered = [turn for turn in turns if turn["response_ms"] is not None and turn["outcome"] == "answered"]
        answers = [turn["answer"] for turn in answered]
        # It is told all answers of the session, and must find which one was played.
        listener, sound = Recogniser(config, tuple(answers)), read(run.recording)
        found = [nearest(listener.recognise(spoken(turn, sound)), answers) for turn in answered]
        again += len(found)
        known += sum(one == other for one, other in zip(found, answers, strict=True))
    names = sorted({label["file"] for track in on for label in track.labels["utterances"]})
    texts = {label["file"]: label["text"] for track in on for label in track.labels["utterances"]}
    recogniser = Recogniser(config)
    whole = [(texts[n], recogniser.recognise(read(builder.shared / "audio" / n)[:, 0].copy())) for n in names]
    return (
        f"word errors {rate_of(heard):.1%} (whole files {rate_of(whole):.1%}), last word kept {last_words(heard)}, "
        f"{known} of {again} answers recognised again"
    )


def hall(bench: Bench) -> Table:
    """A crowd behind the visitor, and a crowd alone, in each place's settings."""
    builder = bench.builder
    babble = builder.shared / "audio"
    table = Table("In a hall")
    for place, sets in PLACES.items():
        for snr in (10, 5):
            crowd = tracks(builder, SHORT, bench.count(1, 2), babble=babble, snr=snr)
            bench.add(table, row(f"{place}, babble at {snr} dB", converse_all(builder, crowd, sets)))
        second = [talked_into(builder, seed) for seed in range(1, 1 + bench.count(1, 1))]
        bench.add(table, row(f"{place}, a second talker at 10 dB", converse_all(builder, second, sets)))
        minutes = 2 if bench.quick else 10
        alone = builder.build("go_forward", 1, babble=babble, snr=10, gap=60 * minutes)
        run = converse(builder.shared, alone, {**ECHOES, **sets})
        name = f"{place}, {minutes} min of babble alone"
        bench.add(table, {"": name, "false turns": str(false_turns(alone, run))})
    return table


def false_turns(track: Track, run: Run) -> int:
    """Turns that the engine took though nobody spoke to it."""
    end = track.labels["utterances"][-1]["end"]
    return sum(turn["response_ms"] is not None and turn["speech"]["start_s"] > end for turn in run.report["turns"])


def talked_into(builder: Builder, seed: int) -> Track:
    """The utterances, and between them, 10 dB softer, somebody else who speaks to somebody else."""
    track = builder.build(SHORT, seed, gap=SECOND_GAP_S)
    names = SHORT.split(",")
    other = builder.build(",".join(names[3:] + names[:3]), seed, gain=-10)
    sound, voices = (read(each.path)[:, 0].astype(float) for each in (track, other))
    for label, voice in zip(track.labels["utterances"], other.labels["utterances"], strict=False):
        part = voices[round(voice["start"] * RATE) : round(voice["end"] * RATE)]
        begin = round((label["end"] + SECOND_AFTER_S) * RATE)
        sound[begin : begin + len(part)] += part[: len(sound) - begin]
    return written(track, "second", sound)
