"""Does the waterfall tell the truth? What the engine says of each turn, against what can be heard in its recording.

    python bench/waterfall.py [--sessions N] [--shared ../shared] [--json FILE]

The whole of a turn's waterfall is from the end of the user's speech, as the engine heard it, to the first sample of the
answer. turns.py of the shared folder measures the same from the recording alone: from the labelled end of speech to the
first audible sound, in steps of 10 ms. Where label and engine do not mean the same end, that difference is in between,
and it is shown. Two kinds of tracks: recordings of people, whose labels are somebody's opinion; and sentences made by a
voice and cut where it is loud, digital silence after, whose ends are exact.

Asked for: 95 % of turns within 20 ms and the difference between the ends; with exact ends within 20 ms. Each
waterfall's parts must sum to its whole, or the bench fails. Takes a minute and a half for each session, and as long for
the exact one.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from allbench.results import Figure, as_json, measured, share
from talkbench.figures import Table, percentile, rate
from talkbench.files import check
from talkbench.runs import Run, converse
from talkbench.sections import ECHOES
from talkbench.sections import tracks as recorded
from talkbench.tracks import RATE, SHORT, Builder, Track, written

from engine.contract import Rung
from engine.waterfall import Part, parts
from workers.backends.flite import Flite
from workers.backends.kept import say

WITHIN_MS, AGREE_PERCENT = 20.0, 95.0
PEOPLE, EXACT = "recordings of people", "exact ends"
SENTENCES = (
    "where can i buy a ticket",
    "how do i get to the second floor",
    "when does the museum open today",
    "is there a lift in this building",
    "where can i leave my bag and my coat",
    "what is the name of this painting",
    "how much is a ticket for a child",
    "can you show me the way to the cafe",
)
LOUD = 0.05
"""Of full scale, for 10 ms: a sentence is cut after the last of these."""
GAP_S = 5.0


@dataclass(frozen=True, slots=True)
class Pair:
    """One turn. told_ms, heard_ms: by its waterfall, and in the recording. ends_ms: by how much later the engine heard
    the end of speech than it is labelled."""

    session: int
    told_ms: float
    heard_ms: float
    ends_ms: float
    remark: str = ""
    """What else became of it."""

    @property
    def apart_ms(self) -> float:
        return abs(self.heard_ms - self.told_ms)

    @property
    def rest_ms(self) -> float:
        """What the ends do not explain: how long the first sound is too soft to be heard, and the steps of 10 ms."""
        return self.heard_ms - self.told_ms - self.ends_ms


def pairs(number: int, track: Track, run: Run) -> list[Pair]:
    """The answered turns of a conversation whose utterance is known. AssertionError: parts that do not sum."""
    found = []
    for turn in run.report["turns"]:
        if turn["response_ms"] is not None:
            assert sum(round(part.ms * 10) for part in parts(turn)) == round(turn["response_ms"] * 10), turn
    for label, row in zip(track.labels["utterances"], run.rows, strict=True):
        # The last that began in it: what began earlier was withdrawn, since the user went on.
        turns = [
            turn
            for turn in run.report["turns"]
            if turn["response_ms"] is not None and label["start"] - 0.5 <= turn["speech"]["start_s"] < label["end"]
        ]
        if row["response_ms"] is not None and turns and not row["cut_in"]:
            ends = (turns[-1]["speech"]["end_s"] - label["end"]) * 1000
            told = turns[-1]
            what = [told["outcome"]] * (told["outcome"] != "answered") + [f"of {len(turns)} turns"] * (len(turns) > 1)
            found.append(Pair(number, told["response_ms"], row["response_ms"], round(ends, 1), ", ".join(what)))
    return found


def exact(builder: Builder, seed: int) -> Track:
    """A track of sentences with exact ends. Each begins at another place in the engine's hops of 32 ms."""
    voice, dice = Flite(), np.random.default_rng(seed)
    voice.load(Rung({"voice": "rms"}, rate=RATE))
    sound, labels = [np.zeros(RATE, np.int16)], list[dict[str, Any]]()
    for text in SENTENCES:
        speech = cut(say(voice, text).sound)
        sound.append(np.zeros(dice.integers(512), np.int16))
        start = sum(map(len, sound))
        labels.append({"file": text, "text": text, "start": start / RATE, "end": (start + len(speech)) / RATE})
        sound += [speech, np.zeros(round(GAP_S * RATE), np.int16)]
    whole = np.concatenate(sound)
    empty = Track(builder.work / "exact.wav", {})
    return written(empty, str(seed), whole, utterances=labels, rate=RATE, seconds=len(whole) / RATE)


def cut(sound: Any) -> Any:
    """Up to its last loud 10 ms, and a fade of 2 ms, since a click is no end of speech."""
    step = RATE // 100
    levels = np.sqrt(np.mean((sound[: len(sound) // step * step].reshape(-1, step) / 32768) ** 2, axis=1))
    kept = sound[: (int(np.flatnonzero(levels > LOUD)[-1]) + 1) * step].astype(float)
    fade = 2 * step // 10
    kept[-fade:] *= np.linspace(1, 0, fade)
    return kept.astype(np.int16)


def agree(found: Sequence[Pair], allow_ends: bool) -> int:
    """How many do."""
    return sum(pair.apart_ms <= WITHIN_MS + (abs(pair.ends_ms) if allow_ends else 0) for pair in found)


def row(name: str, found: Sequence[Pair], utterances: int, allow_ends: bool) -> dict[str, str]:
    good = agree(found, allow_ends)
    return {
        "": name,
        "turns": f"{len(found)} of {utterances}",
        "told p50": percentile([pair.told_ms for pair in found], 50),
        "heard p50": percentile([pair.heard_ms for pair in found], 50),
        "apart p50": percentile([pair.apart_ms for pair in found], 50),
        "ends apart p50, largest": _spread([abs(pair.ends_ms) for pair in found]),
        "rest p50, largest": _spread([abs(pair.rest_ms) for pair in found]),
        f"within {WITHIN_MS:g} ms{' and the ends' if allow_ends else ''}": rate(good, len(found)),
    }


def by_part(runs: Sequence[Run]) -> dict[str, list[Part]]:
    """The parts of all answered turns, by what they are called."""
    found: dict[str, list[Part]] = {}
    for turn in answered(runs):
        for part in parts(turn):
            found.setdefault(part.label, []).append(part)
    return found


def answered(runs: Sequence[Run]) -> list[dict[str, Any]]:
    return [turn for run in runs for turn in run.report["turns"] if turn["response_ms"] is not None]


def lengths(runs: Sequence[Run]) -> Table:
    """How long the parts of all answered turns took, against their budgets."""
    table = Table("The parts of a response, ms")
    for label, same in by_part(runs).items():
        took = [part.ms for part in same]
        over = sum(part.over for part in same)
        cells = {"": label, "turns": str(len(same)), "p50": percentile(took, 50), "p95": percentile(took, 95)}
        table.rows.append({**cells, "budget": f"{same[-1].budget:g}", "late": str(over)})
    whole = [turn["response_ms"] for turn in answered(runs)]
    table.rows.append({"": "all", "turns": str(len(whole)), "p50": percentile(whole, 50), "p95": percentile(whole, 95)})
    return table


def figures(found: Mapping[str, Sequence[Pair]], runs: Sequence[Run]) -> dict[str, Figure]:
    """How many agree, how far the two are apart, and how long each part took. runs: of people."""
    every: dict[str, Figure] = {}
    for name, same in found.items():
        if same:
            good = agree(same, allow_ends=name != EXACT)
            every[f"{name}: agree"] = share(good, len(same), asked=AGREE_PERCENT)
            every[f"{name}: told p50"] = measured([pair.told_ms for pair in same], "ms", "lower")
            every[f"{name}: heard p50"] = measured([pair.heard_ms for pair in same], "ms", "lower")
            every[f"{name}: left over p50"] = measured([abs(pair.rest_ms) for pair in same], "ms", "lower")
    for label, of in by_part(runs).items():
        for rank in (50, 95):
            every[f"{label}: p{rank}"] = measured([part.ms for part in of], "ms", "lower", rank)
    return every


def _spread(values: Sequence[float]) -> str:
    return f"{np.median(values):.0f}, {max(values):.0f}" if values else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=1, metavar="N", help="sessions of recorded utterances")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    arguments = parser.parse_args()
    check(arguments.json)
    if not (arguments.shared / "measure").is_dir():
        raise SystemExit(f"{arguments.shared} has no recordings and no measure: give --shared")
    table = Table("The waterfall's whole against the recording, ms")
    kept, by_people = dict[str, list[Pair]](), list[Run]()
    with tempfile.TemporaryDirectory() as work:
        builder = Builder(arguments.shared, Path(work))
        people = recorded(builder, SHORT, arguments.sessions)
        kinds = {PEOPLE: people, EXACT: [exact(builder, 1)]}
        for name, on in kinds.items():
            runs = [converse(arguments.shared, track, ECHOES) for track in on]
            found = [
                pair
                for number, (track, run) in enumerate(zip(on, runs, strict=True), 1)
                for pair in pairs(number, track, run)
            ]
            kept[name] = found
            by_people = by_people or runs
            for pair in found:
                print(
                    f"{name} {pair.session}: told {pair.told_ms:.0f}, heard {pair.heard_ms:.0f}, "
                    f"ends {pair.ends_ms:+.0f}, rest {pair.rest_ms:+.0f}  {pair.remark}".rstrip(),
                    flush=True,
                )
            utterances = sum(len(track.labels["utterances"]) for track in on)
            table.rows.append(row(name, found, utterances, allow_ends=name != EXACT))
    print(table, lengths(by_people), sep="\n", flush=True)
    if arguments.json:
        arguments.json.write_text(as_json(figures(kept, by_people)))


if __name__ == "__main__":
    main()
