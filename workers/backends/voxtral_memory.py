"""What Voxtral keeps of conversations: a cache for each visitor, and by which tokens it knows what is in there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from workers.backends.voxtral_model import VoxtralModel

HEARD = -1
"""Stands in a list of ids for a token that is sound. Nothing that is wanted has it: sound is taken in anew."""
VISITORS = 4
"""Sessions whose conversations are kept at a time; the one that was quiet longest is computed anew when it goes on."""


class Memory:
    """A cache, and the ids of the tokens in it."""

    def __init__(self, model: VoxtralModel) -> None:
        self._model, self._cache = model, model.cache()
        self.ids: list[int] = []

    def keep(self, wanted: Sequence[int]) -> list[int]:
        """Drop everything from where it is not what is wanted; what is missing of that."""
        same = 0
        while same < min(len(self.ids), len(wanted)) and self.ids[same] == wanted[same]:
            same += 1
        if over := len(self.ids) - same:
            self._cache.crop(-over)  # a positive count was the length to crop to before transformers 5
            del self.ids[same:]
        return list(wanted[same:])

    def extend(self, ids: Sequence[int], embeddings: Any) -> Any:
        """Take in more, embeddings [tokens, hidden]; logits of what comes after it."""
        logits = self._model.extend(self._cache, embeddings)
        self.ids += ids
        return logits

    def wipe(self) -> None:
        """Overwrite it."""
        for layer in self._cache.layers:
            for tensor in (getattr(layer, "keys", None), getattr(layer, "values", None)):
                if tensor is not None:
                    tensor.zero_()
        self.ids.clear()


class Memories:
    """The caches of all sessions. piece: tokens that are taken in at a time."""

    def __init__(self, model: VoxtralModel, piece: int) -> None:
        self._model, self.piece = model, piece
        self._of: dict[int, Memory] = {}
        """The one used last at the end."""
        self.wanted: dict[int, list[int]] = {}
        """What the cache of a session shall be made to hold when there is time."""

    def of(self, session: int, busy: Collection[int] = ()) -> Memory:
        """The session's. Of too many the one that was quiet longest is given up, and is not busy."""
        memory = self._of.pop(session, None) or Memory(self._model)
        quiet = [each for each in self._of if each not in busy]
        if len(self._of) >= VISITORS and quiet:
            self.drop(quiet[0])
        self._of[session] = memory
        return memory

    def take_in(self, session: int, wanted: Sequence[int], busy: Collection[int] = ()) -> bool:
        """Bring the session's cache a piece nearer to what is wanted there. Whether there was anything to do."""
        memory = self.of(session, busy)
        piece = memory.keep(wanted)[: self.piece]
        if piece:
            memory.extend(piece, self._model.read(piece))
        return bool(piece)

    def settle(self) -> None:
        """A piece of what is wanted. Where that fails, the session is computed anew when it goes on."""
        session, wanted = next(iter(self.wanted.items()))
        try:
            if not self.take_in(session, wanted):
                del self.wanted[session]
        except Exception:  # out of memory, a broken driver
            self.drop(session)

    def drop(self, session: int) -> None:
        """Nothing is kept of this session."""
        self.wanted.pop(session, None)
        if memory := self._of.pop(session, None):
            memory.wipe()

    def clear(self) -> None:
        """Nothing is kept."""
        for session in list(self._of):
            self.drop(session)
