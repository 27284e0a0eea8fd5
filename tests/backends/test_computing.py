"""The backends that really compute keep the contract like any other, on the smallest nets there are; and what they tell
comes of the computing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from engine.config import load
from engine.contract import Ended, Event, Exchange, Job, Rung, Tag
from engine.errors import BackendError
from tests.backends import conformance, conformance_llm, conformance_vocoder
from tests.backends.conformance import Driven, ends
from tests.backends.conformance_asr import RecogniserConformance, heard
from tests.backends.conformance_llm import LlmConformance
from tests.backends.conformance_vocoder import RATE, VocoderConformance
from tests.backends.llm_driver import Driver
from tests.engine_run import question
from tests.leases import Recorded
from workers.backends.computing_asr import ComputingRecogniser
from workers.backends.computing_llm import ComputingAnswers, prompt_of
from workers.backends.computing_net import Ears, Mind, Size, tokens_of
from workers.backends.computing_vocoder import ComputingVoice
from workers.backends.registry import rung

pytest.importorskip("ctranslate2")
EXTRA = 'pip install "antiphon[ctranslate2]"'
SMALL, OTHER = {"heads": 1, "layers": 1}, {"heads": 2, "layers": 1}
LONG = "one, two and three, four and five, six and seven, eight and nine, ten and eleven, {text}"


def answering(**changed: Any) -> Rung:
    sets = {"llm.backend": "computing", "llm.computing.words": "repeat", **changed}
    small = [f"llm.computing.{key}={value}" for key, value in SMALL.items()]
    return rung("llm", load(sets=[*small, *(f"{key}={value}" for key, value in sets.items())]))


class TestRecogniser(RecogniserConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> conformance.Subject:
        broken = {"another language": (Rung(SMALL, language="de"), '"de"')}
        return conformance.Subject(
            ComputingRecogniser,
            Rung(SMALL),
            other=Rung(OTHER, expected=("call a taxi",)),
            broken=broken,
            library=("ctranslate2", EXTRA),
        )


class TestAnswers(LlmConformance):
    @pytest.fixture
    def subject(self) -> conformance_llm.Subject:
        return conformance_llm.Subject(
            make=ComputingAnswers,
            rung=answering(),
            question="how do you do",
            answer="You said how do you do.",
            long=answering(**{"phrases.en.repeat": LONG * 20}),
            other=answering(**{"llm.computing.heads": 2, "llm.computing.words": "phrasebook"}),
            broken={"no such words": (Rung({**SMALL, "words": "own"}), "'own'")},
            too_long=False,
        )


class TestVoice(VocoderConformance):
    @pytest.fixture
    def subject(self) -> conformance_vocoder.Subject:
        return conformance_vocoder.Subject(ComputingVoice, SMALL, wobble=RATE * 240 // 1000)  # flite's noise is random


class Counted:
    """Stands before a net and counts what it computes."""

    def __init__(self, net: Any) -> None:
        self._net = net
        self.encoded, self.written, self.read_of = 0, 0, list[int]()

    def encode(self, features: Any) -> Any:
        self.encoded += 1
        return self._net.encode(features)

    def write(self, *arguments: Any) -> None:
        self.written += 1
        self._net.write(*arguments)

    def read(self, tokens: int) -> None:
        self.read_of.append(tokens)
        self._net.read(tokens)

    def close(self) -> None:
        self._net.close()


def counted(backend: Any) -> Counted:
    backend._net = Counted(backend._net)
    found: Counted = backend._net
    return found


class Leased(Counted):
    """Computes only with the lease, which is looked at between the two calls of a pass."""

    def __init__(self, net: Any, lease: Recorded) -> None:
        super().__init__(net)
        self._lease = lease

    def encode(self, features: Any) -> Any:
        assert self._lease.calls[-1] == "take"
        return super().encode(features)

    def write(self, *arguments: Any) -> None:
        assert self._lease.calls[-1] == "turn"
        super().write(*arguments)


@pytest.fixture
def recogniser() -> Iterator[Driven]:
    driven = Driven(conformance.Subject(ComputingRecogniser, Rung(SMALL)))
    yield driven
    driven.backend.unload()


def test_no_word_is_told_before_a_pass_has_been_through_its_sound(recogniser: Driven) -> None:
    net, job = counted(recogniser.backend), Job(Tag(1))
    events: list[Event] = []
    recogniser.backend.begin(job)
    for start in range(0, len(question()), 960):
        recogniser.backend.feed(job, question()[start : start + 960])
        found = [*recogniser.backend.step(0), *recogniser.steps()]
        assert net.written or not heard(found)
        events += found
    recogniser.backend.finish(job)
    passes = net.encoded
    (final,) = heard(recogniser.until_ended(job))
    assert final.final
    assert net.encoded > passes, "there was sound that no pass had been through"


def test_after_a_pass_over_the_pause_finish_computes_no_more(recogniser: Driven) -> None:
    net, job, sound = counted(recogniser.backend), Job(Tag(1)), question()
    recogniser.feed(job, [sound])
    recogniser.backend.pause(job, len(sound))  # type: ignore[attr-defined]
    recogniser.until(lambda came: any(each.upto == len(sound) for each in heard(came)), "the words of the pause")
    passes = net.encoded
    recogniser.backend.finish(job)
    assert heard(recogniser.until_ended(job))[-1].final
    assert net.encoded == passes


def test_a_pass_takes_the_lease_and_gives_it_back(recogniser: Driven) -> None:
    lease, backend, sound, began_ns = Recorded(), recogniser.backend, question(), time.monotonic_ns()
    assert isinstance(backend, ComputingRecogniser)
    backend._rung = replace(backend._rung, lease=lease)
    backend._net = net = Leased(backend._net, lease)  # type: ignore[assignment]
    recogniser.feed(job := Job(Tag(1)), [sound])
    backend.pause(job, len(sound))
    recogniser.until(lambda came: any(each.upto == len(sound) for each in heard(came)), "the words of the pause")
    backend.finish(job)
    assert heard(recogniser.until_ended(job))[-1].final
    assert [lease.calls.count(call) for call in ("take", "turn", "give")] == [net.encoded, net.written, net.encoded]
    assert lease.calls[-1] == "give"
    assert min(due_ns for call, due_ns in lease.asked if call != "give") > began_ns


def test_a_net_that_fails_fails_its_job_alone(recogniser: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of everything")

    job = Job(Tag(1))
    with monkeypatch.context() as patched:
        patched.setattr(Ears, "encode", fail)
        events = recogniser.feed(job, [question()])
        recogniser.backend.finish(job)
        events += recogniser.steps() if ends(events) else recogniser.until_ended(job)
    assert [event for event in events if not heard([event])] == [Ended(job.tag, "failed", "out of everything")]
    again = Job(Tag(2))
    recogniser.feed(again, [question()])
    recogniser.backend.finish(again)
    assert heard(recogniser.until_ended(again))[-1].text


def test_an_answer_takes_as_many_tokens_as_its_words_have(monkeypatch: pytest.MonkeyPatch) -> None:
    driver, made = Driver(ComputingAnswers()), list[tuple[int, int]]()
    driver.load(answering())
    write = Mind.write

    def spy(self: Mind, prompt: int, tokens: int, take: Any) -> None:
        made.append((prompt, tokens))
        write(self, prompt, tokens, take)

    monkeypatch.setattr(Mind, "write", spy)
    driver.ask("go forward", Tag(1, 1, 1))
    driver.backend.unload()
    assert made == [
        (prompt_of(Job(Tag(), text="go forward")), sum(map(tokens_of, ("You ", "said ", "go ", "forward."))))
    ]


def test_the_last_exchange_is_read_with_the_question_and_nothing_older() -> None:
    past = (Exchange("a" * 500, "b" * 500), Exchange("hello", "hi you"))
    asked, bare = Job(Tag(), text="five5", history=past), Job(Tag(), text="five5")
    assert prompt_of(asked) - prompt_of(bare) == tokens_of("hello") + tokens_of("hi you")


def test_each_chunk_of_sound_has_been_computed() -> None:
    voice, sink = ComputingVoice(), conformance_vocoder.Collector()
    voice.load(Rung({**SMALL}))
    voice.warm_up()
    net, job = counted(voice), Job(Tag(1), sink=sink)
    voice.begin(job)
    voice.feed(job, "The museum closes at six.")
    voice.finish(job)
    while not voice.idle:
        voice.step(0)
    voice.unload()
    assert net.read_of[0] == tokens_of("The museum closes at six.")
    assert len(net.read_of) - 1 >= len(sink) // (RATE * 30 // 1000)


def test_a_net_of_random_numbers_computes_what_it_is_asked_for() -> None:
    mind, taken = Mind(Size(1, 1), 1, "llm.backend computing"), list[None]()

    def take() -> bool:
        taken.append(None)
        return len(taken) == 7

    mind.write(5, 12, take)
    assert len(taken) == 7
    taken.clear()
    mind.write(5, 6, take)
    assert len(taken) == 6
    mind.close()


def test_a_net_for_which_there_is_no_room_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryDirectory", lambda **_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(BackendError, match="No space left") as caught:
        Mind(Size(1, 1), 1, "llm.backend computing")
    assert "temporary files" in caught.value.remedy
