"""What is known in a conversation: things, and facts about them, by chance."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from partner_model import lists
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


@dataclass(slots=True)
class Sheet:
    things: list[Thing] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    absent: list[Thing] = field(default_factory=list)


def numbered(text: str, many: bool) -> str:
    """`[is|are]` for one or for several."""
    return re.sub(r"\[([^|\]]*)\|([^\]]*)\]", r"\2" if many else r"\1", text)


def sentence(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


class Sheets:
    """Facts by chance. most: facts at most in one."""

    def __init__(self, seed: int | str, most: int) -> None:
        self._dice = random.Random(seed)
        self._values = Values(self._dice)
        self.most = most

    def sheet(self) -> Sheet:
        """A new one."""
        dice, sheet = self._dice, Sheet()
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

    def _thing(self, sheet: Sheet) -> Thing:
        """A new one; now and then one that is easily taken for another."""
        near = sheet.things and self._dice.random() < 0.2
        thing = self._new(self._dice.choice(sheet.things).noun if near else "")
        if any(each.name == thing.name for each in sheet.things) or (
            not near and any(each.noun == thing.noun for each in sheet.things)
        ):
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
        do, doing = self._dice.choice(lists.RULES)
        form = self._dice.choice(w.RULE_FACTS)
        text = self._values.fill(form, do=do, doing=doing, Doing=sentence(doing))
        return Fact(text, {"": text}, None, rule=(do, doing))

    def _free(self, thing: Thing) -> Fact:
        """Any words whatever: to be copied, whatever they mean."""
        dice, values = self._dice, self._values
        rest = values.rest()
        verb = dice.choice(
            ("has", "shows", "needs", "makes", "gets", "brings", "offers", "uses", "was", f"{values.some()}s")
        )
        there, called = "are" if thing.many else "is", thing.name.removeprefix("the ")
        many = values.fill("{number} {plural} {place}")
        forms = (
            f"{sentence(thing.name)} {verb} {rest}.",
            f"There {there} {called} {values.fill(values.place())}.",
            f"{sentence(values.some())} {values.some()} {thing.name} {rest}.",
            f"{sentence(rest)} for {thing.name}.",
            f"{sentence(thing.name)} {verb} {many}.",
        )
        text = dice.choice(forms)
        return Fact(text, {"": text}, thing)
