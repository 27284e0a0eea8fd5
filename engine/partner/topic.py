"""What the next turn of a conversation may lean on."""

from __future__ import annotations

from dataclasses import dataclass

from engine.partner.acting import Pending
from engine.partner.facts import Fact
from engine.partner.reading import Term


@dataclass(frozen=True, slots=True)
class Topic:
    """terms: what was asked about; kind: of answer; fact: what was said of that; pending: what was asked back; tool:
    what was called; said: the last answer, as far as it was heard."""

    terms: tuple[Term, ...] = ()
    kind: str = ""
    fact: Fact | None = None
    pending: Pending | None = None
    tool: str = ""
    said: str = ""
