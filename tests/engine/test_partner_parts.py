"""What the answerer is made of: numbers, stems, kinds of fact, sounds, what is expected to be said."""

from __future__ import annotations

import pytest

from engine.partner.english import ENGLISH
from engine.partner.expecting import alike, expected
from engine.partner.facts import WORDS, Facts, days_of, describe
from engine.partner.filling import Filling
from engine.partner.phonetics import Ear, likeness, sounds
from engine.partner.question import read
from engine.partner.reading import lexicon, number_at
from engine.partner_settings import Parameter

LEXICON = lexicon(ENGLISH)


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        ("10", 10, 1),
        ("2.5 meters", 2.5, 1),
        ("ten", 10, 1),
        ("twenty five", 25, 2),
        ("two and a half", 2.5, 4),
        ("half a meter", 0.5, 2),
        ("a hundred and twelve", 112, 4),
        ("three hundred and five", 305, 4),
        ("two thousand", 2000, 2),
        ("seven thirty", 7, 1),
        ("five fifty", 5, 1),
    ],
)
def test_numbers_in_words_and_digits(text: str, value: float, words: int) -> None:
    assert number_at(ENGLISH, text.split(), 0) == (value, words)


@pytest.mark.parametrize(
    "forms", ["take takes taking", "swim swimming", "ticket tickets", "child children child's", "close closed"]
)
def test_forms_of_a_word_have_one_stem(forms: str) -> None:
    assert len({LEXICON.stem(form) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("The bar is open from nine to eleven.", {"time", "until"}),
        ("Breakfast costs eighteen dollars.", {"price"}),
        ("Up to forty people may be here at the same time.", {"count"}),
        ("Wedding hair is booked six weeks ahead.", {"long", "time"}),
        ("Hydrangeas are watered every day.", {"time", "often"}),
        ("Tours set off twice a week.", {"often"}),
        ("Lockers are by the main gate.", {"place", "there"}),
        ("The hall is run by Sofia Brandt.", {"person"}),
        ("The tavern in the stables serves soup.", {"place"}),
        ("The oldest tree was planted in 1774.", {"age", "time"}),
        ("Children come in free.", {"price"}),
        ("The special is trout, for nineteen fifty.", {"price"}),
        ("The bar is behind the lobby.", {"place"}),
        ("The lift is behind you.", {"place"}),
        ("The lift is next to you.", {"place"}),
        ("The lift is to your left.", {"place"}),
        ("The lift is over there.", {"place"}),
        ("The lift is right here.", {"place"}),
        ("There is a lift.", set()),
        ("The ride takes forty minutes.", {"long"}),
        ("The lake is two kilometers away.", {"far"}),
        ("Trains leave every hour.", {"often"}),
        ("The chef is Giulia Romano.", {"person"}),
        ("The hall has room for sixty people.", {"count"}),
        ("Founded in 1887.", {"time"}),
        ("Entry to the sauna is rather warm.", set()),
    ],
)
def test_what_a_fact_can_answer(text: str, kinds: set[str]) -> None:
    found = describe(LEXICON, text).kinds
    assert kinds <= found
    assert not found & ({"time", "price", "place", "long", "person"} - kinds)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Up to forty people may be here at the same time.", "time"),  # "may" is a month, too
        ("Tours set off twice a week.", "long"),
        ("The hall is run by Sofia Brandt.", "place"),
        ("The oldest tree was planted in 1774.", "count"),
        ("Nobody younger than six years is let in.", "long"),
        ("Cancel up to one day before.", "until"),
    ],
)
def test_what_a_fact_does_not_answer_though_it_looks_like_it(text: str, kind: str) -> None:
    assert kind not in describe(LEXICON, text).kinds


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Monday to Friday", {0, 1, 2, 3, 4}),
        ("on weekends", {5, 6}),
        ("every day but Monday", set(range(7))),
        ("Sundays", {6}),
    ],
)
def test_days(text: str, days: set[int]) -> None:
    assert days_of(LEXICON, LEXICON.read(LEXICON.words(text))) == days


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("how much is it", "price"),
        ("how much time do I need", "long"),
        ("what time is breakfast", "time"),
        ("which way to the station", "place"),
        ("who is the boss", "person"),
        ("how many seats are there", "count"),
        ("is there a bar", ""),
        ("found much is it", "price"),
        ("and though many are there", "count"),
        ("not much is open", ""),
        ("pretty much is open", ""),
        ("if many are coming is there a table", ""),
        ("people often have dogs", ""),
    ],
)
def test_what_kind_of_answer_a_question_wants(text: str, kind: str) -> None:
    assert read(LEXICON, text).kind == kind


def test_words_that_sound_alike_are_alike() -> None:
    def like(one: str, other: str) -> float:
        return likeness(sounds(one), "".join(map(sounds, other.split())))

    assert like("museum", "museum") == 1
    assert min(like("museum", "mew seem"), like("toilet", "toy let"), like("wifi", "why fire")) > 0.7
    assert max(like("museum", "garage"), like("ticket", "toilet"), like("a", "museum")) < 0.78


def test_a_known_pronunciation_counts_more_than_the_spelling() -> None:
    said = {"leeds": "L IY D Z", "leads": "L IY D Z"}
    assert Ear(["leeds"], lambda word: said.get(word, "")).alike("leads", 0.99) == [("leeds", 1.0)]


def test_words_for_the_same_and_everyday_phrases_are_as_likely() -> None:
    found = alike("en-GB", ["where is the toilet", "lobby"])
    assert {"bathroom …", "ladies room …", "how much is it", "yes", "can i …"} <= {*found}
    assert "wheelchair …" not in found  # means the same as nothing in these
    assert not any("_" in phrase or "=" in phrase for phrase in found)
    assert len(found) == len({*found})
    assert alike("xx", ["lobby"]) == ()


def test_what_people_are_likely_to_ask_is_expected_once() -> None:
    found = expected("en", ["The bar is open from nine to eleven.", "The bar is behind the lobby."], ["Open the gate"])
    assert {"when does the bar open", "where is the bar", "lobby", "open the gate"} <= {*found}
    assert len(found) == len({*found})
    assert expected("xx", ["Alpha beta."], []) == ()


def test_numbers_that_a_tool_takes_are_not_expected_in_digits() -> None:
    """No recogniser can pronounce them, and its owner would be told so."""
    assert expected("en", [], ["Turn to a channel", "1", "200", "left"]) == ("turn to a channel", "left")


@pytest.mark.parametrize(
    ("name", "said", "value"),
    [
        ("on", "switch off the lights on level two", False),
        ("on", "turn the heating off on monday", False),
        ("on", "turn the lamp off that is on in the hall", False),
        ("on", "turn the light in the room on", True),
        ("on", "please switch off the lanterns on the south pier", False),
        ("on", "go on the left", None),
        ("on", "lights off", False),
        ("on", "yes", True),
        ("open", "leave the gate on level two closed", False),
        ("open", "open the gate by the bus stop", True),
        ("open", "open the north gate no rush", True),
        ("open", "the gate that is open should be closed", False),
        ("color", "print ten copies in black and white", False),
        ("color", "run off two color copies", True),
    ],
)
def test_a_yes_or_no_is_told_by_its_name_or_by_what_is_switched(name: str, said: str, value: bool | None) -> None:
    assert Filling(LEXICON, said.split()).fill([Parameter(name, "boolean")]).get(name) is value


def test_what_somebody_looks_for_is_told_by_words_that_are_hardly_anything_else() -> None:
    known = {"drunk", "saw", "wound", "leaves", "felt", "led", "torn"}
    for line in ENGLISH.leads:
        wanted, _, said = line.partition(" : ")
        assert wanted
        assert said
        assert len(set(said.split())) == len(said.split()), line
        for entry in said.split():
            words = LEXICON.words(entry.replace("_", " "))
            assert words[0] not in ("how", "what", "when", "where", "who", "which", "why"), entry
            assert entry not in known
            assert len(words) > 1 or words[0] not in LEXICON.stop, entry
    assert len({line.partition(" : ")[0] for line in ENGLISH.leads}) == len(ENGLISH.leads)


def test_what_visitors_said_is_compared_with_a_bounded_number_of_words_and_forgotten() -> None:
    facts = Facts(LEXICON, ["The pool is on the roof.", "Parking costs ten euros."], frozenset())
    context = [describe(LEXICON, f"It is {degrees} degrees.") for degrees in range(20)]
    for number in range(3 * WORDS):
        for asked in facts.ask(LEXICON.read([f"word{number}"])):
            for fact in (*facts.all, *context):
                asked.match(fact)
    assert len(facts._found) <= WORDS
    assert all(len(found) <= len(facts.all) for found, _ in facts._found.values())
    facts.forget()
    assert not facts._found
