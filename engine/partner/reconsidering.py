"""What was most likely said, where the likeliest words mean nothing to the partner: a recogniser has others that sound
nearly alike, and a visitor rather asks what somebody here can answer.

An alternative counts by how well a fact answers it, and less the less likely it is by its sound. Two things keep it
from finding something at any price: it must ask for the same kind of thing ("how much …"), or else share a word that
tells something with what was heard; and it is answered by a fact, never by doing something.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.contract import Alternative

MOST = 40
"""Alternatives that are looked at, if there is time: with 20 facts it takes half a millisecond for each. With 20, 239
of 298 questions in noise were answered right; with 40 and with 80, 243; without any, 203."""
PER_E = 20.0
"""An alternative counts less by the factor e for each so much that it is behind: a recogniser takes neighbouring frames
for independent, so its scores are far too sure."""
SHARPNESS = 4
"""How much more a good answer counts than a middling one: as its coverage to the power of that."""
LEAST = 0.03
"""An alternative that counts less is none: one that is answered wholly may be 70 behind, one by three quarters 47."""
FEWEST = 2
"""Words that are reconsidered. Of a single one, "no", nearly anything may be made."""
SURE = 0.84
"""A fact fits what was heard so well that no alternative is looked at: each word, or one that means the same."""
KEPT = 1.5
"""So much more than an alternative counts what was heard, where a fact fits that less well."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a sentence means to the partner. fit: how well a fact answers it, 0 to 1; kind: of answer that it wants, or
    empty; known: what it speaks of that is known here, by stems."""

    fit: float
    kind: str
    known: frozenset[str]
    leans: bool = False
    """On the turn before."""

    def is_near(self, heard: Meaning) -> bool:
        """It may be what was said, by what it is about: it asks for the same, or speaks of the same, or asks where what
        was heard is no question of any kind that is known, or both lean on the turn before. Not if it is only answered
        because it names nothing any more: "how much is there" for "how much snow is there"."""
        if self.kind == heard.kind and not self.known:
            return False
        if self.leans and heard.leans:
            return True
        if heard.kind:
            return self.kind == heard.kind
        return bool(self.kind) or not self.known.isdisjoint(heard.known)


def likelier(heard: Meaning, others: Iterable[Alternative], meaning: Callable[[str], Meaning]) -> str:
    """The alternative that most likely was said; empty if none is better than what was heard. others: the likeliest
    first; no more of them are taken than are needed."""
    found, counts = "", max(LEAST, KEPT * heard.fit**SHARPNESS)
    for other in others:
        by_sound = math.exp(-other.behind / PER_E)
        if by_sound <= counts:
            break  # however well they are answered
        meant = meaning(other.text)
        value = by_sound * meant.fit**SHARPNESS
        if value > counts and meant.is_near(heard):
            found, counts = other.text, value
    return found
