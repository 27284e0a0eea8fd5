"""What both ends of a ring must agree on, as one short text.

A worker may run under an interpreter of its own, with the project's wheel installed there: a version number is not
enough to know that both mean the same by the bytes they share, because a checkout moves on and a wheel does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields

from engine.channels import BELLS, CHANNELS
from engine.messages import KINDS
from engine.schema import setting_keys
from engine.settings import Settings
from engine.telemetry import METRICS


def fingerprint() -> str:
    """Changes when a channel, a message, a cell or a setting does. (The layout of the rings is not in it: a ring is
    checked by whoever maps it.)"""
    return hashlib.sha256("\n".join(_agreed()).encode()).hexdigest()[:16]


def _agreed() -> Iterator[str]:
    yield from map(repr, CHANNELS)
    yield repr(BELLS)
    for metric in METRICS:
        yield f"{metric.name} {metric.cells}"
    for number, message in sorted(KINDS.items()):
        yield f"{number} {message.__name__} " + " ".join(f"{field.name}:{field.type}" for field in fields(message))
    yield from map(repr, setting_keys(Settings))
