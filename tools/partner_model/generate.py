"""Conversations over facts, made by chance from `wording.py`: what the small model is trained on, and nothing else.

Each is a handful of facts and a few turns: questions that a fact answers, whose answer is the part of it that does so,
word for word; questions that none answers; and what leans on the turn before. Things, names and values are made
anew each time, many of them of words that exist nowhere, so that the only way to be right is to look and to copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from partner_model import lists
from partner_model import wording as w
from partner_model.sheet import Fact, Sheet, Sheets, Thing, sentence


@dataclass(frozen=True, slots=True)
class Talk:
    """facts: what is known. turns: what is said, which fact answers (from 1; 0: none), and what is to be answered."""

    facts: tuple[str, ...]
    turns: tuple[tuple[str, int, str], ...]


class Generator(Sheets):
    """Conversations by chance. most: facts at most in one."""

    def __init__(self, seed: int | str, most: int = 12) -> None:
        super().__init__(seed, most)

    def talks(self) -> Iterator[Talk]:
        """Without end."""
        while True:
            yield self.talk()

    def shuffle(self, things: list[Any]) -> None:
        """By the same chance."""
        self._dice.shuffle(things)

    def talk(self) -> Talk:
        """One conversation."""
        sheet = self.sheet()
        turns: list[tuple[str, int, str]] = []
        before: tuple[Fact, str] | None = None
        for _ in range(self._dice.randint(3, 7)):
            asked, answer, before = self._turn(sheet, before)
            number = 1 + sheet.facts.index(before[0]) if before is not None else 0
            turns.append((self._spoken(asked), number, answer))
        return Talk(tuple(fact.text for fact in sheet.facts), tuple(turns))

    # What is said.

    def _turn(self, sheet: Sheet, before: tuple[Fact, str] | None) -> tuple[str, str, tuple[Fact, str] | None]:
        dice, chance = self._dice, self._dice.random()
        if (
            chance < 0.27
            and before is not None
            and before[0].thing is not None
            and (found := self._follow(sheet, *before)) is not None
        ):
            return found
        if chance < 0.52:
            return self._unanswered(sheet), w.UNKNOWN, None
        fact = dice.choice(sheet.facts)
        kind = dice.choice(sorted(fact.answers))
        if fact.rule is not None:
            if sum(each.rule == fact.rule for each in sheet.facts) > 1:
                return self._unanswered(sheet), w.UNKNOWN, None
            asked = self._values.fill(dice.choice(w.RULE_QUESTIONS), do=fact.rule[0], doing=fact.rule[1])
            return self._values.alike(asked, 0.2), fact.text, (fact, kind)
        assert fact.thing is not None
        answer = fact.answers[kind]
        alone = sum(each.thing is fact.thing for each in sheet.facts) == 1
        if not kind or (alone and dice.random() < 0.12):
            forms = w.BARE if dice.random() < 0.6 or not kind else w.EXISTS
            if not alone:
                return self._asked_free(fact), fact.text, (fact, kind)
            return self._asked(dice.choice(forms), self._named(fact.thing, sheet)), fact.text, (fact, kind)
        thing = self._named(fact.thing, sheet)
        if fact.special:
            by = "who" if kind == "price" else "on"
            return (
                self._asked(dice.choice(w.SPECIAL_QUESTIONS[by]), thing, x=_lower(fact.special)),
                answer,
                (fact, kind),
            )
        if any(each.special and each.thing is fact.thing for each in sheet.facts) and kind in ("hours", "price"):
            asked = (
                dice.choice(w.SPECIAL_QUESTIONS["who" if kind == "price" else "on"])
                .replace(" for {x}", "")
                .replace(" {x}", "")
            )
            if "{x}" in asked:
                asked = dice.choice(w.ATTRIBUTES[kind].questions)
            return self._asked(asked, thing, unit="euros"), answer, (fact, kind)
        return self._asked(self._question(kind, fact.text), thing), answer, (fact, kind)

    def _question(self, kind: str, text: str, follow: bool = False) -> str:
        """A wording that fits: how many seats is not asked of windows, nor euros of dollars."""
        attribute = w.ATTRIBUTES[kind]
        asked = self._dice.choice(attribute.follows if follow else attribute.questions)
        for name, known in (
            ("{plural}", lists.PLURALS),
            ("{unit}", ("euros", "dollars", "pounds", "crowns", "francs", "cents")),
        ):
            if name in asked:
                there = [each for each in known if re.search(rf"\b{each}\b", text)]
                asked = asked.replace(name, there[0]) if there else self._question(kind, text, follow)
        return asked

    def _asked(self, form: str, thing: Thing, **given: str) -> str:
        a = thing.name.split(" ", 1)[1] if thing.name.startswith(("the ", "our ")) else thing.name
        article = "" if thing.many else "an " if a[0] in "aeiou" else "a "
        return self._filled(form, thing, a=f"{article}{a}", p=a, **given)

    def _asked_free(self, fact: Fact) -> str:
        """About some of its words."""
        words = [word for word in re.findall(r"[\w'-]+", fact.text) if len(word) > 3]
        told = self._values.alike(" ".join(_lower(each) for each in self._dice.sample(words, min(2, len(words)))), 0.4)
        return self._dice.choice(
            ("what about {}", "tell me about {}", "which {}", "where is {}", "what is {}", "is there {}")
        ).format(told)

    def _named(self, thing: Thing, sheet: Sheet) -> Thing:
        """As it is spoken of: now and then shorter, or by another word for it, where that is clear."""
        dice = self._dice
        name, chance = _lower(thing.name) if dice.random() < 0.7 else thing.name, dice.random()
        if name.startswith("our ") and dice.random() < 0.7:
            name = "the " + name[4:] if dice.random() < 0.5 else "your " + name[4:]
        single = sum(each.noun == thing.noun for each in sheet.things) == 1
        others = self._values.synonyms.get(thing.noun)
        if single and others and chance < 0.3:
            return Thing(f"the {dice.choice(others)}", thing.noun, thing.many)
        if single and chance < 0.45 and thing.name.startswith("the ") and thing.noun not in lists.PROPER:
            return Thing(f"the {thing.noun}", thing.noun, thing.many)
        return Thing(name, thing.noun, thing.many)

    def _follow(self, sheet: Sheet, fact: Fact, kind: str) -> tuple[str, str, tuple[Fact, str] | None] | None:
        """What leans on the turn before: something else about the same thing, or the same of another."""
        dice, thing = self._dice, fact.thing
        assert thing is not None
        same = [each for each in sheet.facts if each.thing is thing]
        chance = dice.random()
        specials = [each for each in same if each.special and each is not fact and kind in each.answers]
        if specials and chance < 0.5:
            other = specials[0]
            return (
                dice.choice(w.SPECIAL_FOLLOWS).replace("{x}", _lower(other.special)),
                other.answers[kind],
                (other, kind),
            )
        if chance < 0.4 and kind:
            others = [
                each
                for each in sheet.facts
                if kind in each.answers and each.thing not in (None, thing) and not each.special
            ]
            counted = [
                each
                for each in others
                if sum(one.thing is each.thing and kind in one.answers for one in sheet.facts) == 1
            ]
            if counted:
                other = dice.choice(counted)
                assert other.thing is not None
                return (
                    self._asked(dice.choice(w.OTHERS), self._named(other.thing, sheet)),
                    other.answers[kind],
                    (other, kind),
                )
            if dice.random() < 0.5:
                return self._asked(dice.choice(w.OTHERS), dice.choice(sheet.absent)), w.UNKNOWN, None
        known = {name: each for each in same for name in each.answers if name and not each.special}
        if known and chance < 0.85:
            name = dice.choice(sorted(known))
            other = known[name]
            return self._asked(self._question(name, other.text, follow=True), thing), other.answers[name], (other, name)
        missing = sorted(set(w.ATTRIBUTES) - {name for each in same for name in each.answers})
        if any("" in each.answers for each in same):
            return None
        asked = dice.choice(w.ATTRIBUTES[dice.choice(missing)].follows)
        return self._asked(asked, thing), w.UNKNOWN, None

    def _unanswered(self, sheet: Sheet) -> str:
        dice, chance = self._dice, self._dice.random()
        if sheet.things and chance < 0.5:
            thing = dice.choice(sheet.things)
            known = {name for fact in sheet.facts if fact.thing is thing for name in fact.answers}
            clear = {"start", "hours", "age", "long", "often"}
            """What is asked alike: of these no other is known."""
            missing = [
                name for name in sorted(w.ATTRIBUTES) if name not in known and not (name in clear and known & clear)
            ]
            missing = [
                name
                for name in missing
                if not (name == "far" and "place" in known)
                and not (name in ("group", "need", "book") and known & {"group", "need", "book"})
            ]
            if missing and "" not in known:
                return self._asked(dice.choice(w.ATTRIBUTES[dice.choice(missing)].questions), self._named(thing, sheet))
        if chance < 0.8:
            thing = dice.choice(sheet.absent)
            forms = w.ATTRIBUTES[dice.choice(sorted(w.ATTRIBUTES))].questions
            return self._asked(dice.choice((*forms, *w.EXISTS)), thing)
        ruled = {fact.rule for fact in sheet.facts}
        rule = dice.choice(lists.RULES)
        if chance < 0.88 and rule not in ruled:
            return self._values.fill(dice.choice(w.RULE_QUESTIONS), do=rule[0], doing=rule[1])
        if chance < 0.9:
            return " ".join(self._values.some() for _ in range(dice.randint(1, 7)))
        return self._values.fill(dice.choice(w.OFF))

    def _spoken(self, text: str) -> str:
        """As somebody says it, and as it is heard: with words around it, and some of it lost or wrong."""
        dice = self._dice
        text = self._values.alike(text, 0.06)
        if dice.random() < 0.25:
            text = f"{dice.choice(w.BEFORE)} {text}"
        if dice.random() < 0.1:
            text = f"{text} {dice.choice(w.AFTER)}"
        if dice.random() < 0.12:
            words = text.split()
            at = dice.randrange(len(words))
            if len(words[at]) < 5 and len(words) > 3:  # a little word
                words[at : at + 1] = dice.choice(([], [dice.choice(("a", "the", "in", "to", "it", "and", "for"))]))
                text = " ".join(words)
        chance = dice.random()
        return text.lower() if chance < 0.5 else f"{sentence(text)}?" if chance < 0.65 else text


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def show(count: int) -> None:
    """Print some."""
    generator = Generator("shown")
    for _ in range(count):
        talk = generator.talk()
        print("\n".join(talk.facts))
        for asked, number, answer in talk.turns:
            print(f"  {asked!r} → {number} {answer!r}")
        print()
