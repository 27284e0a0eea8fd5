"""A conversation in writing with what the stage "llm" is configured with, without an engine, for `engine ask`:

    python -m workers.ask        on stdin JSON: {"config": the configuration, "turns": [what is said, …]}

A line of JSON on stdout for each turn: {"text", "tool_calls": [{"name", "arguments"}], "first_token_ms"}. What goes
wrong is one line on stderr and an exit code.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.config import Config
from engine.contract import Called, Ended, Exchange, Job, Tag, Token
from engine.errors import BackendError, EngineError
from workers.backends.registry import make, rung

_STEP_NS = 20_000_000
_LONGEST_S = 1.0
"""Looked at again after so long, should a backend forget to ring."""


@dataclass(slots=True)
class Reply:
    """What came of a turn. first_ms: from the question to the first words; ms: to the last."""

    text: str = ""
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    first_ms: float = 0.0
    ms: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As it is printed."""
        calls = [{"name": name, "arguments": dict(arguments)} for name, arguments in self.calls]
        return {"text": self.text, "tool_calls": calls, "first_token_ms": round(self.first_ms, 3)}


class Conversation:
    """One visitor and the backend. Raises BackendError when it cannot be had."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._bell = threading.Event()
        self._backend = make("llm", config)
        self._backend.load(rung("llm", config, self._bell.set))
        self._backend.warm_up()
        self._said: list[Exchange] = []
        self._session = self._turn = 1

    @property
    def remarks(self) -> Sequence[str]:
        return self._backend.remarks

    @property
    def history(self) -> tuple[Exchange, ...]:
        """What the next turn may lean on."""
        past = self._config.llm.history_turns
        return tuple(self._said[-past:]) if past else ()

    def say(self, text: str, context: Sequence[str] = ()) -> Reply:
        """The next turn. context: what is known beside the facts just now. Raises BackendError when it fails."""
        reply = self.reply(text, context)
        self._said.append(Exchange(text, reply.text))
        return reply

    def reply(self, text: str, context: Sequence[str] = ()) -> Reply:
        """What would come of a text as the next turn, which it is not. As `say`."""
        tag = Tag(self._session, self._turn, 1)
        self._turn += 1
        language, known = self._config.language, tuple(context)
        job = Job(tag, language=language, text=text, history=self.history, context=known, calls=True)
        reply, began = Reply(), time.perf_counter()
        self._backend.begin(job)
        self._backend.finish(job)
        while True:
            if self._backend.idle:  # it works elsewhere, and rings when something came of it
                self._bell.wait(_LONGEST_S)
            self._bell.clear()
            for event in self._backend.step(_STEP_NS):
                if isinstance(event, Token):
                    reply.first_ms = reply.first_ms or (time.perf_counter() - began) * 1000
                    reply.text += event.text
                elif isinstance(event, Called):
                    reply.calls.append((event.tool, event.arguments))
                elif isinstance(event, Ended):
                    if event.reason == "failed":
                        raise BackendError(f"llm.backend {self._config.llm.backend}: {event.text}", "ask again")
                    reply.ms = (time.perf_counter() - began) * 1000
                    reply.text = reply.text.strip()
                    return reply

    def leave(self) -> None:
        """The visitor leaves; the next one is another."""
        self._backend.forget(self._session)
        self._said, self._session, self._turn = [], self._session + 1, 1

    def close(self) -> None:
        self._backend.unload()


def main() -> int:
    """Do it; returns the exit code."""
    asked = json.load(sys.stdin)
    try:
        conversation = Conversation(Config.from_dict(asked["config"]))
        for remark in conversation.remarks:
            print(f"engine: llm: {remark}", file=sys.stderr)
        for text in asked["turns"]:
            print(json.dumps(conversation.say(text).as_dict()), flush=True)
    except EngineError as error:
        print(f"engine: {error}", file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Threads of model libraries must not keep us.
    os._exit(code)
