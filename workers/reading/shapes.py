"""What is known by its shape: addresses, telephone numbers, dates in digits, from-to."""

from __future__ import annotations

import datetime
import re

from workers.reading.language import Language
from workers.reading.mapped import Mapped, Speak

_DOMAINS = "com|org|net|edu|gov|info|museum|eu|io|ai|app|dev|de|at|ch|fr|es|it|nl|be|pl|uk|us|ca|au|jp"
_TELEPHONE = r"\+\d[\d ()/-]{6,}\d|\(?0\d{2,}\)?[ /-][\d /-]{3,}\d|\d{3}-(?:\d{3}-)?\d{4}"
"""With its country, with its town, or as Americans write it."""
_TIME_OR_NUMBER = r"[$€£]?\d{1,4}(?:[:.,]\d{1,2})?(?:\s?(?:[AaPp]\.?[Mm]\b\.?|Uhr\b|%|€))?"


class Shapes:
    """What one language makes of them."""

    def __init__(self, language: Language) -> None:
        self._language = language
        words = language.words
        rules: list[tuple[str, Speak]] = []
        if words.dot:
            rules += [
                (r"(?<!\S)[\w.+-]+@[\w-]+(?:\.[\w-]+)+", self._address),
                (r"(?:https?://|www\.)[^\s,;!?<>\"')]*[\w/]", self._address),
                (rf"\b[\w-]+(?:\.[\w-]+)*\.(?:{_DOMAINS})\b(?:/[\w/.-]*\w)?", self._address),
            ]
        rules += [
            (rf"(?<![\w.])(?:{_TELEPHONE})(?![\w-])", self._telephone),
            (r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?![\w-])", lambda match: self._date(match[1], match[2], match[3])),
            (r"(?<![\w.])(\d\d?)\.(\d\d?)\.(\d{4})(?!\w)", lambda match: self._date(match[3], match[2], match[1])),
            (r"(?<![\w/])(\d\d?)/(\d\d?)/(\d{4})(?![\w/])", self._date_with_slashes),
        ]
        if words.to:
            once = _TIME_OR_NUMBER
            rules.append((rf"(?<![\w.,/:-])({once})(?:\s?[–—]\s?|-|\s-\s)({once})(?![\w/-]|[.,:]\d)", self._from_to))
        if words.short:
            short = "|".join(re.escape(each) for each in sorted(words.short, key=len, reverse=True))
            rules.append((rf"(?<!\w)(?:{short})", lambda match: words.short[match[0]]))
        self._rules = [(re.compile(pattern), speak) for pattern, speak in rules]

    def __call__(self, text: Mapped) -> Mapped:
        for pattern, speak in self._rules:
            text = text.rewrite(pattern, speak)
        return text

    def _address(self, match: re.Match[str]) -> str:
        """A mail address or a place on the web, as one tells it to somebody who writes it down."""
        words = self._language.words
        bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0]).rstrip("/")
        for sign, said in (("@", words.at), (".", words.dot), ("/", words.slash), ("-", words.dash), ("_", " ")):
            bare = bare.replace(sign, f" {said} ")
        return " ".join(bare.split())

    def _telephone(self, match: re.Match[str]) -> str:
        """Digit by digit, with a stop where it is written with one."""
        groups = [self._language.digits(group) for group in re.findall(r"\d+", match[0])]
        plus = self._language.words.symbols.get("+", "") if match[0].startswith("+") else ""
        return f"{plus} {', '.join(groups)}".strip()

    def _date(self, year: str, month: str, day: str) -> str | None:
        try:
            return self._language.date(datetime.date(int(year), int(month), int(day)))
        except ValueError:
            return None

    def _date_with_slashes(self, match: re.Match[str]) -> str | None:
        """Americans write the month first."""
        first, second = match[1], match[2]
        american = str(self._language.locale) in ("en", "en_US")
        return self._date(match[3], *((first, second) if american else (second, first)))

    def _from_to(self, match: re.Match[str]) -> str | None:
        return f"{match[1]} {self._language.words.to} {match[2]}"
