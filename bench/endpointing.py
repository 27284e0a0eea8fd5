"""When should the engine take its turn? Fixed waits and the engine's own, on the same tracks, without running it.

    python bench/endpointing.py [--sessions 4] [--set ending.backend=off] [--shared ../shared]

For each policy: the response that follows from when it would decide (an answer is ready by then: it is speculated),
against how many utterances it would have cut into. Voice activity, words and sound are those of the engine's stages,
at the time when its workers would have them. The short recordings and whole sentences count; those with pauses of over
a second, and hesitations spliced in, stand apart. In brackets: intervals of 95 %.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from talkbench.figures import Table, percentile, rate
from talkbench.listening import JUDGE_S, Listener, Pause, Utterance
from talkbench.sections import ECHOES, FIXED_MS, PATIENCES_S, fixed, tracks
from talkbench.tracks import LONG, MIDDLE, SHORT, Builder

from engine.config import Config, load
from engine.contract import UNKNOWN
from engine.turns.endpointing import Cues, Endpointer
from engine.turns.hearing import AGAIN_MS, known_silence_ms
from engine.turns.speculating import BEHIND_MS

PLAY_S = 0.030
"""From the decision to the first sample that is heard."""
AUDIBLE_EARLY_S = 0.010
"""What is heard so short before the end is an answer, not an interruption (turns.py)."""
WITHOUT: dict[str, Callable[[Cues], Cues]] = {
    "words": lambda cues: replace(cues, text="", words=UNKNOWN),
    "the recogniser's hint": lambda cues: replace(cues, words=UNKNOWN),
    "the last word and expected phrases": lambda cues: replace(cues, text="x" if cues.text else ""),
    "sound": lambda cues: replace(cues, sound=UNKNOWN),
    "length": lambda cues: replace(cues, spoken_s=0.0),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """A row: settings, and what is taken from the cues."""

    name: str
    config: Config
    see: Callable[[Cues], Cues] = lambda cues: cues
    learns: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an utterance. response_ms: from its end to the answer."""

    cut_in: bool
    response_ms: float | None


def policies() -> Iterator[Policy]:
    """Every row of a table."""

    def config(**sets: object) -> Config:
        return load(sets=[f"{key}={value}" for key, value in {**ECHOES, **sets}.items()])

    for ms in FIXED_MS:
        yield Policy(f"fixed {ms} ms", config(**fixed(ms)))
    usual = config()
    for patience in sorted({*PATIENCES_S, usual.turns.patience_s}):
        yield Policy(f"patience {patience:g} s", config(**{"turns.patience_s": patience}))
    name = f"patience {usual.turns.patience_s:g} s"
    for cue, see in WITHOUT.items():
        yield Policy(f"{name}, without {cue}", usual, see)
    yield Policy(f"{name}, without the speaker's own pauses", usual, learns=False)


def converse(session: Sequence[Utterance], policy: Policy) -> list[Outcome]:
    """A visitor's utterances, one after the other."""
    config = policy.config
    endpointer = Endpointer(config.turns, config.language, config.expected_phrases())
    outcomes = []
    for utterance in session:
        cut_in, response_ms = False, None
        for pause in utterance.pauses:
            decided_s = decide(utterance, pause, policy, endpointer)
            if decided_s < pause.again_known_s:
                heard_s = decided_s + PLAY_S
                if heard_s >= utterance.end_s - AUDIBLE_EARLY_S:
                    response_ms = (heard_s - utterance.end_s) * 1000
                    break
                cut_in = True
            if policy.learns and pause.again_known_s < float("inf"):
                endpointer.resumed((pause.again_s - pause.start_s) * 1000)
        if policy.learns:
            endpointer.finished()
        outcomes.append(Outcome(cut_in, response_ms))
    return outcomes


def decide(utterance: Utterance, pause: Pause, policy: Policy, endpointer: Endpointer) -> float:
    """When the pause would be taken for the end, by what is known until then; it may go on before."""
    news = [pause.known_s, pause.known_s + JUDGE_S]
    news += [words.known_s for words in utterance.words if pause.known_s < words.known_s < pause.again_known_s]
    news.sort()
    for now, until in zip(news, [*news[1:], float("inf")], strict=True):
        wait_s = endpointer.wait_ms(policy.see(cues(utterance, pause, now))) / 1000
        at = max(now, pause.start_s + wait_s)
        while at < until and known_upto(utterance, at) < pause.start_s + known_silence_ms(round(wait_s * 1000)) / 1000:
            if at > utterance.judged[-1][0]:
                break
            at += AGAIN_MS / 1000
        if at < until:
            return at
    raise AssertionError("the last news has no end")


def cues(utterance: Utterance, pause: Pause, now: float) -> Cues:
    """What is known of the utterance at this time."""
    found = Cues(spoken_s=pause.start_s - utterance.began_s)
    heard = [words for words in utterance.words if words.known_s <= now]
    if heard and heard[-1].upto_s >= pause.start_s - BEHIND_MS / 1000:
        last = heard[-1].heard
        found = replace(found, text=last.text, confidence=last.confidence, words=last.complete)
    return replace(found, sound=pause.sound) if now >= pause.known_s + JUDGE_S else found


def known_upto(utterance: Utterance, now: float) -> float:
    """Up to where voice activity is known."""
    return max((upto for known_s, upto in utterance.judged if known_s <= now), default=0.0)


def table(title: str, sessions: Sequence[Sequence[Utterance]]) -> Table:
    """All policies on these sessions."""
    rows = []
    for policy in policies():
        outcomes = [outcome for session in sessions for outcome in converse(session, policy)]
        responses = [outcome.response_ms for outcome in outcomes if outcome.response_ms is not None]
        rows.append(
            {
                "": policy.name,
                "response p50": percentile(responses, 50),
                "p95": percentile(responses, 95),
                "cut-ins": rate(sum(outcome.cut_in for outcome in outcomes), len(outcomes)),
                "misses": str(len(outcomes) - len(responses)),
            }
        )
    return Table(title, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the stages")
    arguments = parser.parse_args()
    if not (arguments.shared / "measure").is_dir():
        raise SystemExit(f"{arguments.shared} has no recordings and no session builder: give --shared")
    listener = Listener(load(sets=[*(f"{key}={value}" for key, value in ECHOES.items()), *arguments.set]))
    short = f"{SHORT},{MIDDLE}"
    with tempfile.TemporaryDirectory() as work:
        builder = Builder(arguments.shared, Path(work))
        for title, names, sessions, options in (
            ("Short recordings and whole sentences", short, arguments.sessions, {}),
            ("Pauses of over a second (jfk, digits)", LONG, 2, {}),
            *((f"A hesitation of {pause:g} s in each", short, 2, {"pause": pause}) for pause in (0.3, 0.45, 0.6)),
        ):
            heard = [listener.hear(track) for track in tracks(builder, names, sessions, gap=2.0, **options)]
            print(table(title, heard), flush=True)


if __name__ == "__main__":
    main()
