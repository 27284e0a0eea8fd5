"""What a language calls numbers, money, units and dates.

Numbers are written out by `unicode-rbnf` (MIT), names come from Babel (BSD): both carry the Unicode consortium's data
for some eighty languages. What is not in there (how a clock is read, "at", "dot") stands in `WORDS`, for the languages
that we can read ourselves; in others that is left to the voice.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.errors import BackendError

MOST_DIGITS = 15
"""A longer number is read digit by digit, as an identifier is."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the data do not have. Empty: it is left as it was written."""

    at: str = ""
    dot: str = ""
    slash: str = ""
    dash: str = ""
    to: str = ""
    number_sign: str = ""
    hour: str = "{h}"
    """A full hour, and below one with minutes."""
    clock: str = "{h} {m}"
    hours: tuple[str, str] = ("", "")
    """Several hours, and what one of them is called instead."""
    gender: str = ""
    """Of hours: the RBNF rule set that counts them."""
    cents: str = "{n}"
    """After the whole of a price."""
    cent: tuple[str, str] = ("", "")
    """One and several of the hundredths of most currencies."""
    name: int = 0
    """Which word of a currency's name people say: "dollars" of "US dollars"."""
    magnitudes: str = "(?!)"
    ordinal: str = "(?!)"
    """What stands behind a number that counts places; a rule set by the ending is in `ordinals`."""
    ordinals: Mapping[str, str] = field(default_factory=dict)
    symbols: Mapping[str, str] = field(default_factory=dict)
    short: Mapping[str, str] = field(default_factory=dict)


WORDS: Mapping[str, Words] = {
    "en": Words(
        *("at", "dot", "slash", "dash", "to", "number"),
        hour="{h} o'clock",
        cents="and {n} {cents}",
        cent=("cent", "cents"),
        name=-1,
        magnitudes="hundred|thousand|million|billion|trillion",
        ordinal="st|nd|rd|th",
        symbols={
            "&": "and",
            "+": "plus",
            "=": "equals",
            "×": "times",
            "÷": "divided by",
            "~": "about",
        },
        short={"e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "approx.": "about"},
    ),
    "de": Words(
        *("ät", "Punkt", "Schrägstrich", "Bindestrich", "bis", "Nummer"),
        hour="{h} Uhr",
        clock="{h} Uhr {m}",
        gender="spellout-cardinal-neuter",
        cent=("Cent", "Cent"),
        name=-1,
        magnitudes="Millionen|Million|Milliarden|Milliarde",
        symbols={
            "&": "und",
            "+": "plus",
            "=": "gleich",
            "×": "mal",
            "÷": "geteilt durch",
            "~": "etwa",
        },
        short={
            "z.B.": "zum Beispiel",
            "usw.": "und so weiter",
            "ca.": "circa",
            "d.h.": "das heißt",
            "bzw.": "beziehungsweise",
        },
    ),
    "fr": Words(
        *("arobase", "point", "barre oblique", "tiret", "à", "numéro"),
        hour="{h} heures",
        clock="{h} heures {m}",
        hours=("heures", "heure"),
        gender="spellout-cardinal-feminine",
        cent=("centime", "centimes"),
        magnitudes="millions|million|milliards|milliard",
        ordinal="er|ère|re|ème|e",
        ordinals={"er": "spellout-ordinal-masculine"},
        symbols={
            "&": "et",
            "+": "plus",
            "=": "égale",
            "×": "fois",
            "÷": "divisé par",
            "~": "environ",
        },
    ),
    "es": Words(
        *("arroba", "punto", "barra", "guion", "a", "número"),
        clock="{h} y {m}",
        gender="spellout-cardinal-feminine",
        cents="con {n}",
        cent=("céntimo", "céntimos"),
        magnitudes="millones|millón",
        ordinal="[ºª]",
        ordinals={"º": "spellout-ordinal-masculine"},
        symbols={
            "&": "y",
            "+": "más",
            "=": "igual a",
            "×": "por",
            "÷": "dividido por",
            "~": "unos",
        },
    ),
    "it": Words(
        *("chiocciola", "punto", "barra", "trattino", "a", "numero"),
        clock="{h} e {m}",
        gender="spellout-cardinal-feminine",
        cents="e {n}",
        cent=("centesimo", "centesimi"),
        magnitudes="milioni|milione|miliardi|miliardo",
        ordinal="[ºª]",
        ordinals={"º": "spellout-ordinal-masculine"},
        symbols={
            "&": "e",
            "+": "più",
            "=": "uguale",
            "×": "per",
            "÷": "diviso",
            "~": "circa",
        },
    ),
}


class Language:
    """A language, by its tag (`en`, `pt-br`). `known`: its numbers can be written out."""

    def __init__(self, tag: str) -> None:
        try:
            from babel import Locale, UnknownLocaleError, numbers
            from unicode_rbnf import FormatPurpose, RbnfEngine
        except ImportError as error:
            remedy = "pip install unicode-rbnf Babel, or set vocoder.normalise = false"
            raise BackendError(f"texts cannot be written out as they are said ({error})", remedy) from None
        self.primary = tag.partition("-")[0]
        self.words = WORDS.get(self.primary, Words())
        self._purpose = FormatPurpose
        try:
            self.locale: Any = Locale.parse(tag, sep="-")
            self._engine: Any = RbnfEngine.for_language(self.primary)
            self._engine.format_number(1)
            self.known = True
        except (UnknownLocaleError, ValueError, KeyError):
            self.locale, self._engine, self.known = None, None, False
        self.decimal = numbers.get_decimal_symbol(self.locale) if self.known else "."
        group = numbers.get_group_symbol(self.locale) if self.known else ","
        self.group = " " if group.isspace() else group
        """Between thousands. A text has single blanks, whichever the language prefers here."""
        self._point = self._between() if self.known else ""

    def amount(self, written: str) -> Decimal:
        """A number as this language writes it."""
        return Decimal(written.replace(self.group, "").replace(self.decimal, "."))

    def number(self, amount: Decimal) -> str:
        """A number on its own, the digits behind its point one by one."""
        written = str(amount)
        if len(written) > MOST_DIGITS:
            return self.digits(written)
        whole, _, part = written.partition(".")
        if part and not self._point:
            return written.replace(".", self.decimal)
        said = str(self._engine.format_number(whole).text)
        if amount < 0 and not int(whole):  # -0.5
            said = str(self._engine.format_number("-1").text).replace(str(self._engine.format_number("1").text), said)
        return f"{said} {self._point} {self.digits(part)}".replace("  ", " ") if part else said

    def _between(self) -> str:
        """What is said for the point in 1.5. (The engine's own fractions are wrong in some languages.)"""
        one, five = (str(self._engine.format_number(number).text) for number in ("1", "5"))
        said = str(self._engine.format_number("1.5").text)
        return said.removeprefix(one).removesuffix(five).strip() if said.startswith(one) else ""

    def counted(self, amount: Decimal, rules: str = "spellout-cardinal-masculine") -> str:
        """A number before what it counts: "ein Kilometer", not "eins"."""
        if amount != amount.to_integral_value() or abs(amount) >= 10**MOST_DIGITS:
            return self.number(amount)
        said = self._engine.format_number(int(amount))
        return str(said.text_by_ruleset.get(rules, said.text))

    def year(self, number: int) -> str:
        return str(self._engine.format_number(number, self._purpose.YEAR).text)

    def ordinal(self, number: int, rules: str = "") -> str:
        said = self._engine.format_number(number, self._purpose.ORDINAL)
        return str(said.text_by_ruleset.get(rules, said.text))

    def digits(self, written: str) -> str:
        """Digit by digit."""
        return " ".join(self.number(Decimal(digit)) for digit in written if digit.isdecimal())

    def unit(self, amount: Decimal, unit: str) -> str:
        """So much of a unit of the CLDR, such as `length-kilometer`."""
        from babel.numbers import format_decimal
        from babel.units import format_unit

        said = format_unit(amount, unit, "long", locale=self.locale)
        return said.replace(format_decimal(amount, locale=self.locale), self.counted(amount), 1)

    def price(self, amount: Decimal, code: str, magnitude: str = "") -> str:
        """An amount of money; `magnitude`: million and the like."""
        whole = int(amount)
        cents = int((amount - whole) * 100)
        if magnitude or amount * 100 != whole * 100 + cents:
            return f"{self.number(amount)} {magnitude} {self._currency(code, 2)}".replace("  ", " ")
        one, several = self.words.cent if code != "GBP" or self.primary != "en" else ("penny", "pence")
        name = one if cents == 1 else several
        if not whole and cents and name:
            return f"{self.counted(Decimal(cents))} {name}"
        said = f"{self.counted(Decimal(whole))} {self._currency(code, whole)}"
        return f"{said} {self.words.cents.format(n=self.number(Decimal(cents)), cents=name)}" if cents else said

    def _currency(self, code: str, count: int) -> str:
        from babel.numbers import get_currency_name

        return get_currency_name(code, count=count, locale=self.locale).replace("US-", "").split()[self.words.name]

    def months(self) -> Mapping[str, int]:
        """By the name of each month its number."""
        from babel.dates import get_month_names

        return {name: number for number, name in get_month_names("wide", locale=self.locale).items()}

    def date(self, day: datetime.date) -> str:
        """A date as people write it out, its numbers in digits."""
        from babel.dates import format_date

        return format_date(day, "long", locale=self.locale)
