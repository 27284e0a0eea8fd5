"""What a converted model costs: run it on one core, `taskset -c 0 python tools/model.py measure`."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from engine.config import load
from engine.contract import Job, Tag
from engine.toml_write import inline
from partner_model.generate import Generator
from workers.ask import Conversation
from workers.backends.registry import rung
from workers.backends.reword import Reword

FACTS, QUESTIONS = 40, 200


def measure(folder: Path) -> None:
    """Milliseconds to the first word with forty facts, tokens a second, and memory."""
    generator = Generator("measured", 4)
    facts: list[str] = []
    asked: list[str] = []
    while len(facts) < FACTS:
        talk = generator.talk()
        facts += talk.facts
        asked += [question for question, _, _ in talk.turns]
    sets = ["llm.backend=reword", f"llm.reword.model={folder}", "llm.reword.chooses=true"]
    config = load(sets=[*sets, f"facts={inline(facts[:FACTS])}"])
    conversation = Conversation(config)
    first = sorted(conversation.say(asked[at % len(asked)]).first_ms for at in range(QUESTIONS))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    conversation.close()

    backend, job = Reword(), Job(Tag(), text=asked[0])
    backend.load(rung("llm", config))
    backend.warm_up()
    prompt, made = backend._asked(job, facts[:4]), 0
    began = time.perf_counter()
    for _ in range(50):
        found = backend._model.generate_batch([prompt], max_length=64, min_length=64, include_prompt_in_result=False)
        made += len(found[0].sequences[0])
    took = time.perf_counter() - began
    backend.unload()
    print(f"first word with {FACTS} facts: {first[QUESTIONS // 2]:.1f} ms, p95 {first[QUESTIONS * 95 // 100]:.1f} ms")
    print(f"{made / took:.0f} tokens a second, {len(prompt)} of the prompt included; {resident:.0f} MB in all")
