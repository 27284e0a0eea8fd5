"""Tokens to text while they come, never half a character.

A token is bytes, not characters, and its text depends on the ones before it. So the text of the last few is read with
and without the newest: what is new is handed out once it does not end within a character.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

_HALF = "\N{REPLACEMENT CHARACTER}"
_PATIENCE = 8
"""So many tokens in a row without a whole character are no character: a model that writes what is no UTF-8."""


class Detokeniser:
    """One answer's text. `decode` gives the text of token ids, special ones left out."""

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        """The newest tokens: what was handed out last, for its bearing on what follows, and what was not yet."""
        self._given = 0
        """How many of them were handed out."""

    def add(self, token: int) -> str:
        """The text that has become whole with this token; often empty."""
        self._ids.append(token)
        return self._new(len(self._ids) - self._given >= _PATIENCE)

    def end(self) -> str:
        """The rest, without a character that was begun and never ended."""
        return self._new(True).rstrip(_HALF)

    def _new(self, at_once: bool) -> str:
        before, all_ = self._decode(self._ids[: self._given]), self._decode(self._ids)
        if len(all_) <= len(before) or (all_.endswith(_HALF) and not at_once):
            return ""
        del self._ids[: self._given]
        self._given = len(self._ids)
        return all_[len(before) :]
