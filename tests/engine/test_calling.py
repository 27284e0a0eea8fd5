"""What an answer calls: when it is called, and when never; what comes of it, and what is said of that."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from engine import messages as m
from engine.contract import Tag
from engine.hub import Hub
from engine.report import Turns
from engine.turns.calls import MOST_OPEN
from engine.turns.memory import Memory
from tests.engine.talk import MS, Talk

TOOLS = """tools=[
 { name = "drive", description = "Drive", timeout_s = 5,
   parameters = { distance = { type = "number", maximum = 20 } } },
 { name = "ring", description = "Ring the bell", timeout_s = 60 },
]""".replace("\n", "")


class Host(Talk):
    """A talk with a host that has two tools."""

    def __init__(self, *sets: str) -> None:
        super().__init__(TOOLS, *sets)
        self.hands = 1

    def calls(self, tool: str = "drive", distance: float | None = 3, tag: Tag | None = None) -> None:
        """The language model calls a tool in its answer."""
        arguments = json.dumps({} if distance is None else {"distance": distance})
        self.say(m.CallTool(tag=tag or self.tag, tool=tool, arguments=arguments))

    def drive(self, start: float = 1000) -> str:
        """The visitor wants it to drive, and hears "All right.": the name of the call."""
        self.ask(start, "drive forward three meters")
        self.calls()
        self.answer("All right.")
        self.play(start + 2000, start + 2500)
        return str(self.named("tool")[-1]["call"])

    def tells(self, kind: Any, call: str, text: str = "", **more: Any) -> m.Done:
        return self.host(kind(number=7, call=call, text=text, **more))

    def result(self, call: str, text: str = "", speak: int = 1) -> m.Done:
        return self.tells(m.ToolResult, call, text, speak=speak)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(event["tool"], event["outcome"]) for event in self.named("tool.ended")]

    @property
    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.named("tool.cancel")]

    def spoken(self) -> list[str]:
        """Everything that was heard, up to when nobody speaks any more."""
        self.finish()
        return [record["heard"] for record in self.turns]


@pytest.fixture
def host() -> Host:
    return Host()


def test_a_call_is_told_with_whose_it_is_and_what_the_host_made_of_it_is_said(host: Host) -> None:
    call = host.drive()
    (told,) = host.named("tool")
    assert (told["call"], told["tool"], told["arguments"], told["timeout_s"]) == (
        "1.1.1.1",
        "drive",
        {"distance": 3},
        5,
    )
    assert told["tag"] == Tag(1, 1, 1)
    assert host.result(call, "I am there.").ok
    assert host.spoken() == ["All right.", "I am there."]
    assert host.outcomes == [("drive", "done")]
    assert host.present.session.past(8) == ("drive forward three meters", "All right.", "", "I am there.")


def test_without_a_text_a_result_is_confirmed_and_where_it_shall_not_be_nothing_is_said(host: Host) -> None:
    assert host.result(host.drive()).ok
    assert host.spoken() == ["All right.", "Done."]
    host.result(host.drive(10_000), speak=0)
    assert host.spoken() == ["All right.", "Done.", "All right."]


def test_what_went_wrong_is_said_in_the_hosts_words_or_ours(host: Host) -> None:
    host.tells(m.ToolFailed, host.drive(), "There is a wall.")
    host.finish()
    host.tells(m.ToolFailed, host.drive(10_000))
    assert host.spoken()[1::2] == ["There is a wall.", host.present.phrases.call_failed]
    assert host.outcomes == [("drive", "failed")] * 2


def test_while_it_is_open_the_conversation_goes_on_and_the_result_waits_for_its_turn(host: Host) -> None:
    call = host.drive()
    host.ask(5000, "where is the lift")
    assert host.state() == "THINKING"
    assert host.result(call, "I am there.").ok
    host.answer("Behind you.")
    host.play(7000, 8000)
    assert host.spoken() == ["All right.", "Behind you.", "I am there."]


def test_of_progress_the_newest_is_said_and_a_result_takes_its_place(host: Host) -> None:
    call = host.drive()
    host.ask(5000, "where is the lift")
    for text in ("One meter.", "", "Two meters."):
        assert host.tells(m.ToolProgress, call, text).ok
    assert [wish.text for wish in host.conversation._host.queue] == ["Two meters."]
    host.result(call, "I am there.")
    assert [wish.text for wish in host.conversation._host.queue] == ["I am there."]


def test_what_a_visitor_never_lets_be_said_does_not_pile_up(host: Host) -> None:
    host.ask(1000, "where is the lift")  # and the answer has not come
    for number in range(3 * MOST_OPEN):
        host.conversation._host.say_of(f"1.1.1.{number}", f"Done {number}.", host.now)
    texts = [wish.text for wish in host.conversation._host.queue]
    assert texts == [f"Done {number}." for number in range(2 * MOST_OPEN, 3 * MOST_OPEN)]


def test_a_host_that_tells_nothing_is_given_up_in_time_and_told_so(host: Host) -> None:
    call = host.drive()
    made_ms = host.named("tool")[0]["at_ms"]
    host.until(made_ms + 4000)
    assert host.tells(m.ToolProgress, call).ok
    host.until(made_ms + 8990)
    assert host.reasons == []
    host.until(made_ms + 9010)
    assert (host.reasons, host.outcomes) == (["timeout"], [("drive", "expired")])
    assert host.spoken()[-1] == host.present.phrases.call_failed
    refused = host.result(call, "I am there.")
    assert (refused.ok, refused.text) == (0, "the call is over: expired")


def test_where_no_host_is_left_what_is_open_is_given_up(host: Host) -> None:
    host.drive()
    host.hands = 0
    host.until(host.at + 1)
    host.say(m.Joined(stage="ending"))
    host.conversation.expire(host.now)
    host._collect()
    assert host.outcomes == [("drive", "lost")]
    assert host.spoken()[-1] == host.present.phrases.call_failed


@pytest.mark.parametrize("name", ["1.1.1.1", "", "7.1.1.1", "refused"])
def test_who_answers_what_was_never_called_is_refused(host: Host, name: str) -> None:
    refused = host.result(name, "Done.")
    assert (refused.ok, refused.text) == (0, "there is no such call")


def test_a_result_is_taken_once_and_not_of_any_length(host: Host) -> None:
    call = host.drive()
    assert "longer" in host.result(call, "x" * 5000).text
    assert host.result(call).ok
    assert host.result(call).text == "the call is over: done"


# When nothing is called.


def test_a_guess_calls_nothing_until_the_final_text_says_the_same() -> None:
    host = Host("turns.speculations=4")
    host.begin(1000)
    host.until(1900)
    host.text("drive forward three meters", final=False, upto=1500 * 16)
    host.until(2000)
    host.text("drive forward three meters", final=False, upto=1950 * 16)
    host.pause(2000)
    assert not host.present.current.attempt.confirmed
    host.calls()
    host.answer("All right.")
    host.voice()
    host.text("drive forward three meters", final=False, upto=2100 * 16)
    host.until(2480)
    assert host.state() == "FINALISING"  # the words would be enough for an answer, but for no call
    assert host.named("tool") == []
    host.text("drive forward three meters")
    assert [event["tool"] for event in host.named("tool")] == ["drive"]
    assert host.present.current.hit


def test_a_refuted_guess_calls_nothing() -> None:
    host = Host("turns.speculations=4")
    host.begin(1000)
    host.until(2000)
    host.text("drive forward three meters", final=False, upto=1500 * 16)
    host.text("drive forward three meters", final=False, upto=1990 * 16)
    host.pause(2000)
    guess = host.tag
    host.calls()
    host.answer("All right.")
    host.until(2480)
    host.text("do not drive forward three meters")
    host.calls(tag=guess)
    assert host.tag > guess
    host.answer("All right, I won't.")
    assert host.named("tool") == []


@pytest.mark.parametrize("guessed", [True, False])
def test_what_stands_in_for_the_final_text_calls_nothing_and_the_visitor_is_asked_again(guessed: bool) -> None:
    host = Host(f"turns.speculations={4 * guessed}", "asr.final_budget_ms=80")
    host.begin(1000)
    host.until(1990)
    host.text("drive forward three meters", final=False, upto=1500 * 16)
    host.text("drive forward three meters", final=False, upto=1985 * 16)
    host.pause(2000)
    if guessed:
        host.calls()
        host.answer("All right.")
    host.text("drive forward three meters", final=False, upto=2100 * 16)
    host.until(4000)  # the final text does not come
    if not guessed:
        host.calls()
    assert host.named("tool") == []
    assert host.present.current.source == "phrase"
    assert host.present.current.attempt.text == host.present.phrases.not_heard


def test_where_no_host_is_there_the_model_is_told_and_nothing_is_called(host: Host) -> None:
    host.ask(1000, "ring the bell")
    host.finish()
    host.hands = 0
    host.ask(10_000, "ring the bell")
    assert [ask.calls for ask in host.of(m.Ask)] == [1, 0]
    host.calls("ring", None)
    assert host.named("tool") == []
    assert host.present.current.attempt.text == host.present.phrases.call_refused


@pytest.mark.parametrize(("tool", "distance"), [("explode", None), ("drive", 21), ("drive", None), ("ring", 1)])
def test_what_the_configuration_does_not_allow_is_not_called(host: Host, tool: str, distance: float | None) -> None:
    host.ask(1000, "do something")
    host.calls(tool, distance)
    assert host.named("tool") == []
    assert host.spoken()[-1] == host.present.phrases.call_refused
    assert [error["where"] for error in host.named("error")] == ["llm"]


def test_no_more_than_so_many_calls_are_open(host: Host) -> None:
    host.ask(1000, "ring the bell")
    for _ in range(MOST_OPEN):
        host.calls("ring", None)
    assert len(host.named("tool")) == MOST_OPEN
    host.calls("ring", None)
    assert len(host.named("tool")) == MOST_OPEN
    assert host.reasons == ["refused"] * MOST_OPEN


def test_several_calls_of_one_answer_are_made_and_none_of_another_attempt_of_the_turn(host: Host) -> None:
    host.ask(1000, "ring the bell and drive")
    host.calls("ring", None)
    host.calls()
    host.say(m.Joined(stage="llm"))  # asked again, it wants the same again
    assert host.tag.attempt == 2
    host.calls("ring", None)
    host.calls()
    host.answer("All right.")
    assert [event["tool"] for event in host.named("tool")] == ["ring", "drive"]
    assert host.spoken() == ["All right."]


def test_who_has_been_understood_is_not_told_that_something_went_wrong(host: Host) -> None:
    host.ask(1000, "ring the bell")
    host.calls("ring", None)
    host.say(m.PiecesEnded(tag=host.tag, reason="done"))
    assert host.spoken() == [host.present.phrases.call_begun]
    host.ask(10_000, "ring the bell")
    host.calls("ring", None)
    host.say(m.PiecesEnded(tag=host.tag, reason="failed", text="broken"))
    assert host.spoken()[-1] == host.present.phrases.call_begun


# What ends it.


def test_who_interrupts_the_answer_cancels_what_it_called_and_no_earlier_call(host: Host) -> None:
    host.drive()
    host.ask(4000, "ring the bell")
    host.calls("ring", None)
    host.answer("All right, as you like it.")
    host.heard_from(5600)
    host.maybe(5610, 6400, 700)
    assert (host.reasons, host.outcomes) == (["interrupted"], [("ring", "cancelled")])
    assert [call.tool for call in host.conversation._calling.calls.open] == ["drive"]


def test_who_goes_on_before_anything_was_heard_cancels_it_and_is_asked_for_all_of_it(host: Host) -> None:
    host.ask(1000, "drive")
    host.calls()
    host.maybe(2600, 3400, 700)
    assert host.reasons == ["interrupted"]
    assert host.state() in ("HEARING", "ENDING")


def test_what_was_done_before_they_went_on_is_not_done_twice(host: Host) -> None:
    host.ask(1000, "ring the bell")
    host.calls("ring", None)
    host.result(str(host.named("tool")[-1]["call"]), "It rang.")  # at once
    host.maybe(2600, 3400, 700)
    host.pause(3400)
    assert [(record["transcript"], record["outcome"]) for record in host.turns] == [("ring the bell", "interrupted")]
    assert host.present.current.speech.start == 2600 * 16  # "please", and not all of it again
    assert (host.reasons, host.outcomes) == ([], [("ring", "done")])


@pytest.mark.parametrize("words", ["stop", "Stop it.", "wait", "Stop, stop it!"])
def test_a_visitor_who_says_stop_cancels_whatever_is_open(host: Host, words: str) -> None:
    call = host.drive()
    host.ask(5000, words)
    assert (host.reasons, host.outcomes) == (["stopped"], [("drive", "cancelled")])
    assert host.result(call).text == "the call is over: cancelled"


def test_other_words_cancel_nothing(host: Host) -> None:
    host.drive()
    host.ask(5000, "where does the bus stop")
    assert host.reasons == []


@pytest.mark.parametrize(
    ("command", "reason"), [(m.StopSpeaking, "stopped"), (m.EndSession, "session"), (m.ListenNow, None)]
)
def test_what_the_host_commands_cancels_it(host: Host, command: Any, reason: str | None) -> None:
    call = host.drive()
    host.tells(m.ToolProgress, call, "I am on my way.")
    host.host(command(number=3))
    assert host.reasons == ([reason] if reason else [])
    assert not reason or not host.conversation._host.queue


def test_urgent_words_of_the_host_do_not_make_it_happen_twice(host: Host) -> None:
    host.ask(1000, "drive")
    host.calls()
    host.host(m.Say(number=4, text="Attention.", mode="interrupt", interruptible=1))
    assert host.turns[0]["outcome"] == "interrupted"  # not postponed: then it would be asked again
    assert host.spoken()[-1] == "Attention."
    assert (host.reasons, len(host.named("tool"))) == ([], 1)


def test_the_engine_does_not_end_with_its_input_and_tells_when_it_ends_all_the_same(host: Host) -> None:
    call = host.drive()
    host.say(m.InputEnded(sample=1000))
    host.until(host.at + 1000)
    assert not host.of(m.Over)
    host.result(call, speak=0)
    assert host.of(m.Over)
    host.drive(20_000)
    host.conversation.interrupt(host.now)
    host._collect()
    assert host.reasons == ["stopping"]


def test_a_visitor_who_waits_in_silence_has_not_left() -> None:
    host = Host("turns.session_end_s=3", "attention.reprompt_s=2")
    call = host.drive()
    for _ in range(4):
        host.until(host.at + 2500)
        host.tells(m.ToolProgress, call)
    assert host.named("session")[-1]["state"] == "began"
    assert len(host.turns) == 1
    host.result(call, speak=0)
    host.until(host.at + 10_000)
    assert host.named("session")[-1]["state"] == "ended"


# Restarts.


def succeed(host: Host) -> Host:
    """Another one that knows what was kept."""
    kept = Memory.load(host.conversation.succession.memory.dump())
    other = Host()
    other.until(host.at)
    other.conversation.succession.recall(kept)
    return other


def test_what_a_predecessor_called_is_known_and_not_called_again(host: Host) -> None:
    host.ask(1000, "drive")
    assert host.conversation.open_from  # would be heard again
    host.calls()
    call = host.named("tool")[0]["call"]
    assert not host.conversation.open_from  # it was answered, by a call
    other = succeed(host)
    assert other.conversation.timer_ns is not None
    assert other.result(call, "I am there.").ok
    assert other.result(call).text == "the call is over: done"
    assert other.spoken() == ["I am there."]
    assert other.named("tool") == []


def test_a_question_of_the_host_that_has_called_is_not_asked_again(host: Host) -> None:
    host.host(m.AskText(number=1, text="drive"))
    assert host.conversation.succession.memory.wish is not None
    host.calls()
    assert host.conversation.succession.memory.wish is None


def test_a_result_that_waits_to_be_said_outlives_the_worker(host: Host) -> None:
    call = host.drive()
    host.ask(5000, "where is the lift")
    host.result(call, "I am there.")
    other = succeed(host)
    other.conversation.succession.go_on(other.now)
    other._collect()
    assert other.spoken() == ["I am there."]
    assert other.present.session.past(8)[-2:] == ("", "I am there.")


def test_what_was_not_told_in_time_across_a_restart_is_given_up(host: Host) -> None:
    host.drive()
    other = succeed(host)
    other.until(host.named("tool")[0]["at_ms"] + 5010)
    assert other.outcomes == [("drive", "expired")]
    assert other.named("tool.ended")[0]["tag"] == Tag(1, 1, 1)
    assert other.named("tool.ended")[0]["at_ms"] * MS == pytest.approx(other.now, abs=20 * MS)


def test_the_report_has_every_call_and_what_became_of_it(host: Host) -> None:
    turns = Turns(cast(Any, None))
    hub = Hub(100)
    hub.subscribe(turns)
    done, open_ = host.drive(), host.drive(4000)
    host.result(done, "I am there.")
    for message in host.of(m.Happened):
        if json.loads(message.event)["event"].startswith("tool"):
            hub.happened(message)
    first, second = turns.calls.values()
    assert (first["call"], first["turn"], first["arguments"]) == (done, 1, {"distance": 3})
    assert (first["outcome"], first["text"], second["outcome"]) == ("done", "I am there.", "open")
    assert first["ms"] > 0
    assert second["call"] == open_
