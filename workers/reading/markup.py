"""What is seen and not said: Markdown, HTML, emoji. Language models write it, whatever they are told."""

from __future__ import annotations

import re
import unicodedata

from workers.reading.mapped import Mapped

_MARKS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), said)
    for pattern, said in (
        (r"!?\[([^\]\n]*)\]\([^)\n]*\)", r"\1"),  # links and pictures: their words
        (r"</?[A-Za-z][^<>\n]*>", ""),
        (r"&amp;", "&"),
        (r"(?<=\d\s)[*·⋅](?=\s\d)", "×"),
        (r"(?<=\d)[*·⋅×](?=\d)", " × "),
        (r"≈\s*", "~"),
        (r"^(?=[^\n]*--)[ \t|:-]+$", ""),  # the line below a table's head, or across the page
        (r"^[ \t]*#{1,6}(?=\s)", ""),
        (r"^[ \t]*>+(?=\s|\w)", ""),
        (r"^[ \t]*[-*+•‣▪](?=\s)", ""),
        (r"`+", ""),
        (r"~~|\*\*+|__+", ""),
        # One of them stands for emphasis where it touches a word, and not between two numbers.
        (r"(?<![\d\s])\*|\*(?![\d\s*])", ""),
        (r"(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)|(?<=[.,!?;:])_+(?!\w)", ""),
        (r"^[ \t]*\||\|[ \t]*$", ""),
        (r"[ \t]*\|", ","),
    )
)
_SAID = frozenset("°")
"""Symbols that are said."""
_JOINERS = "\u200d\ufe0e\ufe0f\u20e3"


def without_markup(text: Mapped) -> Mapped:
    """The words alone."""
    for pattern, said in _MARKS:
        text = text.rewrite(pattern, said)
    return text.rewrite(_EMOJI, lambda match: "" if _is_picture(match[0]) else None)


_EMOJI = re.compile(r"[^\w\s!-~]")


def _is_picture(character: str) -> bool:
    kind = unicodedata.category(character)
    return (
        character in _JOINERS
        or (kind == "So" and character not in _SAID)
        or (kind == "Sk" and ord(character) > 0xFFFF)
        or 0xE0020 <= ord(character) <= 0xE007F
    )
