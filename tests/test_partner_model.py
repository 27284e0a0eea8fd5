"""What the partner's small model is trained on: right, made of the facts it gives, and nothing that the bench asks."""

from __future__ import annotations

import re
import sys
from itertools import islice
from pathlib import Path

import pytest
from partnerbench.sheets import by_hand
from partnerbench.wordings import SETS, wordings

sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))

from partner_model import wording as w
from partner_model.generate import Generator


def words(text: str) -> list[str]:
    return re.findall(r"[\w:'-]+", text.lower())


def test_an_answer_is_a_part_of_the_fact_whose_number_it_has_or_a_refusal() -> None:
    answered = refused = 0
    for talk in islice(Generator(1).talks(), 300):
        for _, number, answer in talk.turns:
            if number:
                left = iter(words(talk.facts[number - 1]))
                assert all(word in left for word in words(answer))
            else:
                assert answer == w.UNKNOWN
            answered, refused = answered + bool(number), refused + (not number)
    assert answered > refused > answered / 4


def test_the_same_seed_makes_the_same_conversations() -> None:
    assert list(islice(Generator("a").talks(), 20)) == list(islice(Generator("a").talks(), 20))
    assert list(islice(Generator("a").talks(), 3)) != list(islice(Generator("b").talks(), 3))


def test_no_wording_is_left_with_a_gap_in_it() -> None:
    for talk in islice(Generator(2).talks(), 300):
        text = " ".join([*talk.facts, *(part for asked, _, answer in talk.turns for part in (asked, answer))])
        assert not re.search(r"[{}\[\]|]|  ", text), text


def test_nothing_is_taken_from_the_sheets_of_the_bench() -> None:
    facts = {fact.lower() for sheet in by_hand() for fact in sheet.facts}
    asked = {turn.ask.lower() for sheet in by_hand() for talk in sheet.talks for turn in talk}
    made = {
        text.lower().rstrip("?")
        for talk in islice(Generator(3).talks(), 500)
        for text in (*talk.facts, *(said for said, _, _ in talk.turns))
    }
    assert not made & facts
    # Some short questions are what anybody says: "how long does it take".
    assert len(made & asked) < len(asked) / 20
    things = {thing for name in SETS for thing in (*wordings(name).things, *wordings(name).absent)}
    told = " ".join(made)
    assert not [thing for thing in things if thing.count(" ") > 1 and f" {thing} " in told]


@pytest.mark.xdist_group("torch")  # which takes long to import
@pytest.mark.parametrize(("rows", "columns"), [(6, 20), (20, 6)])
def test_a_step_counts_all_directions_of_a_matrix_alike(rows: int, columns: int) -> None:
    import torch
    from partner_model.muon import orthogonal

    torch.manual_seed(1)
    found = torch.linalg.svdvals(orthogonal(torch.randn(2, rows, columns) * torch.logspace(0, 2, columns)))
    assert found.min() > 0.5
    assert found.max() < 1.5
