"""The backend that answers from facts: how it gets on with the phrasebook, and what it calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from engine.contract import Called, Ended, Exchange, Job, Rung, Tag, Token
from engine.partner import reading
from workers.backends.facts import Facts
from workers.backends.pronunciations import pronunciations

TOOLS = [
    {
        "name": "drive",
        "description": "Drive forward",
        "parameters": {"distance": {"type": "number", "maximum": 5, "unit": "meters"}},
    }
]
ENTRIES = [
    {"patterns": ["how are you", "* lift *"], "answers": ["Splendid.", "As ever."]},
    {"patterns": ["where is the bar"], "answers": ["Follow the music."]},
]


def backend(**settings: Any) -> Facts:
    told = {"facts": ["The bar is upstairs.", "Tea costs two euros."], "tools": TOOLS, "unknown": "No idea."}
    made = Facts()
    made.load(Rung({**told, "persona": {}, "entries": ENTRIES, **settings}))
    made.warm_up()
    return made


def take(made: Facts, text: str, *history: tuple[str, str], calls_reach: bool = True) -> tuple[str, list[Called]]:
    """The answer and the calls."""
    job = Job(Tag(1, 1, 1), text=text, history=tuple(Exchange(*each) for each in history), calls=calls_reach)
    made.begin(job)
    words = ""
    calls: list[Called] = []
    while True:
        for event in made.step(0):
            if isinstance(event, Ended):
                return words, calls
            if isinstance(event, Token):
                words += event.text
            else:
                assert isinstance(event, Called)
                assert not words  # a call comes before what is said of it
                calls.append(event)


def test_it_answers_from_facts_and_remembers_by_the_history() -> None:
    made = backend()
    assert take(made, "what does the tea cost")[0] == "Tea costs two euros."
    assert take(made, "and where is it", ("is there a bar", "The bar is upstairs."))[0] == "The bar is upstairs."


def test_whole_patterns_of_the_phrasebook_come_before_facts_and_wide_ones_after() -> None:
    made = backend()
    assert take(made, "Where is the bar?")[0] == "Follow the music."
    assert take(made, "is there a bar")[0] == "The bar is upstairs."
    assert take(made, "is there a lift here")[0] == "Splendid."
    assert [take(made, "how are you")[0] for _ in range(2)] == ["Splendid.", "As ever."]
    assert take(made, "is there a pool")[0].startswith("No idea.")


def test_without_facts_it_is_the_phrasebook() -> None:
    assert take(backend(facts=[]), "is there a lift here")[0] == "Splendid."


def test_a_call_goes_to_the_host_where_one_can_be_called() -> None:
    said, calls = take(backend(), "drive forward three meters")
    assert calls == [Called(Tag(1, 1, 1), "drive", {"distance": 3})]
    assert said == "All right."


def test_where_none_can_be_called_it_does_not_say_that_it_was_done() -> None:
    made, said = backend(), "drive forward three meters"
    assert take(made, said, calls_reach=False) == ("I am sorry, I can't do that.", [])
    assert take(made, said) == ("All right.", [Called(Tag(1, 1, 1), "drive", {"distance": 3})])


def test_a_cancelled_request_calls_nothing() -> None:
    made = backend()
    made.begin(Job(Tag(1, 1, 1), text="drive forward three meters"))
    made.cancel(Tag(1, 1, 1))
    assert list(made.step(0)) == [Ended(Tag(1, 1, 1), "cancelled")]
    assert made.idle


def test_english_words_have_their_pronunciation() -> None:
    look_up = pronunciations()
    assert look_up is not None
    assert look_up("museum") == "M Y UW Z IY AH M"
    assert [look_up(word) for word in ("", "zzzz", "'", "~")] == [""] * 4


def test_nothing_that_a_visitor_said_is_left_once_they_are_forgotten() -> None:
    made = backend()
    take(made, "my medikation is zopiclone and my name is obermeier")
    assert "zopiclone" in words_in(made)  # what is looked for can be found
    made.cancel(Tag(1, 1, 1))
    made.forget(1)
    assert not {"zopiclone", "obermeier", "medikation"} & words_in(made)
    assert [cache.cache_info().currsize for cache in (reading._stem, reading._root)] == [0, 0]


def words_in(root: object) -> set[str]:
    """All words that an object of ours holds, however deep."""
    seen, found, open_ = set[int](), set[str](), [root]
    while open_:
        each = open_.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, str):
            found.update(each.lower().split())
        elif isinstance(each, Mapping):
            open_ += [*each.keys(), *each.values()]
        elif isinstance(each, (list, tuple, set, frozenset, deque)):
            open_ += each
        elif type(each).__module__.startswith(("engine.", "workers.")):
            names = {name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())}
            open_ += [*vars(each).values()] if hasattr(each, "__dict__") else []
            open_ += [getattr(each, name) for name in names if hasattr(each, name)]
    return found
