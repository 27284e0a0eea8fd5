"""What a licence, as its package words it, means for those who ship the engine."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

UNKNOWN: Literal["unknown"] = "unknown"
Kind: TypeAlias = Literal["permissive", "weak", "closed", "copyleft", "unknown"]
"""permissive: keep the notice. weak: only changes to the part itself must be shown, as with the LGPL, or GCC's
libraries with their exception. closed: there is no source; it may be shipped as it is, within an application.
copyleft: the GPL and AGPL, which reach whatever is combined with them."""

# The first line that fits counts. What fits none is unknown, so that a new licence is looked at by a person.
_TERMS: tuple[tuple[str, Kind], ...] = (
    (r"(GCC|classpath|bootloader)-exception", "weak"),
    (r"LGPL|(lesser|library) general public|\bMPL\b|mozilla public|\bEPL\b|eclipse public", "weak"),
    (r"\bSleepycat\b", "weak"),
    (r"GPL|general public|affero", "copyleft"),
    (
        r"\b(MIT|BSD|0BSD|ISC|Zlib|CC0|PSF|HPND|NCSA|BSL-1\.0|bzip2)\b|apache|python software foundation",
        "permissive",
    ),
    (r"Intel Simplified Software License|NVIDIA CUDA EULA", "closed"),
    (r"public domain|unlicense|CNRI-Python|CC-BY-4\.0|\bAFL\b", "permissive"),
)
_FROM_BEST: tuple[Kind, ...] = ("permissive", "weak", "closed", "copyleft", "unknown")


def kind(said: str) -> Kind:
    """The kind of a licence: an SPDX expression, a classifier's name or plain words.

    Of alternatives (OR) the best counts, of parts that hold together (AND) the worst."""
    nested = "(" in said and " AND " in said and " OR " in said
    alternatives = [said] if nested else said.split(" OR ")
    return min((_together(text) for text in alternatives), key=_FROM_BEST.index)


def _together(said: str) -> Kind:
    return max((_one(text) for text in re.split(r" (?:AND|OR) |;", said)), key=_FROM_BEST.index)


def _one(said: str) -> Kind:
    return next((found for pattern, found in _TERMS if re.search(pattern, said, re.IGNORECASE)), UNKNOWN)
