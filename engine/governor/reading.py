"""What one look at all sensors of the machine says. None: there is no such sensor, or it has nothing to say yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heat:
    """One temperature. limit_c: from where on that is too hot, as the machine says; None: it does not."""

    name: str
    celsius: float
    limit_c: float | None = None


@dataclass(frozen=True, slots=True)
class Gpu:
    """One graphics processor. busy, others, memory: 0 to 1. slowed: why it runs slower than it could; empty: it does
    not, or for no reason that has to do with heat."""

    name: str
    busy: float | None = None
    others: float | None = None
    """The part of its time that processes take which are not the engine's."""
    memory: float | None = None
    heat: Heat | None = None
    slowed: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Shares are 0 to 1, of all that the engine may use, since the last look."""

    cpu: float | None = None
    others: float | None = None
    """The part of the processors' time that processes take which are not the engine's."""
    stalled: float | None = None
    """For how much of the time something waited for a processor."""
    memory: float | None = None
    """In use."""
    heat: tuple[Heat, ...] = ()
    slowed: str = ""
    """Why the processor runs slower than it could; empty: it does not."""
    gpus: tuple[Gpu, ...] = ()
    words_ms: float | None = None
    """How old the sound is of which the recogniser tells the words (median)."""
