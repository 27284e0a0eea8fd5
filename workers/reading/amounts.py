"""Numbers and what is counted by them: times, prices, percentages, units, places in a row, years."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import partial

from workers.reading.language import Language, Words
from workers.reading.mapped import Mapped, Speak

CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "EUR": "EUR", "USD": "USD", "GBP": "GBP", "CHF": "CHF"}
UNITS = {
    "km": "length-kilometer",
    "m": "length-meter",
    "cm": "length-centimeter",
    "mm": "length-millimeter",
    "kg": "mass-kilogram",
    "g": "mass-gram",
    "mg": "mass-milligram",
    "l": "volume-liter",
    "L": "volume-liter",
    "ml": "volume-milliliter",
    "mL": "volume-milliliter",
    "km/h": "speed-kilometer-per-hour",
    "mph": "speed-mile-per-hour",
    "°C": "temperature-celsius",
    "°F": "temperature-fahrenheit",
    "°": "angle-degree",
    "h": "duration-hour",
    "min": "duration-minute",
    "s": "duration-second",
    "ms": "duration-millisecond",
    "kB": "digital-kilobyte",
    "MB": "digital-megabyte",
    "GB": "digital-gigabyte",
    "TB": "digital-terabyte",
    "W": "power-watt",
    "kW": "power-kilowatt",
    "kWh": "energy-kilowatt-hour",
    "V": "electric-volt",
    "Hz": "frequency-hertz",
    "kHz": "frequency-kilohertz",
    "MHz": "frequency-megahertz",
    "GHz": "frequency-gigahertz",
    "m²": "area-square-meter",
    "m³": "volume-cubic-meter",
    "ft": "length-foot",
    "%": "concentr-percent",
}
"""How units are written, and their names in the CLDR."""
ALONE = r"(?<![\w.,/:-])", r"(?![\w/]|[.,:-]\d)"
"""Before and behind a number that is no part of a longer sign: "A4", "1.2.3", "555-1234"."""


def _any(signs: list[str] | dict[str, str]) -> str:
    return "|".join(re.escape(sign) for sign in sorted(signs, key=len, reverse=True))


class Amounts:
    """The numbers of one language, as they are said. A text goes through all rules, in their order."""

    def __init__(self, language: Language) -> None:
        self._language = language
        words = language.words
        group, decimal = re.escape(language.group), re.escape(language.decimal)
        number = rf"\d{{1,3}}(?:{group}\d{{3}})+(?:{decimal}\d+)?|\d+(?:{decimal}\d+)?"
        before, behind = ALONE
        money = _any(CURRENCIES)
        rules: list[tuple[str, Speak]] = [
            (rf"{before}(\d{{1,2}}):(\d\d)(?:\s?([AaPp])\.?[Mm]\b\.?|\s?(?:Uhr|h)\b)?{behind}", self._time),
            (rf"{before}(\d{{1,2}})()\s?([AaPp])\.?[Mm]\b\.?", self._time),
            (rf"{before}(\d{{1,2}})\s?[hH](\d\d)()(?!\w)", self._time),
            (
                rf"(?<!\w)({money})\s?({number})(?:\s({words.magnitudes})\b)?{behind}",
                partial(self._price, sign=1, at=2),
            ),
            (rf"{before}({number})(?:\s({words.magnitudes}))?\s?({money})(?!\w)", partial(self._price, sign=3, at=1)),
            (r"(?<=\bthe )(\d0)s\b|(?<![\w.,])(1[1-9]\d0|20\d0)s\b", self._decade),
            (rf"{before}([-−]?)({number})\s?({_any(UNITS)})(?![\w/²³])", self._unit),
            (rf"{before}({number})({words.ordinal})(?!\w)", self._place),
            (r"(?<!\w)(?:#|№)(?=\d)", lambda _: words.number_sign and words.number_sign + " "),
            *self._days(words),
            (rf"{before}(1[1-9]\d\d|20\d\d){behind}", lambda match: language.year(int(match[1]))),
            (rf"{before}([-−]?)({number}){behind}", self._plain),
        ]
        self._rules = [(re.compile(pattern), speak) for pattern, speak in rules]
        self._symbols = re.compile(rf"(?<=\s)({_any(dict(words.symbols))})(?=\s)|(?<!\S)~(?=\w)")

    def __call__(self, text: Mapped) -> Mapped:
        for pattern, speak in self._rules:
            text = text.rewrite(pattern, speak)
        return text.rewrite(self._symbols, self._symbol) if self._language.words.symbols else text

    def _symbol(self, match: re.Match[str]) -> str:
        said = self._language.words.symbols[match[0]]
        return said if match[1] else f"{said} "

    def _days(self, words: Words) -> list[tuple[str, Speak]]:
        """Days of a month, which English and German count as places in a row."""
        months = _any(dict.fromkeys(self._language.months(), ""))
        nth = self._language.ordinal
        days: dict[str, list[tuple[str, Speak]]] = {
            "en": [
                (rf"\b({months}) (\d\d?)(?!\w|[.,:]\d)", lambda match: f"{match[1]} {nth(int(match[2]))}"),
                (
                    rf"{ALONE[0]}(?:the )?(\d\d?) (?:of )?({months})\b",
                    lambda match: f"the {nth(int(match[1]))} of {match[2]}",
                ),
            ],
            "de": [
                (
                    rf"\b(am|vom|zum|dem|den|ab|bis) (\d\d?)\. ?({months})\b",
                    lambda match: f"{match[1]} {nth(int(match[2]), 'spellout-ordinal-n')} {match[3]}",
                ),
                (rf"{ALONE[0]}(\d\d?)\. ?({months})\b", lambda match: f"{nth(int(match[1]))} {match[2]}"),
            ],
        }
        return days.get(self._language.primary, [])

    def _time(self, match: re.Match[str]) -> str | None:
        hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
        if hour > 24 or minute > 59 or (half and hour > 12):
            return None
        words, english = self._language.words, self._language.primary == "en"
        if english and not half and not 1 <= hour <= 12:
            half = "p" if 12 < hour < 24 else "a"
        if english and half:
            hour = hour % 12 or 12
        said_hour = self._language.counted(Decimal(hour), words.gender)
        if not minute:
            said = said_hour if english and half else words.hour.format(h=said_hour)
        else:
            low = "oh " if english and minute < 10 else ""
            said = words.clock.format(h=said_hour, m=low + self._language.number(Decimal(minute)))
        if hour < 2:
            said = said.replace(*words.hours)
        end = "." if match[0].endswith(".") and match.end() == len(match.string) else ""
        return f"{said} {half.upper()} M{end}" if english and half else said

    def _price(self, match: re.Match[str], sign: int, at: int) -> str:
        magnitude = next((each for n, each in enumerate(match.groups(), 1) if n not in (sign, at) and each), "")
        return self._language.price(self._language.amount(match[at]), CURRENCIES[match[sign]], magnitude)

    def _unit(self, match: re.Match[str]) -> str:
        amount = self._language.amount(match[2])
        return self._language.unit(-amount if match[1] else amount, UNITS[match[3]])

    def _place(self, match: re.Match[str]) -> str | None:
        number = self._language.amount(match[1])
        if number != int(number) or number >= 10**6:
            return None
        return self._language.ordinal(int(number), self._language.words.ordinals.get(match[2], ""))

    def _decade(self, match: re.Match[str]) -> str | None:
        """English: the nineties."""
        if self._language.primary != "en":
            return None
        said = self._language.year(int(match[2])) if match[2] else self._language.number(Decimal(match[1]))
        return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"

    def _plain(self, match: re.Match[str]) -> str:
        written = match[2]
        if len(written) > 1 and written[0] == "0" and written.isdecimal():
            return self._language.digits(written)
        amount = self._language.amount(written)
        return self._language.number(-amount if match[1] else amount)
