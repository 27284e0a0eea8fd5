"""How things are said: phrases with their places filled in, lists, a fact inside a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.partner.language import Language


class Saying:
    """phrases: instead of the language's own of the same name."""

    def __init__(self, language: Language, phrases: Mapping[str, str]) -> None:
        self._phrases = {**language.phrases, **phrases}

    def phrase(self, name: str, **places: str) -> str:
        """A phrase with its places filled in."""
        text = self._phrases[name]
        for place, value in places.items():
            text = text.replace(f"{{{place}}}", value)
        return text

    def list(self, things: Sequence[str], word: str) -> str:
        """ "a, b or c"."""
        if len(things) < 2:
            return "".join(things)
        return f"{', '.join(things[:-1])} {self._phrases[word]} {things[-1]}"

    @staticmethod
    def inside(sentence: str) -> str:
        """A sentence as part of another one: without its full stop and, unless that is a name, its capital letter."""
        text = sentence.strip().rstrip(".!;")
        first = text.split(" ", 1)[0]
        return text if first == "I" or first[1:] != first[1:].lower() else text[:1].lower() + text[1:]
