"""Values by chance: names, times, prices, places; and words that are none, so that what is copied was never seen."""

from __future__ import annotations

import random
import re
from pathlib import Path

from engine.partner.english import ENGLISH
from partner_model import lists

ROOT = Path(__file__).resolve().parents[2]
_ONES = lists.words(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen"
    " nineteen"
)
_TENS = lists.words("twenty thirty forty fifty sixty seventy eighty ninety")
_ONSETS = lists.words("b bl br c ch d dr f fl g gl gr h j k kr l m n p pl pr qu r s sh sk sl sp st t th tr v w wh y z")
_VOWELS = lists.words("a e i o u ai ea ee ie oa oo ou")
_CODAS = lists.words(" l m n r s t ck ll nd ng nt rk rn rt ss st x", " ")
_LITTLE = lists.words("the a of to in on with for and at from by or your you but not only if which that is can")
_PLACES = lists.words(
    "on the {ordinal} floor|behind the {noun}|next to the {noun}|in the {adjective} {noun}|opposite the {noun}"
    "|at the end of the {noun}|to the left of the {noun}|in front of the {noun}|down the stairs, on your {side}"
    "|in room {small}|in building {letter}|under the {noun}|in the {noun}|between the {noun} and the {noun}"
    "|at the {adjective} {noun}|near the {noun}|in {Word}|on {Word} Street|beside the {adjective} {noun}|upstairs"
    "|across the street|past the {noun} and then {side}|at the back of the {noun}|inside the {Word} {proper}"
    "|in the basement|on the roof|by the {noun}|around the corner from the {noun}",
    "|",
)


def own_words() -> tuple[str, ...]:
    """Everyday words out of the project's own documents and word groups, each once, in order."""
    text = " ".join(path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
    found = set(re.findall(r"\b[a-z]{3,10}\b", text)) | {
        each for line in ENGLISH.same for each in re.findall(r"\b[a-z]+\b", line.replace("_", " ")) if len(each) > 2
    }
    return tuple(sorted(found))


def synonyms() -> dict[str, tuple[str, ...]]:
    """A word and the others of its groups, single words alone."""
    found: dict[str, tuple[str, ...]] = {}
    for line in ENGLISH.same:
        words = [each.lstrip("=") for each in line.split() if each.lstrip("=").isalpha()]
        for word in words:
            found[word] = (*found.get(word, ()), *(each for each in words if each != word))
    return {word: others for word, others in found.items() if others}


class Values:
    """Chance, and what it makes. Each name in braces in a wording is a method here."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.words = own_words()
        self.synonyms = synonyms()

    def fill(self, text: str, **given: str) -> str:
        """A wording with its braces filled in: by what is given, or else by chance."""

        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            if name in given:
                return given[name]
            made = str(getattr(self, name.lower())())
            return self.fill(made[:1].upper() + made[1:] if name[:1].isupper() else made, **given)

        return re.sub(r"\{(\w+)\}", value, text)

    def word(self) -> str:
        """One that hardly exists."""
        pick = self.dice.choice
        made = "".join(pick(_ONSETS) + pick(_VOWELS) for _ in range(self.dice.choice((1, 1, 2)))) + pick(_CODAS)
        return made if len(made) > 2 else made + "ta"

    def some(self) -> str:
        """A word, of the project's or by chance."""
        return self.word() if self.dice.random() < 0.3 else self.dice.choice(self.words)

    def alike(self, text: str, chance: float) -> str:
        """A text with some of its words replaced by such as mean about the same."""
        words = text.split()
        for at, word in enumerate(words):
            if (others := self.synonyms.get(word)) and self.dice.random() < chance:
                words[at] = self.dice.choice(others)
        return " ".join(words)

    def rest(self) -> str:
        """Some words, little ones among them."""
        count = self.dice.randint(2, 9)
        return " ".join(self.dice.choice(_LITTLE) if self.dice.random() < 0.35 else self.some() for _ in range(count))

    def noun(self) -> str:
        chance = self.dice.random()
        if chance < 0.6:
            return self.dice.choice(lists.NOUNS)
        return self.word() if chance < 0.75 else self.dice.choice(self.words)

    def adjective(self) -> str:
        return self.dice.choice(lists.ADJECTIVES) if self.dice.random() < 0.8 else self.some()

    def proper(self) -> str:
        return self.dice.choice(lists.PROPER)

    def plural(self) -> str:
        return self.dice.choice(lists.PLURALS)

    def unit(self) -> str:
        return self.dice.choice(("euros", "dollars", "pounds", "crowns", "francs", "cents"))

    def count(self, low: int, high: int) -> str:
        """A number, in words or digits."""
        number = self.dice.randint(low, high)
        return str(number) if self.dice.random() < 0.25 else spelled(number)

    def small(self) -> str:
        return self.count(1, 12)

    def number(self) -> str:
        return self.count(2, 99) if self.dice.random() < 0.8 else self.count(100, 900)

    def money(self) -> str:
        unit = self.unit()
        cents = f" {self.dice.choice(('fifty', 'twenty', 'ninety'))}" if self.dice.random() < 0.15 else ""
        return f"{self.number()} {unit}{cents}"

    def per(self) -> str:
        return self.dice.choice(("a person", "an hour", "a day", "a night", "each", "a week", "per group", "a head"))

    def time(self) -> str:
        hour = spelled(self.dice.randint(1, 12))
        forms = (
            *(hour,) * 4,
            f"half past {hour}",
            f"quarter past {hour}",
            f"quarter to {hour}",
            f"{hour} thirty",
            f"{hour} fifteen",
            f"{hour} in the {self.dice.choice(('morning', 'evening', 'afternoon'))}",
            f"{hour} o'clock",
            self.dice.choice(("noon", "midnight")),
            f"{self.dice.randint(6, 23)}:{self.dice.choice(('00', '15', '30', '45'))}",
        )
        return self.dice.choice(forms)

    def day(self) -> str:
        return self.dice.choice(lists.DAYS)

    def days(self) -> str:
        one, two = self.dice.sample(lists.DAYS, 2)
        forms = (
            f"on {one}s",
            "every day",
            f"from {one} to {two}",
            f"every day but {one}",
            "on weekends",
            "on weekdays",
        )
        return self.dice.choice((*forms, f"on {one}s and {two}s", f"in {self.dice.choice(lists.MONTHS)}", f"on {one}"))

    def on(self) -> str:
        one = self.dice.choice(lists.DAYS)
        return self.dice.choice((f"on {one}s", f"on {one}", "on weekends", "on holidays", "in winter", "in summer"))

    def ahead(self) -> str:
        return self.dice.choice(
            ("a day before", "in advance", "a week before", "an hour ahead", "at the desk", "online")
        )

    def often(self) -> str:
        return self.dice.choice(
            ("every hour", "twice a day", "once a week", "three times a day", "every {day}", "daily")
        )

    def duration(self) -> str:
        return f"{self.number()} {self.dice.choice(('minutes', 'minutes', 'hours', 'days', 'seconds', 'weeks'))}"

    def distance(self) -> str:
        return f"{self.number()} {self.dice.choice(('meters', 'kilometers', 'miles', 'steps', 'feet'))}"

    def year(self) -> str:
        return str(self.dice.randint(1400, 2024))

    def digits(self) -> str:
        length = self.dice.randint(2, 5)
        if self.dice.random() < 0.4:
            return "".join(str(self.dice.randint(0, 9)) for _ in range(length))
        return " ".join(spelled(self.dice.randint(0, 9)) for _ in range(length))

    def person(self) -> str:
        first = self.dice.choice(lists.FIRST_NAMES)
        if self.dice.random() < 0.4:
            return first
        return f"{self.dice.choice((first, *lists.TITLES))} {self.word().capitalize()}"

    def group(self) -> str:
        return self.dice.choice(lists.GROUPS).strip()

    def who(self) -> str:
        return self.group()

    def material(self) -> str:
        return self.dice.choice(lists.MATERIALS)

    def colour(self) -> str:
        return self.dice.choice(lists.COLOURS)

    def ordinal(self) -> str:
        return self.dice.choice(("ground", "first", "second", "third", "fourth", "top", "upper", "fifth"))

    def side(self) -> str:
        return self.dice.choice(("left", "right"))

    def letter(self) -> str:
        return self.dice.choice("ABCDEFGH")

    def place(self) -> str:
        return self.dice.choice(_PLACES)


def spelled(number: int) -> str:
    """0 to 999 in words."""
    if number < 20:
        return _ONES[number - 1] if number else "zero"
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f" {_ONES[ones - 1]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{_ONES[hundreds - 1]} hundred" + (f" and {spelled(rest)}" if rest else "")
