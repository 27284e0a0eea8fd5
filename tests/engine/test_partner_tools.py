"""Calls: which tool a request means and with what, what is asked back, and what is never done."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.contract import Exchange
from engine.partner.partner import Decision, Partner
from engine.partner.tools import Call, Tool
from engine.partner_settings import Parameter

TOOLS = (
    Tool(
        "drive",
        "Drive forward or back",
        (
            Parameter("direction", choices=("forward", "back")),
            Parameter("distance", "number", minimum=0.1, maximum=20, unit="meters"),
        ),
    ),
    Tool("clean", "Clean a room", (Parameter("room", choices=("kitchen", "living room")),)),
    Tool("set_light", "Switch the light on or off", (Parameter("on", "boolean"),)),
    Tool("book_table", "Book a table", (Parameter("people", "integer", minimum=1, maximum=8),)),
    Tool("wake_up", "Wake a guest at a time", (Parameter("time"),)),
    Tool("open_gate", "Open the gate", confirm=True),
    Tool("read_temperature", "Tell the temperature in the hall"),
)
FACTS = ("The kitchen is on the ground floor.", "The gate opens at nine.", "We seat parties of ten upstairs.")
PARTNER = Partner(FACTS, TOOLS)
WORDS = (
    "drive go forward back ten two and a half hundred meters centimeters clean the kitchen living room light "
    "on off book table for four people wake me at seven open gate yes no not please where is when what how "
    "many much it and then do temperature hall 30 2.5 % ' . é 你好 1st"
)


def talk(*said: str, heard: bool = True) -> list[Decision]:
    history: list[Exchange] = []
    decisions = []
    for text in said:
        decisions.append(PARTNER.decide(text, history))
        history.append(Exchange(text, decisions[-1].text if heard else decisions[-1].text[:4]))
    return decisions


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("go forward ten meters", "drive", {"direction": "forward", "distance": 10}),
        ("please drive back two and a half metres", "drive", {"direction": "back", "distance": 2.5}),
        ("could you move forward 50 centimeters", "drive", {"direction": "forward", "distance": 0.5}),
        ("drive backwards half a meter", "drive", {"direction": "back", "distance": 0.5}),
        ("drive forward to meters", "drive", {"direction": "forward", "distance": 2}),
        ("clean the living room", "clean", {"room": "living room"}),
        ("I would like you to vacuum the kitchen", "clean", {"room": "kitchen"}),
        ("turn the lights off", "set_light", {"on": False}),
        ("switch on the light", "set_light", {"on": True}),
        ("a table for four please", "book_table", {"people": 4}),
        ("wake me at seven thirty", "wake_up", {"time": "seven thirty"}),
        ("what is the temperature in the hall", "read_temperature", {}),
    ],
)
def test_a_request_becomes_a_call(said: str, name: str, arguments: dict[str, Any]) -> None:
    (decision,) = talk(said)
    assert decision.calls == (Call(name, arguments),)
    assert all(type(decision.calls[0].arguments[key]) is type(value) for key, value in arguments.items())


@pytest.mark.parametrize(
    "said",
    [
        "do not drive forward ten meters",
        "never open the gate",
        "make me a sandwich",
        "where is the kitchen",
        "when does the gate open",
        "drive over the edge of the table into the water",
        "fly to the moon",
        "hello",
        "",
    ],
)
def test_what_was_not_asked_for_is_not_done(said: str) -> None:
    (decision,) = talk(said)
    assert decision.calls == ()
    assert decision.topic.pending is None


def test_a_number_without_end_is_no_argument() -> None:
    (decision,) = talk(f"book a table for {'9' * 400} people")
    assert (decision.calls, decision.kind) == ((), "back")


HOST = Partner(
    (),
    (
        Tool("order_taxi", "Order a taxi", (Parameter("people", "integer", minimum=1, maximum=8),)),
        Tool("set_temperature", "Set the temperature of the room", (Parameter("degrees", "integer"),)),
        Tool("switch_lamp", "Switch the lamp on or off", (Parameter("on", "boolean"),)),
        Tool("open_gate", "Open the gate"),
        Tool("turn_left", "Turn left"),
        Tool("turn_right", "Turn right"),
    ),
)


@pytest.mark.parametrize(
    "said",
    [
        "cancel the taxi for three people",
        "we already have a taxi for three people",
        "order no taxi for three people",
        "nobody should order a taxi for three people",
        "there's no need to order a taxi for three people",
        "I don't want you to open the gate",
        "switch the lamp on and do not open the gate, never order a taxi for two people",
        "my friend ordered a taxi for three people",
        "my room number is 204",
        "I am in room five",
        "the lamp is on",
        "turn",
        "turn around",
    ],
)
def test_what_is_no_request_or_takes_it_back_calls_nothing(said: str) -> None:
    decision = HOST.decide(said)
    assert decision.calls == ()
    denied = said.split()[0] in ("cancel", "order") or " already " in said or "don't" in said
    assert decision.text == "All right, I won't." if denied else True


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("we would like a taxi for three people", "order_taxi"),
        ("turn right", "turn_right"),
        ("please open the gate", "open_gate"),
        ("a taxi for three people", "order_taxi"),
    ],
)
def test_what_is_a_request_is_called_still(said: str, name: str) -> None:
    assert [call.name for call in HOST.decide(said).calls] == [name]


ROBOT = Partner(
    (),
    (
        Tool("stop", "Stop moving"),
        Tool("help", "Call for help"),
        Tool("wait", "Wait here"),
        Tool("cancel", "Cancel the order"),
        Tool("jump", "Jump", confirm=True),
    ),
)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("stop", "stop"),
        ("stop moving", "stop"),
        ("please stop moving now", "stop"),
        ("help", "help"),
        ("wait", "wait"),
        ("cancel the order", "cancel"),
    ],
)
def test_a_tool_whose_name_is_all_that_was_said_goes_before_small_talk(said: str, name: str) -> None:
    assert [call.name for call in ROBOT.decide(said).calls] == [name]
    first = ROBOT.decide("jump")
    assert [call.name for call in ROBOT.decide(said, [Exchange("jump", first.text)]).calls] == [name]


def test_what_is_said_of_such_a_tool_with_a_no_before_it_calls_nothing() -> None:
    for said in ("do not stop", "never jump", "stop jumping", "do not stop moving"):
        assert ROBOT.decide(said).calls == ()


@pytest.mark.parametrize(
    ("said", "value"), [("minus five degrees", -5), ("-5 degrees", -5), ("21,000 degrees", 21000), ("2,5", 2.5)]
)
def test_numbers_below_zero_and_above_a_thousand(said: str, value: float) -> None:
    partner = Partner((), (Tool("set_temperature", "Set the temperature", (Parameter("degrees", "number"),)),))
    assert partner.decide(f"set the temperature to {said}").calls == (Call("set_temperature", {"degrees": value}),)


def test_a_choice_without_letters_is_never_guessed() -> None:
    partner = Partner((), (Tool("volume", "Turn the volume up or down", (Parameter("way", choices=("+", "-")),)),))
    assert partner.decide("turn the volume down").calls == ()


def test_what_is_missing_is_asked_for_and_may_come_next() -> None:
    first, second = talk("drive back", "three meters")
    assert (first.text, first.calls) == ("How many meters?", ())
    assert second.calls == (Call("drive", {"direction": "back", "distance": 3}),)
    first, second = talk("clean", "the kitchen")
    assert first.text == "Which room: kitchen or living room?"
    assert second.calls == (Call("clean", {"room": "kitchen"}),)


def test_what_is_out_of_its_limits_is_said_and_asked_for_again() -> None:
    first, second = talk("go forward five hundred meters", "then ten")
    assert first.text == "The distance must be between 0.1 and 20 meters. How many meters?"
    assert second.calls == (Call("drive", {"direction": "forward", "distance": 10}),)
    assert talk("book a table for two and a half people")[0].calls == ()


@pytest.mark.parametrize(
    ("said", "calls"), [("yes please", 1), ("no", 0), ("better not", 0), ("where is the kitchen", 0)]
)
def test_what_must_be_confirmed_is_asked_back_first(said: str, calls: int) -> None:
    first, second = talk("open the gate", said)
    assert (first.text, first.calls) == ("Shall I really open the gate?", ())
    assert len(second.calls) == calls


def test_yes_confirms_nothing_that_was_not_heard_or_asked() -> None:
    assert talk("open the gate", "yes", heard=False)[-1].calls == ()
    assert talk("open the gate", "where is the kitchen", "yes")[-1].calls == ()
    assert talk("yes")[0].calls == ()


@pytest.mark.parametrize(
    "said",
    [
        "are you sure",
        "is that right",
        "which one is the right gate",
        "is it okay to smoke",
        "right where is the pool",
        "who says yes",
        "correct me if I am wrong",
        "yes but later",
        "yes when they are here",
    ],
)
def test_a_question_or_half_a_yes_confirms_nothing(said: str) -> None:
    assert talk("open the gate", said)[-1].calls == ()


@pytest.mark.parametrize("said", ["yes", "okay", "sure", "yes, open it", "go ahead", "of course", "that's right"])
def test_a_yes_confirms(said: str) -> None:
    assert talk("open the gate", said)[-1].calls == (Call("open_gate", {}),)


def test_a_request_may_lean_on_the_one_before() -> None:
    assert talk("clean the kitchen", "now the living room")[-1].calls == (Call("clean", {"room": "living room"}),)


def test_several_things_may_be_asked_for_at_once_if_each_is_whole() -> None:
    (decision,) = talk("clean the kitchen and then go back two meters")
    assert [call.name for call in decision.calls] == ["clean", "drive"]


def test_a_rule_is_a_better_answer_than_that_it_is_too_much() -> None:
    assert talk("we are a party of ten, can we book a table")[0].calls == ()


def test_where_nothing_can_be_called_a_request_is_refused() -> None:
    partner = Partner(FACTS, TOOLS)

    def decide(text: str, *history: Exchange) -> Decision:
        return partner.decide(text, history, calls=False)

    for text in ("go forward ten meters", "clean", "open the gate"):
        decision = decide(text)
        assert (decision.text, decision.calls) == ("I am sorry, I can't do that.", ())
        assert decide("yes", Exchange(text, decision.text)).calls == ()
    assert "I can " not in decide("what can you do").text.replace("I can tell you about", "")
    assert decide("I would like to know when the gate opens").text == FACTS[1]
    asked_back = Exchange("open the gate", partner.decide("open the gate").text)
    assert partner.decide("yes", [asked_back]).calls  # as soon as there is somebody to do it
    assert not decide("yes", asked_back).calls


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_said_nothing_is_called_beyond_its_limits_and_nothing_is_made_up(seed: int) -> None:
    dice = random.Random(seed)
    words = WORDS.split()
    tools = {tool.name: tool for tool in TOOLS}
    for _ in range(25):
        history: list[Exchange] = []
        for _ in range(5):
            text = " ".join(dice.choice(words) for _ in range(dice.randint(0, 9)))
            decision = PARTNER.decide(text, history)
            history.append(Exchange(text, dice.choice((decision.text, decision.text[:5]))))
            assert decision.text
            assert decision.kind != "fact" or decision.text in FACTS
            for call in decision.calls:
                parameters = {each.name: each for each in tools[call.name].parameters}
                assert (
                    {each.name for each in parameters.values() if each.required} <= {*call.arguments} <= {*parameters}
                )
                assert all(_is_within(parameters[name], value) for name, value in call.arguments.items()), (text, call)


def _is_within(parameter: Parameter, value: Any) -> bool:
    if parameter.choices:
        return value in parameter.choices
    if parameter.type in ("number", "integer"):
        low, high = parameter.minimum or float("-inf"), parameter.maximum or float("inf")
        return low <= value <= high and (parameter.type != "integer" or isinstance(value, int))
    return isinstance(value, bool if parameter.type == "boolean" else str)


DESK = Partner(
    (
        "Breakfast is served from half past six to ten.",
        "Dogs are not allowed in the museum.",
        "The pool is open from seven in the morning to ten at night.",
    ),
    (
        Tool("order_taxi", "Order a taxi", (Parameter("people", "integer", minimum=1, maximum=8),)),
        Tool("send_message", "Send a message to the desk", (Parameter("message"),)),
        Tool("open_gate", "Open the gate", confirm=True),
    ),
)


def replies(partner: Partner, first: str, *said: str) -> list[Decision]:
    """What becomes of a request and what is said after it."""
    history: list[Exchange] = []
    for text in (first, *said):
        history.append(Exchange(text, partner.decide(text, history).text))
    return [partner.decide(text, history[:at]) for at, text in enumerate((first, *said))]


@pytest.mark.parametrize(
    "said",
    ["no", "no thanks", "better not", "never mind", "forget it", "no, don't open it", "I do not want that", "cancel"],
)
def test_a_no_and_nothing_else_ends_what_was_asked_back(said: str) -> None:
    for request in ("open the gate", "order a taxi", "send a message"):
        assert replies(DESK, request, said)[-1].calls == ()
        assert replies(DESK, request, said, "yes")[-1].calls == ()
    assert replies(DESK, "open the gate", said)[-1].text == "All right, I won't."


@pytest.mark.parametrize(
    ("first", "said", "arguments"),
    [
        ("open the gate", "no problem", {}),
        ("order a taxi", "no more than three", {"people": 3}),
        ("order a taxi", "three adults", {"people": 3}),
        ("order a taxi", "for two please", {"people": 2}),
        ("send a message", "there is no milk", {"message": "there is no milk"}),
        ("send a message", "do not forget the keys", {"message": "do not forget the keys"}),
    ],
)
def test_a_no_within_an_answer_takes_nothing_back(first: str, said: str, arguments: dict[str, Any]) -> None:
    (call,) = replies(DESK, first, said)[-1].calls
    assert call.arguments == arguments


@pytest.mark.parametrize("said", ["bye", "thank you", "who are you", "what can you do", "what time is it"])
def test_small_talk_is_no_message(said: str) -> None:
    assert replies(DESK, "send a message", said)[-1].calls == ()


def test_a_number_that_belongs_to_something_else_fills_nothing() -> None:
    first, then = replies(DESK, "order a taxi", "breakfast for two")
    assert (first.text, then.calls, then.text) == ("How many people?", (), DESK.decide("when is breakfast").text)


def test_who_has_not_heard_what_was_asked_back_is_asked_again_and_may_answer() -> None:
    first, again, then = replies(DESK, "order a taxi", "what did you say", "four")
    assert (again.text, then.calls) == (first.text, (Call("order_taxi", {"people": 4}),))


def test_stop_alone_stops_everything_that_can_be_stopped_whatever_it_is_called() -> None:
    tools = (
        Tool("halt_robot", "Stop the robot"),
        Tool("stop_music", "Stop the music"),
        Tool("play_music", "Play music"),
        Tool("stop_at", "Stop at a station", (Parameter("station"),)),
    )
    for said in ("stop", "please stop", "stop it", "halt", "stop stop"):
        assert [call.name for call in Partner((), tools).decide(said).calls] == ["halt_robot", "stop_music"]
        assert Partner((), tools[2:]).decide(said).calls == ()
    assert Partner((), tools).decide("stop talking").calls == ()
    assert Partner((), tools).decide("stop", calls=False).calls == ()
    assert [call.name for call in Partner((), tools).decide("stop the music").calls] == ["stop_music"]


BELL = Partner(
    FACTS,
    (
        Tool("ring_bell", "Ring the bell"),
        Tool("go_forward", "Go forward", (Parameter("distance", "number", unit="meters"),)),
    ),
)


@pytest.mark.parametrize(
    "said",
    [
        "go back two meters",
        "go forward two meters no wait",
        "ring the bell tomorrow at nine",
        "ring the bell yesterday",
        "ring the bell just kidding",
        "if the ferry comes ring the bell",
        "refrain from ringing the bell",
    ],
)
def test_more_than_a_tool_explains_is_asked_back_or_not_done(said: str) -> None:
    assert BELL.decide(said, []).calls == ()


@pytest.mark.parametrize("said", ["ring the bell", "please ring the bell", "go forward two meters"])
def test_no_more_than_a_tool_explains_is_done_at_once(said: str) -> None:
    assert len(BELL.decide(said, []).calls) == 1


@pytest.mark.parametrize(
    ("said", "calls"), [("not two", 0), ("two no three", 0), ("I have two children", 0), ("two", 1)]
)
def test_a_number_that_is_denied_or_counts_something_else_is_no_distance(said: str, calls: int) -> None:
    asked = BELL.decide("go forward", [])
    assert asked.calls == ()
    assert len(BELL.decide(said, [Exchange("go forward", asked.text)]).calls) == calls


HALL = Partner(
    ("The bell is above the door.",),
    (
        Tool("ring_bell", "Ring the bell"),
        Tool("drive", "Drive forward or back", TOOLS[0].parameters, confirm=True),
        Tool(
            "order_taxi",
            "Order a taxi",
            (Parameter("people", "integer"), Parameter("at", required=False)),
            confirm=True,
        ),
    ),
)


@pytest.mark.parametrize("said", ["bell", "the bell please", "ring the other bell", "ring another bell"])
def test_a_thing_that_is_only_named_or_another_one_is_asked_back(said: str) -> None:
    assert HALL.decide(said).calls == ()


@pytest.mark.parametrize("said", ["ring", "ring it", "ring the bell", "please ring the bell", "ring bell"])
def test_what_is_done_with_a_thing_is_enough(said: str) -> None:
    assert [call.name for call in HALL.decide(said).calls] == ["ring_bell"]


@pytest.mark.parametrize(
    ("said", "back"),
    [
        ("go forward ten meters", "Shall I really drive forward or back, forward, 10 meters?"),
        ("order a taxi for three", "Shall I really order a taxi, 3 people?"),
    ],
)
def test_what_is_asked_back_says_with_what(said: str, back: str) -> None:
    first = HALL.decide(said)
    assert (first.text, first.calls) == (back, ())
    assert len(HALL.decide("please", [Exchange(said, back)]).calls) == 1


def test_please_alone_is_answered_and_not_refused() -> None:
    assert HALL.decide("please").kind == "talk"


MAP = Tool("show_map", "Show a map of a place", (Parameter("place", "string"),))
STAFF = Tool("call_staff", "Call a member of staff", ())
VET = Tool("check_in", "Check in an animal", (Parameter("name", "string"), Parameter("kind", "string", ("dog", "cat"))))


@pytest.mark.parametrize(
    "said",
    [
        "thank you very much for your help",
        "that was great",
        "I already booked a ticket",
        "it is raining",
        "where are the toilets",
    ],
)
def test_any_words_are_no_text_for_a_tool_because_it_was_called_just_now(said: str) -> None:
    partner = Partner(("The ferry leaves at nine.",), (MAP, STAFF))
    first = partner.decide("show me a map of the island")
    assert first.calls
    assert not partner.decide(said, [Exchange("show me a map of the island", first.text)]).calls


@pytest.mark.parametrize(
    "said",
    ["they called a member of staff", "I checked in my dog Rex yesterday", "my dog Rex was checked in yesterday"],
)
def test_what_was_done_is_not_done_again_because_somebody_speaks_of_it(said: str) -> None:
    assert not Partner((), (STAFF, VET)).decide(said).calls


def test_a_number_goes_to_no_tool_that_something_else_was_spoken_of_since() -> None:
    arm = Tool("move_arm", "Raise the arm", (Parameter("height", "number", (), 1, 100, "centimeters"),))
    partner = Partner(("The pool is open from seven to ten.",), (arm,))
    history: list[Exchange] = []
    for said, calls in (("raise the arm by half a meter", 1), ("when does the pool open", 0), ("two", 0)):
        done = partner.decide(said, history)
        assert len(done.calls) == calls
        history.append(Exchange(said, done.text))


def test_by_how_much_is_not_how_much() -> None:
    volume = Tool("set_volume", "Set the volume", (Parameter("percent", "integer", (), 0, 100, "percent"),))
    partner = Partner((), (volume,))
    assert partner.decide("set the volume to thirty percent").calls
    assert not partner.decide("turn the volume up by ten percent").calls


def test_names_keep_their_capitals_and_what_was_asked_for_is_the_name_alone() -> None:
    partner = Partner((), (VET,))
    (call,) = partner.decide("check in Bella the dog").calls
    assert call.arguments["name"] == "Bella"
    asked = partner.decide("check in my cat")
    (call,) = partner.decide("her name is Minka", [Exchange("check in my cat", asked.text)]).calls
    assert call.arguments == {"kind": "cat", "name": "Minka"}
