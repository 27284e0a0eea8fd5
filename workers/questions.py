"""What a language model is begun with: a question of turns as a job."""

from __future__ import annotations

from engine import messages as m
from engine.contract import Exchange, Job


def job_of(message: m.Ask, past: int | None = None) -> Job:
    """The job of a question. past: with so many of the last exchanges at most; None: with all."""
    pairs = zip(message.history[::2], message.history[1::2], strict=True)
    exchanges = tuple(Exchange(user, answer) for user, answer in pairs)
    kept = exchanges if past is None else exchanges[max(0, len(exchanges) - past) :]
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
