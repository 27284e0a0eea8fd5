"""Behind the recogniser: what was heard is kept if it means something, and else what sounds like it and does is taken,
in time."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from engine.config import Config, load
from engine.config_layers import SYSTEM_CONFIG
from engine.contract import Alternative, Exchange, Job, Tag
from engine.partner.english import ENGLISH
from engine.partner.reconsidering import Meaning
from workers.reconsider import Pause, Reconsider

LATE = 1 << 62
FACTS = '["Our chef is Giulia Romano.", "The pool is on the roof.", "Parking costs ten euros a day."]'
TAXI = '[{name = "call_taxi", description = "Call a taxi", parameters = {people = "integer"}}]'
POOL = (Exchange("is there a pool", "The pool is on the roof."),)


def configured(*sets: str) -> Config:
    return load(sets=[f"facts={FACTS}", f"tools={TAXI}", "llm.backend=facts", *sets], environ={SYSTEM_CONFIG: ""})


class Ears:
    """A recogniser that has alternatives, and notes when it is asked for them."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.asked = texts, 0

    def alternatives(self, most: int) -> Sequence[Alternative]:
        self.asked += 1
        return [Alternative(text, float(at)) for at, text in enumerate(self.texts)][:most]


@pytest.fixture(scope="module")
def made() -> Reconsider:
    found = Reconsider.of(configured())
    assert found is not None
    return found


class Slow:
    """To look at a sentence takes 30 ns, of a clock of its own."""

    def __init__(self, made: Reconsider, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.looked = 0, list[str]()
        partner = made._facts._partner
        self._meaning = partner.meaning
        monkeypatch.setattr(partner, "meaning", self._slowly)
        monkeypatch.setattr("workers.reconsider.time.monotonic_ns", lambda: self.now)

    def _slowly(self, text: str, history: Sequence[Exchange], context: Sequence[str]) -> Meaning:
        self.looked.append(text)
        self.now += 30
        return self._meaning(text, history, context)


def words(made: Reconsider, job: Job, ears: Ears, until_ns: int) -> str:
    """What is gone on with."""
    return made.text(job, ears, until_ns)[0]


def job(text: str, history: tuple[Exchange, ...] = (), context: tuple[str, ...] = ()) -> Job:
    return Job(Tag(1, 1, 1), text=text, history=history, context=context)


def test_what_means_something_is_kept_and_costs_the_recogniser_nothing(made: Reconsider) -> None:
    ears = Ears("where is the pool")
    for heard in ("who is the cook", "thank you very much", "how are you today", "call a taxi now", ""):
        assert words(made, job(heard), ears, LATE) == heard
    assert ears.asked == 0


def test_what_means_nothing_gives_way_to_what_sounds_like_it_and_does(made: Reconsider) -> None:
    assert words(made, job("who is the coop"), Ears("who is the coop", "who is the cook"), LATE) == "who is the cook"


def test_few_words_are_believed_since_nearly_anything_sounds_like_them(made: Reconsider) -> None:
    ears = Ears("where is the pool")
    for heard in ("no", "bill", "be quiet", "mm"):
        assert words(made, job(heard), ears, LATE) == heard
    assert ears.asked == 0


def test_two_words_are_reconsidered_only_for_such_as_are_near(made: Reconsider) -> None:
    assert words(made, job("band pool"), Ears("and pool"), LATE) == "and pool"
    assert words(made, job("all done"), Ears("and pool"), LATE) == "all done"


@pytest.mark.parametrize("heard", ["wait wait wait", "hold on hold on", "stop it stop it", "mm mm mm", "i see okay"])
def test_commands_and_murmurs_are_believed_since_they_are_not_for_the_facts(made: Reconsider, heard: str) -> None:
    ears = Ears("where is the pool")
    assert words(made, job(heard), ears, LATE) == heard
    assert ears.asked == 0


def test_what_may_answer_a_question_of_the_host_is_believed(made: Reconsider) -> None:
    asked = (Exchange("", "What is your name?"),)
    assert words(made, job("my name is wear", asked), Ears("where is the pool"), LATE) == "my name is wear"


def test_no_alternative_is_begun_that_may_take_longer_than_there_is_time(
    made: Reconsider, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(made, monkeypatch)
    others = [f"who is the coop {n}" for n in range(9)]
    assert words(made, job("who is the coop"), Ears(*others), 100) == "who is the coop"
    assert slow.looked == ["who is the coop", *others[:2]]


def test_what_there_was_no_time_for_is_looked_at_when_it_is_asked_again(
    made: Reconsider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same utterance, of which more was heard: nothing twice, but all anew when it leans on something else."""
    slow = Slow(made, monkeypatch)
    made.forget(1)
    heard, ears = job("who is the coop"), Ears("who is the loop", "who is the hoop", "who is the cook")
    assert made.text(heard, ears, 80) == ("who is the coop", False)
    assert made.text(heard, ears, slow.now + 100) == ("who is the cook", True)
    assert slow.looked == ["who is the coop", *ears.texts]
    assert made.text(job("who is the poop"), ears, slow.now + 100) == ("who is the cook", True)
    assert slow.looked[4:] == ["who is the poop"]
    assert made.text(job("who is the coop", POOL), ears, LATE) == ("who is the cook", True)
    assert slow.looked[5:] == ["who is the coop", *ears.texts]


def test_words_are_settled_when_nothing_more_can_come_of_them(made: Reconsider) -> None:
    assert made.text(job("who is the cook"), Ears(), LATE) == ("who is the cook", True)
    assert made.text(job("who is the coop"), Ears("who is the coop", "what is a hoop"), LATE) == (
        "who is the coop",
        True,
    )
    assert made.text(job("who is the coop"), Ears(), LATE) == ("who is the coop", False)  # there are none yet


def test_words_that_a_recogniser_would_choose_by_now_are_believed_until_the_final_ones_come(made: Reconsider) -> None:
    """What is done upon words waits for those."""
    heard, taxi = job("crawl a taxi no how"), Ears("call a taxi now")
    assert made.text(heard, taxi, LATE, so_far=True) == ("call a taxi now", True)
    assert made.text(heard, taxi, LATE) == (heard.text, True)
    second = Ears("crawl a taxi no how", "call a taxi now")
    assert made.text(heard, second, LATE, so_far=True) == (heard.text, True)


@pytest.mark.parametrize("best", ["stop it stop it", "mm mm mm", "the bill", "no"])
def test_a_command_or_a_word_or_two_is_only_what_was_heard(made: Reconsider, best: str) -> None:
    """Nobody waits for the final words of a command."""
    heard = job("who is the coop")
    assert made.text(heard, Ears(best, "who is the cook"), LATE, so_far=True) == ("who is the cook", True)


def test_at_a_pause_other_words_are_looked_for_when_all_that_was_said_is_covered_and_once_more(
    made: Reconsider,
) -> None:
    """A second time more is known of the last word."""
    pause, heard = Pause(end=1000, rate=1000), job("who is the coop")
    none, cook = Ears("who is the coop"), Ears("who is the coop", "who is the cook")
    told = [pause.text(made, heard, ears, upto, LATE) for upto, ears in ((990, cook), (1000, none), (1020, cook))]
    assert told == [("who is the coop", False), ("who is the coop", True), ("who is the coop", True)]
    assert (none.asked, cook.asked) == (1, 0)
    assert pause.text(made, heard, cook, 1060, LATE) == ("who is the cook", True)
    assert [pause.text(made, heard, none, upto, LATE) for upto in (1080, 2000)] == [("who is the cook", True)] * 2
    assert (none.asked, cook.asked) == (1, 1)


@pytest.mark.parametrize("until_ns", [1, LATE])
def test_at_a_pause_what_was_found_is_kept_though_a_second_look_finds_nothing(made: Reconsider, until_ns: int) -> None:
    """The answer to it is under way."""
    pause, heard = Pause(end=1000, rate=1000), job("who is the coop")
    assert pause.text(made, heard, Ears("", "who is the cook"), 1000, LATE) == ("who is the cook", True)
    assert pause.text(made, heard, Ears("who is the coop"), 1060, until_ns) == ("who is the cook", True)


def test_at_a_pause_what_there_was_no_time_for_is_looked_at_with_the_next_sound(made: Reconsider) -> None:
    pause, heard, cook = Pause(end=1000, rate=1000), job("who is the coop"), Ears("who is the coop", "who is the cook")
    assert pause.text(made, heard, cook, 1000, until_ns=1) == ("who is the coop", False)
    assert pause.text(made, heard, cook, 1020, LATE) == ("who is the cook", True)


def test_at_a_pause_words_that_change_are_looked_at_at_once(made: Reconsider) -> None:
    pause, cook = Pause(end=1000, rate=1000), Ears("who is the coop", "who is the cook")
    assert pause.text(made, job("who is the coop"), cook, 1000, LATE) == ("who is the cook", True)
    assert pause.text(made, job("how much is parking"), cook, 1020, LATE) == ("how much is parking", True)
    assert pause.text(made, job("who is the loop"), cook, 1040, LATE) == ("who is the cook", True)


def test_once_the_final_words_are_asked_for_it_looks_no_more_and_keeps_what_it_found(made: Reconsider) -> None:
    pause, heard, cook = Pause(end=1000, rate=1000), job("who is the coop"), Ears("who is the coop", "who is the cook")
    assert pause.text(made, heard, cook, 1000, until_ns=0) == ("who is the coop", False)
    assert pause.text(made, heard, cook, 1020, LATE) == ("who is the cook", True)
    assert pause.text(made, heard, cook, 1100, until_ns=0) == ("who is the cook", True)
    assert cook.asked == 1
    pause, none = Pause(end=1000, rate=1000), Ears("who is the coop")
    assert pause.text(made, heard, none, 1000, LATE) == ("who is the coop", True)
    assert pause.text(made, heard, none, 1100, until_ns=0) == ("who is the coop", True)
    assert none.asked == 1


def test_at_a_pause_what_was_found_is_settled_when_all_was_looked_at_later(
    made: Reconsider, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause, heard = Pause(end=1000, rate=1000), job("who is the coop")
    monkeypatch.setattr(made, "text", lambda *_, **__: ("who is the cook", False))
    assert pause.text(made, heard, Ears(), 1000, LATE) == ("who is the cook", False)
    monkeypatch.undo()
    assert pause.text(made, heard, Ears("who is the coop"), 1020, LATE) == ("who is the cook", True)


def test_what_may_answer_a_question_back_is_believed(made: Reconsider) -> None:
    """What was asked for may be any words, and would be done."""
    asked = (Exchange("call a taxi", "How many people?"),)
    assert words(made, job("for the beetle there", asked), Ears("where is the pool"), LATE) == "for the beetle there"
    assert words(made, job("for the beetle there"), Ears("where is the pool"), LATE) == "where is the pool"


def test_it_stops_when_the_words_are_due(made: Reconsider) -> None:
    ears = Ears("who is the coop", "who is the cook")
    assert words(made, job("who is the coop"), ears, time.monotonic_ns() - 1) == "who is the coop"
    assert ears.asked == 0


def test_what_the_phrasebook_answers_means_something() -> None:
    entries = '[{patterns = ["who is the coop"], answers = ["A house for hens."]}]'
    made = Reconsider.of(configured(f"llm.phrasebook.entries={entries}"))
    assert made is not None
    ears = Ears("who is the cook")
    assert words(made, job("who is the coop"), ears, LATE) == "who is the coop"
    assert ears.asked == 0


def test_it_may_lean_on_the_turn_before(made: Reconsider) -> None:
    ears = Ears("hair is it", "where is it")
    assert words(made, job("hair is it", POOL), ears, LATE) == "where is it"
    assert words(made, job("hair is it"), ears, LATE) == "hair is it"


def test_what_the_host_gives_to_know_means_something(made: Reconsider) -> None:
    ears = Ears("how much is parking")
    known = ("The bus costs two euros.",)
    assert words(made, job("how much is the bus", context=known), ears, LATE) == "how much is the bus"
    assert words(made, job("how much is the bus"), ears, LATE) == "how much is parking"


@pytest.mark.parametrize(
    "sets",
    [
        ("asr.reconsider=false",),
        ("llm.backend=repeat",),
        ("llm.backend=phrasebook",),
        ("llm.backend=host",),
        ('llm.rungs=[{name = "big", backend = "openai"}, {name = "small", backend = "facts"}]', "llm.openai.model=big"),
    ],
)
def test_it_is_there_only_where_facts_answer(sets: tuple[str, ...]) -> None:
    """A host's own dialogue understands more than facts, which it may fall back to."""
    assert Reconsider.of(configured(*sets)) is None


def test_it_is_there_only_in_a_language_that_facts_are_understood_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.reconsider.LANGUAGES", {"fi": ENGLISH})
    assert Reconsider.of(configured()) is None


def test_where_facts_only_find_what_a_model_words_it_is_there_too() -> None:
    assert Reconsider.of(configured("llm.backend=reword")) is not None
