"""Conversations over facts, made by chance from `wording.py`: what the small model is trained on, and nothing else.

Each is a handful of facts and a few turns: questions that a fact answers, whose answer is the part of it that does so,
word for word; questions that none answers; and what leans on the turn before. Things, names and values are made
anew each time, many of them of words that exist nowhere, so that the only way to be right is to look and to copy.

    python tools/partner_model/generate.py 5        # look at some
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from partner_model import wording as w
from partner_model.values import Values


@dataclass(frozen=True, slots=True)
class Thing:
    """name: with its article, inside a sentence. noun: its last word; a: as something there may be."""

    name: str
    noun: str
    many: bool


@dataclass(slots=True)
class Fact:
    """text: as it is told. answers: attribute → the part that answers for it."""

    text: str
    answers: dict[str, str]
    thing: Thing | None = None
    special: str = ""
    """For what alone it holds: "on Sundays"."""
    rule: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """facts: what is known. turns: what is said, which fact answers (from 1; 0: none), and what is to be answered."""

    facts: tuple[str, ...]
    turns: tuple[tuple[str, int, str], ...]


@dataclass(slots=True)
class _Sheet:
    things: list[Thing] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    absent: list[Thing] = field(default_factory=list)


def numbered(text: str, many: bool) -> str:
    """`[is|are]` for one or for several."""
    return re.sub(r"\[([^|\]]*)\|([^\]]*)\]", r"\2" if many else r"\1", text)


def sentence(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


class Generator:
    """Conversations by chance. most: facts at most in one."""

    def __init__(self, seed: int | str, most: int = 12) -> None:
        self._dice = random.Random(seed)
        self._values = Values(self._dice)
        self.most = most

    def talks(self) -> Iterator[Talk]:
        """Without end."""
        while True:
            yield self.talk()

    def shuffle(self, things: list[Any]) -> None:
        """By the same chance."""
        self._dice.shuffle(things)

    def talk(self) -> Talk:
        """One conversation."""
        sheet = self._sheet()
        turns: list[tuple[str, int, str]] = []
        before: tuple[Fact, str] | None = None
        for _ in range(self._dice.randint(3, 7)):
            asked, answer, before = self._turn(sheet, before)
            number = 1 + sheet.facts.index(before[0]) if before is not None else 0
            turns.append((self._spoken(asked), number, answer))
        return Talk(tuple(fact.text for fact in sheet.facts), tuple(turns))

    # What is known.

    def _sheet(self) -> _Sheet:
        dice, sheet = self._dice, _Sheet()
        wanted = dice.randint(1, self.most)
        while len(sheet.facts) < wanted:
            chance = dice.random()
            if chance < 0.62:
                sheet.facts += self._about(self._thing(sheet))
            elif chance < 0.74:
                sheet.facts.append(self._ruled())
            elif chance < 0.84:
                sheet.facts += self._special(self._thing(sheet))
            else:
                sheet.facts.append(self._free(self._thing(sheet)))
        dice.shuffle(sheet.facts)
        del sheet.facts[self.most :]
        kept = {id(fact.thing) for fact in sheet.facts}
        sheet.things = [thing for thing in sheet.things if id(thing) in kept]
        told = " ".join(fact.text.lower() for fact in sheet.facts)
        while len(sheet.absent) < 2:
            thing = self._new()
            if thing.noun.lower() not in told:
                sheet.absent.append(thing)
        return sheet

    def _new(self, noun: str = "") -> Thing:
        dice, values = self._dice, self._values
        noun = noun or values.noun()
        chance = dice.random()
        if chance < 0.12:
            name = f"the {values.word().capitalize()} {values.proper()}"
            return Thing(name, name.rsplit(" ", 1)[1], False)
        many = chance > 0.85 and not noun.endswith("s")
        many_noun = f"{noun}s" if many else noun
        middle = f"{values.adjective()} " if dice.random() < 0.4 else f"{values.noun()} " if dice.random() < 0.2 else ""
        before = dice.choice(("the ",) * 7 + ("our ", "", "the "))
        return Thing(f"{before}{middle}{many_noun}", many_noun, many)

    def _thing(self, sheet: _Sheet) -> Thing:
        """A new one; now and then one that is easily taken for another."""
        near = sheet.things and self._dice.random() < 0.2
        thing = self._new(self._dice.choice(sheet.things).noun if near else "")
        if any(each.name == thing.name for each in sheet.things) or (not near and any(each.noun == thing.noun for each in sheet.things)):
            thing = self._new(self._values.word())
        sheet.things.append(thing)
        return thing

    def _filled(self, text: str, thing: Thing, **given: str) -> str:
        """A wording about a thing, as a sentence or a part of one."""
        text = numbered(text, thing.many)
        return self._values.fill(text, t=thing.name, T=sentence(thing.name), **given)

    def _about(self, thing: Thing) -> list[Fact]:
        """One to three attributes, each in a sentence or two in one."""
        dice = self._dice
        left_out = dice.choice(("start", "hours"))  # which are asked alike
        kinds = dice.sample(sorted(set(w.ATTRIBUTES) - {left_out}), dice.choice((1, 1, 2, 2, 3)))
        facts: list[Fact] = []
        while kinds:
            attribute = w.ATTRIBUTES[kinds[0]]
            if len(kinds) > 1 and dice.random() < 0.5:
                clauses = [self._filled(dice.choice(w.ATTRIBUTES[kind].clauses), thing) for kind in kinds[:2]]
                link = dice.choice((" and ", ", and ", ", and they " if thing.many else ", and it "))
                facts.append(
                    Fact(
                        f"{sentence(thing.name)} {clauses[0]}{link}{clauses[1]}.",
                        {kind: f"{sentence(thing.name)} {each}." for kind, each in zip(kinds, clauses, strict=False)},
                        thing,
                    )
                )
                del kinds[:2]
                continue
            if dice.random() < 0.6:
                text = f"{sentence(thing.name)} {self._filled(dice.choice(attribute.clauses), thing)}."
            else:
                text = sentence(self._filled(dice.choice(attribute.frames), thing))
            facts.append(Fact(text, {kinds[0]: text}, thing))
            del kinds[0]
        return facts

    def _special(self, thing: Thing) -> list[Fact]:
        special, general, kind, by = self._dice.choice(w.SPECIALS)
        told = str(getattr(self._values, by)())
        told = self._values.fill(told)
        text = sentence(self._filled(special, thing, **{by: told}))
        found = [Fact(text, {kind: text}, thing, told)]
        if self._dice.random() < 0.8:
            text = self._filled(general, thing)
            found.append(Fact(text, {kind: text}, thing))
        return found

    def _ruled(self) -> Fact:
        do, doing = self._dice.choice(w.RULES)
        form = self._dice.choice(w.RULE_FACTS)
        text = self._values.fill(form, do=do, doing=doing, Doing=sentence(doing))
        return Fact(text, {"": text}, None, rule=(do, doing))

    def _free(self, thing: Thing) -> Fact:
        """Any words whatever: to be copied, whatever they mean."""
        dice, values = self._dice, self._values
        rest = values.rest()
        verb = dice.choice(("has", "shows", "needs", "makes", "gets", "brings", "offers", "uses", "was", f"{values.some()}s"))
        text = dice.choice(
            (
                f"{sentence(thing.name)} {verb} {rest}.",
                f"There {'are' if thing.many else 'is'} {thing.name.removeprefix('the ')} {values.fill(values.place())}.",
                f"{sentence(values.some())} {values.some()} {thing.name} {rest}.",
                f"{sentence(rest)} for {thing.name}.",
                f"{sentence(thing.name)} {verb} {values.fill('{number}')} {values.fill('{plural}')} {values.fill('{place}')}.",
            )
        )
        return Fact(text, {"": text}, thing)

    # What is said.

    def _turn(self, sheet: _Sheet, before: tuple[Fact, str] | None) -> tuple[str, str, tuple[Fact, str] | None]:
        dice, chance = self._dice, self._dice.random()
        if chance < 0.27 and before is not None and before[0].thing is not None:
            if (found := self._follow(sheet, *before)) is not None:
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
            return self._asked(dice.choice(w.SPECIAL_QUESTIONS[by]), thing, x=_lower(fact.special)), answer, (fact, kind)
        if any(each.special and each.thing is fact.thing for each in sheet.facts) and kind in ("hours", "price"):
            asked = dice.choice(w.SPECIAL_QUESTIONS["who" if kind == "price" else "on"]).replace(" for {x}", "").replace(" {x}", "")
            if "{x}" in asked:
                asked = dice.choice(w.ATTRIBUTES[kind].questions)
            return self._asked(asked, thing, unit="euros"), answer, (fact, kind)
        return self._asked(self._question(kind, fact.text), thing), answer, (fact, kind)

    def _question(self, kind: str, text: str, follow: bool = False) -> str:
        """A wording that fits: how many seats is not asked of windows, nor euros of dollars."""
        attribute = w.ATTRIBUTES[kind]
        asked = self._dice.choice(attribute.follows if follow else attribute.questions)
        for name, known in (("{plural}", w.PLURALS), ("{unit}", ("euros", "dollars", "pounds", "crowns", "francs", "cents"))):
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
        return self._dice.choice(("what about {}", "tell me about {}", "which {}", "where is {}", "what is {}", "is there {}")).format(told)

    def _named(self, thing: Thing, sheet: _Sheet) -> Thing:
        """As it is spoken of: now and then shorter, or by another word for it, where that is clear."""
        dice = self._dice
        name, chance = _lower(thing.name) if dice.random() < 0.7 else thing.name, dice.random()
        if name.startswith("our ") and dice.random() < 0.7:
            name = "the " + name[4:] if dice.random() < 0.5 else "your " + name[4:]
        single = sum(each.noun == thing.noun for each in sheet.things) == 1
        others = self._values.synonyms.get(thing.noun)
        if single and others and chance < 0.3:
            return Thing(f"the {dice.choice(others)}", thing.noun, thing.many)
        if single and chance < 0.45 and thing.name.startswith("the ") and thing.noun not in w.PROPER:
            return Thing(f"the {thing.noun}", thing.noun, thing.many)
        return Thing(name, thing.noun, thing.many)

    def _follow(self, sheet: _Sheet, fact: Fact, kind: str) -> tuple[str, str, tuple[Fact, str] | None] | None:
        """What leans on the turn before: something else about the same thing, or the same of another."""
        dice, thing = self._dice, fact.thing
        assert thing is not None
        same = [each for each in sheet.facts if each.thing is thing]
        chance = dice.random()
        specials = [each for each in same if each.special and each is not fact and kind in each.answers]
        if specials and chance < 0.5:
            other = specials[0]
            return dice.choice(w.SPECIAL_FOLLOWS).replace("{x}", _lower(other.special)), other.answers[kind], (other, kind)
        if chance < 0.4 and kind:
            others = [each for each in sheet.facts if kind in each.answers and each.thing not in (None, thing) and not each.special]
            counted = [each for each in others if sum(one.thing is each.thing and kind in one.answers for one in sheet.facts) == 1]
            if counted:
                other = dice.choice(counted)
                assert other.thing is not None
                return self._asked(dice.choice(w.OTHERS), self._named(other.thing, sheet)), other.answers[kind], (other, kind)
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

    def _unanswered(self, sheet: _Sheet) -> str:
        dice, chance = self._dice, self._dice.random()
        if sheet.things and chance < 0.5:
            thing = dice.choice(sheet.things)
            known = {name for fact in sheet.facts if fact.thing is thing for name in fact.answers}
            clear = {"start", "hours", "age", "long", "often"}
            """What is asked alike: of these no other is known."""
            missing = [name for name in sorted(w.ATTRIBUTES) if name not in known and not (name in clear and known & clear)]
            missing = [name for name in missing if not (name == "far" and "place" in known) and not (name in ("group", "need", "book") and known & {"group", "need", "book"})]
            if missing and "" not in known:
                return self._asked(dice.choice(w.ATTRIBUTES[dice.choice(missing)].questions), self._named(thing, sheet))
        if chance < 0.8:
            thing = dice.choice(sheet.absent)
            forms = w.ATTRIBUTES[dice.choice(sorted(w.ATTRIBUTES))].questions
            return self._asked(dice.choice((*forms, *w.EXISTS)), thing)
        ruled = {fact.rule for fact in sheet.facts}
        rule = dice.choice(w.RULES)
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


def main() -> None:
    """Show some."""
    generator = Generator("shown")
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        talk = generator.talk()
        print("\n".join(talk.facts))
        for asked, number, answer in talk.turns:
            print(f"  {asked!r} → {number} {answer!r}")
        print()


if __name__ == "__main__":
    main()
