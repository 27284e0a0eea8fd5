"""Phonemes by each way: of the right word, with their stress, and punctuation around them."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import Job, Rung, Tag
from engine.errors import BackendError
from tests.backends.conformance_vocoder import Collector, run
from workers.backends.espeak import Espeak
from workers.backends.phonemes import Phonemizer, Speller, open_way, plural, units

WAYS = ("flite", "espeak")


def way(name: str, language: str = "en-us") -> Phonemizer:
    return open_way(name, language)


def said(name: str, text: str) -> list[str]:
    return ["".join(part) for part in way(name)(text)]


@pytest.mark.parametrize("name", WAYS)
def test_each_word_has_its_own_phonemes_and_stress_stands_before_the_vowel(name: str) -> None:
    parts = said(name, "Seven boys wash these fine machines")
    assert parts[0] == "sˈɛvən"
    assert parts[1] == "bˈɔɪz"
    assert parts[4] == "fˈaɪn"
    assert parts[5] in ("məʃˈiːnz", "məʃˈinz")


@pytest.mark.parametrize("name", WAYS)
def test_words_are_told_apart_by_what_stands_around_them(name: str) -> None:
    parts = said(name, "they want to record a new record")
    assert parts[3] != parts[6]


@pytest.mark.parametrize("name", WAYS)
def test_words_that_hold_others_together_have_no_stress(name: str) -> None:
    parts = said(name, "the hall of the museum")
    assert "ˈ" not in parts[0] + parts[2] + parts[3]
    assert "ˈ" in parts[1]
    assert "ˈ" in parts[4]


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("text", ["Zorblax quimbles", "AM", "I AM here", "ten o'clock", "it's", "USB", "a m"])
def test_no_word_is_left_out_whether_known_or_not(name: str, text: str) -> None:
    parts = said(name, text)
    if name == "espeak" and text == "I AM here":  # it joins words, and then the first has the sounds of both
        assert parts.pop(1) == ""
    assert all(parts)


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="abc AZ.,'-!?0é", max_size=40))
def test_whatever_the_text_there_is_one_part_for_each(name: str, text: str) -> None:
    found = way(name)
    readable = " ".join(found.readable(text).split())
    assert len(found(readable)) == len(readable.split(" "))


def test_flite_says_the_sounds_of_american_english() -> None:
    assert said("flite", "better bottles, it's cats") == ["bˈɛɾɚ", "bˈɑːɾəlz", "ɪts", "kˈæts"]


def test_flite_makes_phonemes_of_english_only() -> None:
    with pytest.raises(BackendError, match=r"of English only, not of 'de'; set phonemes = \"espeak\"$"):
        way("flite", "de")


def test_espeak_makes_those_of_other_languages_and_knows_when_it_cannot() -> None:
    assert "".join(way("espeak", "de")("Museum")[0]) == "muːzˈeːʊm"
    with pytest.raises(BackendError, match="no phonemes of 'xx'"):
        way("espeak", "xx")


def test_espeak_begins_clean_after_a_synthesis_that_was_stopped() -> None:
    """espeak-ng 1.51 has a letter left over then, in its own text-to-phonemes call."""
    voice = Espeak()
    voice.load(Rung({}))
    run(voice, Job(Tag(1), sink=Collector(limit=4000)), "What is the matter with the hotel elevator?")
    voice.unload()
    first = said("espeak", "hello there")
    assert first == said("espeak", "hello there")
    assert first[0] == "həlˈoʊ"


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(BackendError, match=r"pip install 'antiphon\[espeak\]'$"):
        way("espeak")


def test_punctuation_stands_around_the_phonemes_as_it_stood_around_the_word() -> None:
    parts = Speller(way("flite"), {})("“No,” she said — really?")
    assert [(part.before, part.after) for part in parts] == [("“", ",”"), ("", ""), ("", ""), ("—", ""), ("", "?")]
    assert parts[3].phonemes == ()


def test_the_users_phonemes_come_first_whatever_the_capitals_and_in_the_possessive() -> None:
    spell = Speller(way("flite"), {"Käfer": "kˈɛːfɐ", "Bix": "bɪks"})
    text = " ".join(way("flite").readable(word) for word in ["käfer", "KÄFER's", "bix's", "Käfers"])
    first, second, third, other = spell(text)
    assert first.phonemes == ("k", "ˈɛː", "f", "ɐ")
    assert second.phonemes == (*first.phonemes, "z")
    assert third.phonemes == ("b", "ɪ", "k", "s", "ɪ", "z")
    assert other.phonemes != first.phonemes


def test_written_phonemes_are_taken_apart_where_a_speaker_would() -> None:
    assert units("ˈæntɪ dʒˈaɪ t͡ʃɔːɹ") == ("ˈæ", "n", "t", "ɪ", "dʒ", "ˈaɪ", "tʃ", "ɔː", "ɹ")
    assert plural(("k", "æ", "t")) == ("k", "æ", "t", "s")
