"""What a converted model costs on one core: `python tools/model.py measure`."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path

from engine.config import load
from engine.contract import Job, Tag
from engine.toml_write import inline
from partner_model.generate import Generator
from workers.ask import Conversation
from workers.backends.registry import rung
from workers.backends.reword import NEAR, Reword

FACTS, QUESTIONS, TOKENS, ROUNDS = 40, 200, 64, 30


def measure(folder: Path) -> None:
    """Milliseconds to the first word with forty facts, tokens a second, and memory; this process keeps to one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    generator = Generator("measured", 4)
    facts: list[str] = []
    asked: list[str] = []
    while len(facts) < FACTS:
        talk = generator.talk()
        facts += talk.facts
        asked += [question for question, _, _ in talk.turns]
    facts = facts[:FACTS]
    sets = ["llm.backend=reword", f"llm.reword.model={folder}", "llm.reword.chooses=true", "llm.threads=1"]
    config = load(sets=[*sets, f"facts={inline(facts)}"])
    conversation = Conversation(config)
    first = [conversation.say(asked[at % len(asked)]).first_ms for at in range(QUESTIONS)]
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    conversation.close()

    backend = Reword()
    backend.load(rung("llm", config))
    backend.warm_up()
    near, whole = ([backend._asked(Job(Tag(), text=each), told) for each in asked] for told in (facts[:NEAR], facts))
    fixed = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(whole[0], whole[1], strict=False))]

    def write(prompt: Sequence[str], tokens: int, known: Sequence[str] = ()) -> int:
        found = backend._model.generate_batch(
            [prompt[len(known) :]],
            max_length=tokens,
            min_length=tokens,
            include_prompt_in_result=False,
            static_prompt=list(known) or None,
        )
        return len(found[0].sequences[0])

    begun = _times(lambda at: write(near[at % len(near)], 1))
    written = _times(lambda at: write(near[at % len(near)], TOKENS))
    anew = _times(lambda at: write(whole[at % len(whole)], 1))
    kept = _times(lambda at: write(whole[at % len(whole)], 1, fixed))
    backend.unload()
    print(f"first word of {FACTS} facts, the {NEAR} nearest in the prompt, its answer looked at: {_told(first)}")
    print(f"first token of such a prompt of {len(near[0])} tokens: {_told(begun)}")
    print(f"first token with all {FACTS} in the prompt, {len(whole[0])} tokens: {_told(anew)}; kept: {_told(kept)}")
    rate = (TOKENS - 1) * 1000 / (_middle(written) - _middle(begun))
    print(f"{rate:.0f} tokens a second after the first; {resident:.0f} MB in all")


def _times(do: Callable[[int], object]) -> list[float]:
    """Milliseconds of each round, after one that does not count."""
    do(0)
    found = []
    for at in range(ROUNDS):
        began = time.perf_counter()
        do(at)
        found.append((time.perf_counter() - began) * 1000)
    return found


def _middle(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 2]


def _told(times: Sequence[float]) -> str:
    return f"{_middle(times):.1f} ms, p95 {sorted(times)[len(times) * 95 // 100]:.1f} ms"
