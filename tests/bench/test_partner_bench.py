"""bench/partner.py: the sheets are sound, answers are judged by what they say, and any backend can be asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import partner
import pytest
from partnerbench.hearing import Voice
from partnerbench.judging import judge, normal
from partnerbench.sheets import Sheet, Turn, by_hand, generated
from partnerbench.wordings import SETS, wordings

from engine.config import load
from engine.config_layers import SYSTEM_CONFIG

HAND = list(by_hand())
SHEET = Sheet("test", "tune", ("The bar is open from ten to six.",), {"name": "Robin"}, (), (), ())


def test_there_are_more_questions_by_hand_than_were_asked_for() -> None:
    assert sum(len(talk) for sheet in HAND for talk in sheet.talks) >= 100
    assert len(HAND) >= 10
    assert {sheet.of for sheet in HAND} == {*SETS, "dev"}


@pytest.mark.parametrize("sheet", HAND, ids=lambda sheet: sheet.name)
def test_every_turn_has_one_thing_that_is_right_and_facts_that_hold_it(sheet: Sheet) -> None:
    known = normal(" ".join([*sheet.facts, *sheet.context]))
    for turn in (turn for talk in sheet.talks for turn in talk):
        wanted = [turn.says, turn.refuse, turn.call, turn.back, turn.no_call, turn.talk]
        assert sum(map(bool, wanted)) == 1, turn.ask
        assert all(normal(each) in known for each in turn.says), turn
        assert not turn.call or turn.call in {tool["name"] for tool in sheet.tools}


@pytest.mark.parametrize("name", SETS)
def test_generated_sheets_are_the_same_for_a_seed_and_others_for_another(name: str) -> None:
    first, again, other = (list(generated(wordings(name), name, seed, 1)) for seed in (1, 1, 2))
    assert first == again != other
    assert 20 <= len(first[0].facts) <= 40


def test_a_voice_with_the_same_seed_sounds_the_same() -> None:
    """flite breathes by chance, and the noise is chance too."""
    for noise_db in (None, 20.0):
        voice = Voice(load(environ={SYSTEM_CONFIG: ""}), "rms", noise_db)
        one, other, again = (voice.say("Where is the lift?", seed).tobytes() for seed in (1, 2, 1))
        assert one == again != other


def test_the_sets_have_hardly_a_thing_in_common() -> None:
    things = {name: {*wordings(name).things} for name in SETS}
    for name, own in things.items():
        others = set().union(*(each for other, each in things.items() if other != name))
        assert len(own & others) <= 4, name


@pytest.mark.parametrize(
    ("turn", "text", "good"),
    [
        (Turn("when", says=("six",)), "From ten to 6.", True),
        (Turn("when", says=("six",)), "I don't know that, but: from ten to six.", False),
        (Turn("when", says=("six",)), "At sixteen.", False),
        (Turn("when", says=("six",)), "Six. " + "And so on. " * 20, False),
        (Turn("who", refuse=True), "I am sorry, I don't know that.", True),
        (Turn("who", refuse=True), "The bar is open from ten to six.", False),
        (Turn("hi", talk="hello"), "Hello.", True),
    ],
)
def test_an_answer_is_judged_by_what_it_says(turn: Turn, text: str, good: bool) -> None:
    (kind,) = judge(SHEET, turn, [turn.ask], text, []).keys() & {"answers", "refusals", "small talk"}
    assert judge(SHEET, turn, [turn.ask], text, [])[kind] is good


def test_a_number_or_a_name_from_nowhere_is_invented() -> None:
    turn = Turn("when", says=("six",))
    assert judge(SHEET, turn, ["until seven?"], "Until six, not seven.", [])["not invented"]
    assert not judge(SHEET, turn, ["when"], "From nine to six.", [])["not invented"]
    assert not judge(SHEET, turn, ["when"], "Until six, says Anna.", [])["not invented"]


def test_another_backend_is_asked_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    arguments = ["--only", "by hand, third", "--set", "llm.backend=repeat", "--json", str(written)]
    monkeypatch.setattr(sys, "argv", ["partner.py", *arguments])
    assert partner.main() == 0
    (figures,) = json.loads(written.read_text()).values()
    assert figures["answers"][0] == figures["refusals"][0] == 0
    assert figures["answers"][1] > 50
