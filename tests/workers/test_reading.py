"""Texts are read as people say them, and each spoken word knows which word of the text it stands for."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import Word
from engine.errors import BackendError
from workers.reading.reader import Reader

ENGLISH = Reader("en", {})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        # Times.
        ("at 10:00, or 10:30.", "at ten o'clock, or ten thirty."),
        ("until 6 p.m.", "until six P M."),
        ("from 9:05 am", "from nine oh five A M"),
        ("18:30 to 0:15", "six thirty P M to twelve fifteen A M"),
        ("10:00–18:00", "ten o'clock to six P M"),
        ("25:99", "25:99"),
        # Prices.
        ("$5.99", "five dollars and ninety-nine cents"),
        ("€5, or 1,000 £", "five euros, or one thousand pounds"),
        ("$1 and £0.50", "one dollar and fifty pence"),
        ("$3 million", "three million dollars"),
        ("$2.5 million", "two point five million dollars"),
        # Numbers.
        ("3.14 and -5 and 1,234", "three point one four and minus five and one thousand two hundred thirty-four"),
        ("-0.5", "minus zero point five"),
        ("room 007", "room zero zero seven"),
        ("in 1984.", "in nineteen eighty-four."),
        ("2,024 stairs", "two thousand twenty-four stairs"),
        ("1234567890123456", "one two three four five six seven eight nine zero one two three four five six"),
        ("pages 3-5", "pages three to five"),
        ("#1", "number one"),
        ("3 * 4 = 12", "three times four equals twelve"),
        ("A4 and B2B and 1.2.3", "A4 and B2B and 1.2.3"),
        # Places in a row, dates.
        ("the 1st, 22nd and 103rd", "the first, twenty-second and one hundred third"),
        ("May 3, 2024", "May third, twenty twenty-four"),
        ("on 3 May, or the 4th of May", "on the third of May, or the fourth of May"),
        ("in the 1990s, the 80s, for 30s", "in the nineteen nineties, the eighties, for thirty seconds"),
        ("2024-05-03", "May third, twenty twenty-four"),
        ("5/3/2024", "May third, twenty twenty-four"),
        ("2024-13-45", "2024-13-45"),
        # Units.
        ("5 km, 1 kg, 20°C", "five kilometers, one kilogram, twenty degrees Celsius"),
        ("100 km/h", "one hundred kilometers per hour"),
        ("30% off", "thirty percent off"),
        ("-5 °C", "minus five degrees Celsius"),
        # Addresses and telephone numbers.
        ("info@big-museum.com.", "info at big dash museum dot com."),
        ("https://www.museum.org/tickets/", "museum dot org slash tickets"),
        ("555-1234", "five five five, one two three four"),
        ("+49 30 1234567", "plus four nine, three zero, one two three four five six seven"),
        # Signs and abbreviations.
        ("coffee & tea, e.g. green", "coffee and tea, for example green"),
        ("~5 minutes", "about five minutes"),
        # Markdown and pictures.
        ("**Bold** and _so_ and `x` and ~~no~~", "Bold and so and x and no"),
        ("see [the site](http://x.org/a)", "see the site"),
        ("# Head\n- one\n* two\n> three", "Head one two three"),
        ("| a | b |\n|---|---|\n| c | d |", "a, b c, d"),
        ("<b>bold</b> but 1 < 2", "bold but one < two"),
        ("snake_case and 2*3", "snake_case and two times three"),
        ("Hello \N{GRINNING FACE}\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{THUMBS UP SIGN}\U0001f3fd!", "Hello !"),
        ("**Hello,", "Hello,"),
        # What is said as it is written.
        ("It's Mr. Müller's museum — really?", "It's Mr. Müller's museum — really?"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_english_is_read_as_people_say_it(written: str, said: str) -> None:
    assert ENGLISH.read(written).said == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("de", "Um 10:00 Uhr oder 1:30 Uhr", "Um zehn Uhr oder ein Uhr dreißig"),
        ("de", "am 3. Mai, 5,99 €", "am dritten Mai, fünf Euro neunundneunzig"),
        ("de", "1.234,5 km und 1 kg", "eintausendzweihundertvierunddreißig Komma fünf Kilometer und ein Kilogramm"),
        ("de", "3.5.1984", "dritte Mai neunzehnhundertvierundachtzig"),
        ("fr", "à 10h30, 5,99 €", "à dix heures trente, cinq euros quatre-vingt-dix-neuf"),
        ("fr", "à 1h15", "à une heure quinze"),
        ("fr", "le 1er mai, 20 %", "le premier mai, vingt pour cent"),
        ("fr", "1 234 pages", "mille deux cent trente-quatre pages"),
        ("es", "10:30, 5,99 €", "diez y treinta, cinco euros con noventa y nueve"),
        ("it", "10:30, 5,99 €", "dieci e trenta, cinque euro e novantanove"),
        # Of other languages we have the data alone, and leave to the voice what they do not say.
        ("pl", "15 km, 5,5", "piętnaście kilometrów, 5,5"),
        ("pt-br", "5 km", "cinco quilômetros"),
        ("xx", "**5 km** at 10:30", "5 km at 10:30"),
    ],
)
def test_other_languages_are_read_by_their_own_rules(language: str, written: str, said: str) -> None:
    assert Reader(language, {}).read(written).said == said


def test_each_spoken_word_knows_the_word_it_stands_for() -> None:
    reading = ENGLISH.read("Take 5 km at 10 a.m. for $3 million")
    spoken = [(word, reading.text.split()[n]) for word, n in zip(reading.said.split(), reading.numbers, strict=True)]
    assert spoken == [
        ("Take", "Take"),
        ("five", "5"),
        ("kilometers", "km"),
        ("at", "at"),
        ("ten", "10"),
        ("A", "10"),
        ("M", "a.m."),
        ("for", "for"),
        ("three", "$3"),
        ("million", "$3"),
        ("dollars", "million"),
    ]


def test_from_the_words_of_the_voice_back_to_those_of_the_text() -> None:
    reading = ENGLISH.read("\N{GRINNING FACE} It costs $5.99 **now**")
    told = [Word(word, 100 * number) for number, word in enumerate(reading.said.split())]
    # It costs five dollars and ninety-nine cents now
    assert reading.words(told) == (
        Word("\N{GRINNING FACE}", 0),
        Word("It", 0),
        Word("costs", 100),
        Word("$5.99", 200),
        Word("**now**", 700),
    )
    assert reading.words(told[:-1]) == ()
    assert reading.words(()) == ()


_WORDS = st.text(alphabet="aB1.,5:0-$€%*_#|[]()`~ \n\N{GRINNING FACE}@/°k", max_size=60)


@settings(max_examples=150, deadline=None)
@given(_WORDS)
def test_whatever_is_read_every_spoken_word_stands_for_one_in_order(text: str) -> None:
    reading = ENGLISH.read(text)
    assert len(reading.said.split()) == len(reading.numbers)
    assert list(reading.numbers) == sorted(reading.numbers)
    assert all(0 <= number < len(text.split()) for number in reading.numbers)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_no_text_is_too_strange(text: str) -> None:
    ENGLISH.read(text)


@pytest.mark.parametrize(
    "text", ["-" * 2000 + "x", "[" * 2000, "*" * 2001, "a-" * 2000, "a." * 2000, "1," * 2000, "|" * 2000]
)
def test_no_text_takes_long_to_read(text: str) -> None:
    """The patterns do not try everything: the test itself would never end."""
    ENGLISH.read(text)


def test_the_lexicon_says_words_and_phrases_whatever_their_capitals_and_wherever_they_end() -> None:
    reader = Reader("en", {"Antiphon": "anti fon", "Bar  Zwei": "bar tsvy", "C++": "see plus plus"})
    assert reader.read("ANTIPHON's (antiphon) Bar Zwei, C++!").said == "anti fon's (anti fon) bar tsvy, see plus plus!"
    assert reader.read("Antiphons BarZwei").said == "Antiphons BarZwei"
    reading = reader.read("the Bar Zwei here")
    assert reading.numbers == (0, 1, 2, 3)


def test_a_word_whose_phonemes_are_given_reaches_the_voice_as_it_is_written() -> None:
    assert Reader("en", {"Zorblax": "/zˈɔːɹblæks/"}).read("Zorblax 5").said == "Zorblax five"


def test_without_normalising_only_the_lexicon_counts() -> None:
    assert Reader("en", {"Antiphon": "anti fon"}, normalise=False).read("**Antiphon** 5").said == "**anti fon** 5"


def test_a_missing_library_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "unicode_rbnf", None)
    with pytest.raises(BackendError, match=r"pip install unicode-rbnf Babel, or set vocoder\.normalise = false$"):
        Reader("en", {})
    Reader("en", {}, normalise=False)
