"""What a language model is begun with: a question of turns as a job."""

from __future__ import annotations

from collections.abc import Sequence

from engine import messages as m
from engine.contract import Exchange, Job


def exchanges(history: Sequence[str]) -> tuple[Exchange, ...]:
    """User and answer in turn, as turns sends them."""
    return tuple(Exchange(user, answer) for user, answer in zip(history[::2], history[1::2], strict=True))


def job_of(message: m.Ask, past: int | None = None) -> Job:
    """The job of a question. past: with so many of the last exchanges at most; None: with all."""
    every = exchanges(message.history)
    kept = every if past is None else every[max(0, len(every) - past) :]
    return Job(
        message.tag,
        message.capture_ns,
        message.deadline_ns,
        message.language,
        text=message.text,
        history=kept,
        context=message.context,
        calls=bool(message.calls),
        final=bool(message.final),
    )
