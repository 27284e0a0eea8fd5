"""Fact sheets and what is asked about them: those written by hand (sheets/), and those that are generated."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.toml import tomllib

from .wordings import Attribute, Wordings

FOLDER = Path(__file__).with_name("sheets")


@dataclass(frozen=True, slots=True)
class Turn:
    """What is said, and what is right. says: what must be in the answer; refuse: that it is not known; call, with: the
    call; back: a pattern for what is asked back; no_call: nothing may be done; talk: small talk, of this kind.
    follows: it leans on the turn before."""

    ask: str
    says: tuple[str, ...] = ()
    refuse: bool = False
    call: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    back: str = ""
    no_call: bool = False
    talk: str = ""
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a partner is told, as in config.toml, and conversations with it."""

    name: str
    of: str
    """The set that it belongs to."""
    facts: tuple[str, ...]
    persona: Mapping[str, str]
    tools: tuple[Mapping[str, Any], ...]
    context: tuple[str, ...]
    talks: tuple[tuple[Turn, ...], ...]


def by_hand() -> Iterator[Sheet]:
    """The sheets in the folder."""
    for path in sorted(FOLDER.glob("*.toml")):
        table = tomllib.loads(path.read_text())
        talks = tuple(tuple(_turn(turn) for turn in talk) for talk in table["talks"])
        tools, context = tuple(table.get("tools", ())), tuple(table.get("context", ()))
        yield Sheet(path.stem, table["set"], tuple(table["facts"]), table["persona"], tools, context, talks)


def _turn(table: Mapping[str, Any]) -> Turn:
    rest = dict(table)
    return Turn(arguments=rest.pop("with", {}), says=tuple(rest.pop("says", ())), **rest)


def generated(wordings: Wordings, of: str, seed: int, sheets: int = 4) -> Iterator[Sheet]:
    """Sheets of some twenty-five facts with some forty turns each, by chance."""
    dice = random.Random(seed)
    for number in range(sheets):
        yield _sheet(wordings, f"{of}-{seed}-{number}", of, dice)


def _sheet(wordings: Wordings, name: str, of: str, dice: random.Random) -> Sheet:
    things = dice.sample(wordings.things, 9)
    known: dict[tuple[str, str], tuple[str, ...]] = {}
    facts: list[str] = []
    for thing in things:
        for kind in dice.sample(sorted(wordings.attributes), 3):
            attribute = wordings.attributes[kind]
            known[thing, kind] = value = dice.choice(attribute.values)
            facts.append(_filled(dice.choice(attribute.facts), thing, value))
    dice.shuffle(facts)
    talks: list[tuple[Turn, ...]] = []
    for thing, kind in dice.sample(sorted(known), 16):
        talks.append(_talk(wordings, known, thing, kind, dice))
    unknown = sorted((thing, kind) for thing in things for kind in wordings.attributes if (thing, kind) not in known)
    for thing, kind in dice.sample(unknown, 4):
        talks.append((Turn(_asked(wordings.attributes[kind], thing, dice), refuse=True),))
    for thing in dice.sample(wordings.absent, 3):
        attribute = wordings.attributes[dice.choice(sorted(wordings.attributes))]
        talks.append((Turn(_asked(attribute, thing, dice), refuse=True),))
    talks += [(Turn(text, refuse=True),) for text in dice.sample(wordings.off, 3)]
    talks += [(_turn({**each, "no_call": "call" not in each}),) for each in dice.sample(wordings.requests, 8)]
    persona = {"name": "Nova", "role": "the guide of the park"}
    return Sheet(name, of, tuple(facts), persona, wordings.tools, (), tuple(talks))


def _talk(
    wordings: Wordings, known: Mapping[tuple[str, str], tuple[str, ...]], thing: str, kind: str, dice: random.Random
) -> tuple[Turn, ...]:
    """A question, and maybe one that leans on it: something else about the same thing, or the same of another."""
    turns = [Turn(_asked(wordings.attributes[kind], thing, dice), says=known[thing, kind])]
    others = [other for (where, other) in known if where == thing and other != kind]
    elsewhere = [where for (where, other) in known if other == kind and where != thing]
    if others and dice.random() < 0.5:
        other = dice.choice(others)
        follow = dice.choice(wordings.attributes[other].follow)
        turns.append(Turn(follow, says=known[thing, other], follows=True))
    elif elsewhere and dice.random() < 0.7:
        where = dice.choice(elsewhere)
        text = dice.choice(wordings.other).replace("{t}", where)
        turns.append(Turn(text, says=known[where, kind], follows=True))
    return tuple(turns)


def _asked(attribute: Attribute, thing: str, dice: random.Random) -> str:
    return dice.choice(attribute.questions).replace("{t}", thing)


def _filled(template: str, thing: str, value: tuple[str, ...]) -> str:
    text = template.replace("{T}", thing[0].upper() + thing[1:]).replace("{t}", thing)
    text = text.replace("{v}", value[0]).replace("{w}", value[-1])
    return text[0].upper() + text[1:]
