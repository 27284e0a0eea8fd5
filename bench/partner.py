"""How well the configured llm.backend answers from facts, calls tools, follows on and refuses.

    python bench/partner.py                            # all sets, by hand and generated, three seeds; a minute
    python bench/partner.py --show third               # and what went wrong on one of them
    python bench/partner.py --spoken rms --noise 20    # said by flite's rms in noise, heard by the recogniser: hours
    python bench/partner.py --spoken espeak:en-gb+f3 --noise 20 --only hand --unbiased --seeds 1    # eight minutes
    python bench/partner.py --config big.toml          # the same questions for any other configured language model

The sheets written by hand lie in partnerbench/sheets; the generated ones are made of partnerbench/wordings. "tune" and
"dev" were looked at while the answerer was made. "first" to "seventh" were each written after it, held out until they
had figures, and looked at then: docs/partner.md has those. For another first look somebody has to write another set.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from partnerbench.hearing import Ears, Voice
from partnerbench.judging import Score, judge
from partnerbench.sheets import Sheet, by_hand, generated
from partnerbench.wordings import SETS, wordings
from word_errors import errors, words

from engine.config import Config, load
from engine.errors import EngineError
from engine.toml_write import inline
from workers.ask import Conversation

TARGETS = {
    "answers": 90,
    "refusals": 90,
    "tools": 95,
    "follow-ups": 85,
    "small talk": 90,
    "not invented": 98,
    "not misled": 98,
}
"""Percent that is asked for."""
SPOKEN_TARGETS = {"answers": 80}
"""With sound in between."""


def configured(sheet: Sheet, arguments: argparse.Namespace) -> Config:
    """The configuration with what a sheet tells."""
    persona = {"name": "", "role": "", "manner": ""} | dict(sheet.persona)
    told = {"facts": list(sheet.facts), "tools": [dict(tool) for tool in sheet.tools]}
    sets = [f"{key}={inline(value)}" for key, value in told.items()]
    sets += [f"persona.{key}={inline(value)}" for key, value in persona.items()]
    return load(arguments.profile, arguments.config, [*arguments.set, *sets])


class Heard:
    """What is asked, as it is heard: as it is written, unless a voice says it (--spoken)."""

    def __init__(self, config: Config, voice: Voice | None, seed: int, expecting: bool) -> None:
        self._voice, self._seed = voice, seed
        self._ears = Ears(config, expecting) if voice is not None else None

    def as_heard(self, text: str, score: Score, conversation: Conversation, context: Sequence[str]) -> str:
        """The words that are gone on with, and how many of those that were heard were wrong, into the score."""
        if self._voice is None or self._ears is None:
            return text
        sound, history = self._voice.say(text, self._seed), conversation.history
        heard, meant = self._ears.hear(
            sound, history, context, lambda said: bool(conversation.reply(said, context).calls)
        )
        score.words += len(words(text))
        score.wrong += errors(text, heard)
        return meant

    def close(self) -> None:
        if self._ears is not None:
            self._ears.close()


def run(
    sheets: Iterable[tuple[int, Sheet]], arguments: argparse.Namespace, voice: Voice | None, show: bool
) -> tuple[Score, list[float], list[float]]:
    """Ask everything about sheets, each with the seed of what is random there; the score, and ms to the first words
    and to the last of each turn."""
    score, first, whole = Score(), [], []
    for seed, sheet in sheets:
        config = configured(sheet, arguments)
        conversation, heard = Conversation(config), Heard(config, voice, seed, not arguments.unbiased)
        for talk in sheet.talks:
            said: list[str] = []
            for turn in talk:
                text = heard.as_heard(turn.ask, score, conversation, sheet.context)
                said.append(text)
                reply = conversation.say(text, sheet.context)
                first.append(reply.first_ms)
                whole.append(reply.ms)
                found = judge(sheet, turn, said, reply.text, reply.calls)
                for kind, good in found.items():
                    score.add(kind, good)
                if show and not all(found.values()):
                    wrong = ", ".join(kind for kind, good in found.items() if not good)
                    asked = f"{turn.ask!r}, heard as {text!r}" if text != turn.ask else repr(text)
                    print(f"  {sheet.name}: {asked} → {reply.text!r} {reply.calls or ''} ({wrong})")
            conversation.leave()
        conversation.close()
        heard.close()
    return score, first, whole


def sets(seeds: Sequence[int], spoken: bool) -> Iterator[tuple[str, list[tuple[int, Sheet]]]]:
    """The sets of sheets, by name, each sheet with a seed: those by hand with every one if they are spoken."""
    written = list(by_hand())
    for name in (*SETS, "dev"):
        yield (
            f"by hand, {name}",
            [(seed, sheet) for seed in seeds[: None if spoken else 1] for sheet in written if sheet.of == name],
        )
    for name in SETS:
        yield f"generated, {name}", [(seed, sheet) for seed in seeds for sheet in generated(wordings(name), name, seed)]


def quantile(values: list[float], part: float) -> float:
    """The value that so much of all stays below."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def main() -> int:
    """Do it; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="for what is random")
    parser.add_argument(
        "--show", metavar="SET", default="", help="print what went wrong in sets with this in their name"
    )
    parser.add_argument("--only", metavar="SET", default="", help="only sets with this in their name")
    parser.add_argument(
        "--spoken", metavar="VOICE", default="", help="have it said by this voice of flite, or espeak:VOICE, and heard"
    )
    parser.add_argument("--noise", metavar="DB", type=float, help="with noise so far below the voice")
    parser.add_argument("--unbiased", action="store_true", help="the recogniser does not know facts and tools")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there, too")
    parser.add_argument("--profile")
    parser.add_argument("--config", metavar="FILE", type=Path)
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    arguments = parser.parse_args()
    if not arguments.spoken and (arguments.unbiased or arguments.noise is not None):
        parser.error("--noise and --unbiased are about what is --spoken")
    figures: dict[str, dict[str, object]] = {}
    try:
        own = load(arguments.profile, arguments.config, arguments.set)
        voice = Voice(own, arguments.spoken, arguments.noise) if arguments.spoken else None
        for name, sheets in sets(arguments.seeds, voice is not None):
            if arguments.only not in name:
                continue
            print(f"{name}: {len(sheets)} sheets, {sum(len(talk) for _, each in sheets for talk in each.talks)} turns")
            show = bool(arguments.show) and arguments.show in name
            score, first, whole = run(sheets, arguments, voice, show)
            figures[name] = {kind: [score.right[kind], score.of[kind]] for kind in score.of}
            targets = SPOKEN_TARGETS if arguments.spoken else TARGETS
            for kind in TARGETS:
                if kind in score.of:
                    percent = 100 * score.right[kind] / score.of[kind]
                    counts = f"{score.right[kind]:4} of {score.of[kind]:4}"
                    wanted = f"  (≥ {targets[kind]} %)" if kind in targets else ""
                    mark = "  MISSED" if percent < targets.get(kind, 0) else ""
                    print(f"  {kind:13} {counts}  {percent:5.1f} %{wanted}{mark}")
            if score.words:
                figures[name]["word_error_rate"] = score.wrong / score.words
                print(f"  {100 * score.wrong / score.words:.1f} of 100 words heard wrong")
            times = {"first": first, "whole": whole}
            told = {
                f"{key}_ms_p{part}": quantile(values, part / 100) for key, values in times.items() for part in (50, 95)
            }
            figures[name] |= told
            print(f"  first words after {told['first_ms_p50']:.1f} ms, p95 {told['first_ms_p95']:.1f} ms; "
                  f"all after {told['whole_ms_p50']:.1f} ms, p95 {told['whole_ms_p95']:.1f} ms")  # fmt: skip
    except EngineError as error:
        print(f"partner: {error}", file=sys.stderr)
        return error.code
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
