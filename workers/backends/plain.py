"""English in printable ASCII, which is all that flite reads."""

from __future__ import annotations

import re
import unicodedata

SPOKEN = {
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{EN DASH}": ", ",
    "\N{EM DASH}": ", ",
    "…": ". ",
    "&": " and ",
    "€": " euros ",
    "£": " pounds ",
    "¥": " yen ",
    "°": " degrees ",
    "\N{MULTIPLICATION SIGN}": " times ",
    "÷": " divided by ",
    "½": " and a half ",
    "ß": "ss",
    "æ": "ae",
    "Æ": "Ae",
    "œ": "oe",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "đ": "d",
}
"""How characters beyond ASCII are said or written in it; accents are dropped, and so is what is not here."""
_SPOKEN = str.maketrans(SPOKEN)
_UNSPOKEN = re.compile(r"[^ -~]+")


def plain_english(text: str) -> str:
    """`text` in printable ASCII, which is all that flite reads."""
    letters = unicodedata.normalize("NFKD", text.translate(_SPOKEN))
    # Marks and characters without width lie inside words; anything else that is unknown parts them.
    kept = "".join(each for each in letters if unicodedata.category(each) not in ("Mn", "Cf"))
    return _UNSPOKEN.sub(" ", kept)
