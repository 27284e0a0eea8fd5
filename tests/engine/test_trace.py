"""`engine trace`: what is written opens in Perfetto. Its rules, as its importer has them, are checked one by one."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from engine.last_turns import LastTurns, placed
from engine.main import main
from engine.trace import trace
from engine.turn_log import entry
from engine.waterfall import parts
from tests.engine.test_story import turn

PIDS = {"audio": 101, "vad": 102, "asr": 103, "turns": 105, "llm": 106, "vocoder": 107, "floor": 108}
ENGINE = placed({}, {})["pids"]["engine"]


def record(number: int = 1, after_s: float = 0.0, **changes: Any) -> dict[str, Any]:
    at_ns = 90_000_000_000 + round(after_s * 1e9)
    speech = {"start_s": 10.0 + after_s, "end_s": 12.2 + after_s}
    return placed(turn(turn=number, at_ns=at_ns, speech=speech, **changes), PIDS)


def guessed(number: int, after_s: float) -> dict[str, Any]:
    """A turn whose answer was begun before the user had finished."""
    early = {"began": -60.0, "first": -40.0, "ended": 20.0}
    return record(number, after_s, stages={**turn()["stages"], "llm": early, "vocoder": early})


TURNS = [record(1), guessed(2, 6.0), record(3, 6.4), record(4, 30.0, response_ms=None, stages={}, late=["asr"])]


def check(made: dict[str, Any]) -> None:
    """What the importer of Perfetto wants, and drops or misplaces otherwise."""
    events = json.loads(json.dumps(made))["traceEvents"]
    open_: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    flows: dict[Any, list[str]] = defaultdict(list)
    last = 0
    for event in events:
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert event["ph"] in "XistfCM"
        if event["ph"] == "M":
            assert set(event["args"]) <= {"name", "sort_index"}
            continue
        assert isinstance(event["ts"], int)
        assert event["ts"] >= last  # the order in which they are read decides what is open
        last = event["ts"]
        stack = open_[event["pid"], event["tid"]]
        while stack and stack[-1]["ts"] + stack[-1]["dur"] <= event["ts"]:
            stack.pop()
        if event["ph"] == "X":
            assert event["dur"] > 0
            assert not stack or event["ts"] + event["dur"] <= stack[-1]["ts"] + stack[-1]["dur"], "slices cross"
            stack.append(event)
        elif event["ph"] in "stf":
            assert stack, f"an arrow of {event['args']} begins or ends in no slice"
            assert event.get("bp") == ("e" if event["ph"] == "f" else None)
            flows[event["id"], event["cat"], event["name"]].append(event["ph"])
        elif event["ph"] == "C":
            assert all(isinstance(value, (int, float)) for value in event["args"].values())
    for steps in flows.values():
        assert (steps[0], steps[-1]) == ("s", "f")
        assert set(steps[1:-1]) <= {"t"}


def of(made: dict[str, Any], phase: str) -> list[dict[str, Any]]:
    return [event for event in made["traceEvents"] if event["ph"] == phase]


def test_several_turns_make_a_trace_that_perfetto_understands() -> None:
    made = trace(TURNS)
    check(made)
    assert made["otherData"]["turns"] == len(TURNS)
    assert len({event["id"] for event in of(made, "s")}) == 3  # nothing came of the last


def test_each_process_is_a_track_under_its_real_number_and_name() -> None:
    made = trace(TURNS)
    names = {event["pid"]: event["args"]["name"] for event in of(made, "M") if event["name"] == "process_name"}
    wanted = {pid: f"engine:{name}" for name, pid in PIDS.items() if name != "floor"} | {ENGINE: "engine"}
    assert names == wanted
    asr = [event for event in of(made, "X") if event["pid"] == PIDS["asr"]]
    assert [event["name"] for event in asr] == [f"turn 1.{n}: recognises" for n in (1, 2, 3)]
    assert {(event["pid"], event["tid"]) for event in asr[:1]} == {(103, 103)}


def test_the_arrows_go_from_speech_to_text_to_the_answer_to_its_sound() -> None:
    made = trace([record()])
    arrows = [event for event in made["traceEvents"] if event["ph"] in "stf"]
    assert [(event["ph"], event["pid"]) for event in arrows] == [
        ("s", 102),
        ("t", 103),
        ("t", 106),
        ("t", 107),
        ("f", 101),
    ]


def test_the_parts_of_the_response_lie_in_it_and_fill_it() -> None:
    made = trace([record()])
    response = [event for event in of(made, "X") if event["cat"] == "response"]
    whole, *rest = response
    assert whole["name"] == "turn 1.1: heard after 576 ms"
    assert [(event["name"], event["dur"]) for event in rest] == [
        (part.label, round(part.ms * 1000)) for part in parts(turn()) if part.ms
    ]
    assert sum(event["dur"] for event in rest) == whole["dur"]
    assert len({event["tid"] for event in response}) == 1


def test_slices_that_would_cross_are_put_beside_each_other() -> None:
    made = trace([record(1), record(2, 1.0)])  # the second is heard while the first is still played
    check(made)
    tids = [event["tid"] for event in of(made, "X") if event["pid"] == PIDS["audio"]]
    assert len(set(tids)) == 2


def test_what_was_said_stands_in_it_only_where_that_is_asked_for() -> None:
    assert "when do you close" not in json.dumps(trace(TURNS))
    assert "when do you close" in json.dumps(trace(TURNS, words=True))


def test_the_command_reads_a_report_and_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, log, out = tmp_path / "report.json", tmp_path / "turns.jsonl", tmp_path / "turn.json"
    report.write_text(json.dumps({"engine": "antiphon 1", "turns": TURNS}))
    lines = [json.dumps(entry("turn", {"engine": "antiphon 1", **each})) for each in TURNS]
    log.write_text("\n".join([lines[0], '{"kind": "tur', *lines[1:]]) + "\n")
    made = []
    for source in (report, log):
        assert main(["trace", "--report", str(source), "--out", str(out), "--words"]) == 0
        made.append(json.loads(out.read_text()))
        check(made[-1])
    assert made[0] == made[1] == trace(TURNS, "antiphon 1", words=True)
    assert main(["trace", "--report", str(report), "--out", str(out), "--last", "1"]) == 0
    assert json.loads(out.read_text())["otherData"]["turns"] == 1
    assert "open it at ui.perfetto.dev" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "says"),
    [("{}", "neither a report nor a log"), ('{"turns": [{"session": 1}]}', "turns without what a trace is made of")],
)
def test_what_is_no_report_is_said_in_a_line(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.json").write_text(text)
    assert main(["trace", "--report", str(tmp_path / "r.json"), "--out", str(tmp_path / "t.json")]) == 4
    assert says in capsys.readouterr().err
    assert not (tmp_path / "t.json").exists()


def test_a_trace_that_cannot_be_written_is_an_error_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.json").write_text(json.dumps({"turns": TURNS}))
    assert main(["trace", "--report", str(tmp_path / "r.json"), "--out", str(tmp_path / "no" / "t.json")]) == 5
    assert "choose another --out" in capsys.readouterr().err


def test_a_running_engine_keeps_its_last_turns_and_no_word_of_who_has_left() -> None:
    from engine.contract import Tag
    from engine.events import AnswerEnded, SessionChanged
    from engine.hub import Hub
    from engine.last_turns import KEPT

    hub, last = Hub(100), LastTurns(lambda: PIDS)
    hub.subscribe(last)
    for number in range(KEPT + 3):
        hub.tell(AnswerEnded("At six.", "At six.", "answered", "answer", turn(turn=number, session=1 + number // KEPT)))
    assert [each["turn"] for each in last.records] == list(range(3, KEPT + 3))
    assert last.records[0]["pids"]["asr"] == PIDS["asr"]
    hub._publish("session", SessionChanged("ended", "silence").fields(), Tag(1), 0)
    words = [each["transcript"] for each in last.records]
    assert words == [""] * (KEPT - 3) + ["when do you close"] * 3
    assert last.records[0]["response_ms"] == 576.0
