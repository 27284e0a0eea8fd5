"""The log of turns: whole lines whatever happens, for its owner alone, and never more than is allowed."""

from __future__ import annotations

import json
import os
import re
import resource
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.config import Config, load
from engine.contract import Tag
from engine.errors import ConfigError, OutputError
from engine.events import AnswerEnded, Error, Event, SessionChanged, Tool, ToolEnded
from engine.hub import Hub
from engine.last_turns import WORDS
from engine.story import TurnRecord
from engine.turn_keeper import Keeper, open_log
from engine.turn_log import PERSONAL, TurnLog, entry, flat, read
from engine.turn_sound import TurnSound
from tests.engine.test_story import turn

MANY = 10**9


def lines(path: Path) -> list[dict[str, Any]]:
    return list(read(path.read_text()))


def test_a_line_is_added_for_each_turn_and_nobody_else_may_read_them(tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    path.write_text("")
    path.chmod(0o644)  # whoever made it
    log = TurnLog(path, MANY, 5)
    log.write(entry("turn", turn(turn=1)))
    log.write(entry("turn", turn(turn=2)))
    log.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each["turn"] for each in lines(path)] == [1, 2]
    again = TurnLog(path, MANY, 5)
    again.write(entry("turn", turn(turn=3)))
    again.close()
    assert [each["turn"] for each in lines(path)] == [1, 2, 3]


def test_a_line_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = TurnLog(tmp_path / "t", MANY, 5)
    writes: list[bytes] = []

    def write(_file: int, raw: bytes) -> int:
        writes.append(raw)
        return len(raw)

    monkeypatch.setattr(os, "write", write)
    log.write(entry("turn", turn()))
    assert len(writes) == 1
    assert writes[0].endswith(b"\n")
    assert writes[0].count(b"\n") == 1


def test_a_line_that_was_torn_is_closed_at_the_next_start_and_skipped(tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    whole = json.dumps(entry("turn", turn(turn=1)))
    path.write_text(f"{whole}\n{whole[:40]}")
    log = TurnLog(path, MANY, 5)
    log.write(entry("turn", turn(turn=2)))
    log.close()
    assert [each["turn"] for each in lines(path)] == [1, 2]
    assert path.read_text().splitlines()[1] == whole[:40]


def test_a_full_disk_cuts_one_line_and_the_next_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "turns.jsonl"
    log = TurnLog(path, MANY, 5)
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, raw: real(file, raw[:30]))
    with pytest.raises(OSError, match="No space left"):
        log.write(entry("turn", turn(turn=1)))
    monkeypatch.setattr(os, "write", real)
    log.write(entry("turn", turn(turn=2)))
    log.close()
    assert [each["turn"] for each in lines(path)] == [2]


def test_it_is_put_aside_when_it_is_too_large_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "turns.jsonl"
    size = len(json.dumps(entry("turn", turn(turn=1)))) + 1
    log = TurnLog(path, 2 * size + 10, 2)
    for number in range(1, 10):
        log.write(entry("turn", turn(turn=number)))
    log.close()
    names = sorted(each.name for each in tmp_path.iterdir())
    assert names == ["turns.jsonl", "turns.jsonl.1", "turns.jsonl.2"]
    found = [[each["turn"] for each in lines(tmp_path / name)] for name in names]
    assert found == [[9], [7, 8], [5, 6]]
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


def test_without_old_ones_it_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "t"
    log = TurnLog(path, 10, 0)
    for number in (1, 2):
        log.write(entry("turn", turn(turn=number)))
    log.close()
    assert [each["turn"] for each in lines(path)] == [2]
    assert [each.name for each in tmp_path.iterdir()] == ["t"]


def test_old_ones_stay_while_no_new_one_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without room for another file: what is there was put aside once, and not once more for each turn."""
    path = tmp_path / "t"
    size = len(json.dumps(entry("turn", turn(turn=1)))) + 1
    log = TurnLog(path, size, 2)
    for number in (1, 2, 3):
        log.write(entry("turn", turn(turn=number)))
    real = os.open

    def full(name: Any, flags: int, mode: int = 0o777) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    for number in (4, 5, 6):
        with pytest.raises(OSError, match="No space left"):
            log.write(entry("turn", turn(turn=number)))
    monkeypatch.setattr(os, "open", real)
    log.write(entry("turn", turn(turn=7)))
    log.close()
    assert [[each["turn"] for each in lines(tmp_path / name)] for name in ("t", "t.1", "t.2")] == [[7], [3], [2]]


def test_what_is_no_file_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    """As root, /dev/null would be nobody else's from then on."""
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o666)
    path.chmod(0o666)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(
            OutputError, match=r"pipe: it is no file, but a pipe or a device; choose another log\.turns"
        ):
            TurnLog(path, MANY, 5)
    finally:
        os.close(reader)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666


def test_what_was_said_comes_back_whatever_signs_are_in_it(tmp_path: Path) -> None:
    said = "one\u2028two\x85three\x0bfour\nfive\r\nsix\udcff"
    log = TurnLog(tmp_path / "t", MANY, 5)
    log.write(entry("turn", turn(transcript=said)))
    log.close()
    assert [each["personal"]["transcript"] for each in lines(tmp_path / "t")] == [said.replace("\udcff", "?")]


def test_two_engines_do_not_share_a_log_and_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    log = TurnLog(tmp_path / "t", MANY, 5)
    with pytest.raises(OutputError, match="another engine writes there"):
        TurnLog(tmp_path / "t", MANY, 5)
    log.close()
    TurnLog(tmp_path / "t", MANY, 5).close()
    with pytest.raises(OutputError, match=r"log\.turns: .*No such file or directory; choose another log\.turns"):
        TurnLog(tmp_path / "no" / "t", MANY, 5)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError):
        TurnLog(tmp_path / "link", MANY, 5)


def test_what_is_personal_stands_apart_and_comes_back() -> None:
    said = entry("turn", turn(sound="x.wav"))
    assert set(said["personal"]) == {*WORDS, "sound"} == set(PERSONAL["turn"])
    for word in ("close", "six"):
        assert word not in json.dumps({name: value for name, value in said.items() if name != "personal"})
    assert flat(said) == {"kind": "turn", **turn(sound="x.wav")}
    del said["personal"]
    assert flat(said)["transcript"] == ""


# Who writes it.


def configured(*sets: str) -> Config:
    return load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""})


class Told:
    """A hub with a keeper, and a log at `path`."""

    def __init__(self, path: Path, sound: Any = None) -> None:
        self.hub, self.errors = Hub(100), list[Error]()
        log = open_log(configured(f'log.turns="{path}"'))
        assert log is not None
        self.keeper = Keeper(log, sound, lambda: {"asr": 7}, self.errors.append)
        self.hub.subscribe(self.keeper)

    def tell(self, event: Event) -> None:
        self.hub._publish(event.name, event.fields(), Tag(1, 3, 1), 5_000_000_000)


def test_turns_and_calls_are_written_with_their_times_and_rungs(tmp_path: Path) -> None:
    told = Told(tmp_path / "t")
    told.tell(Tool("1.3.1.1", "open_gate", {"side": "left"}, 10.0))
    told.tell(AnswerEnded("At six.", "At six.", "answered", "answer", turn()))
    told.tell(ToolEnded("1.3.1.1", "open_gate", "done", "It is open."))
    told.tell(AnswerEnded("", "", "postponed", "answer", {}))  # without a record
    told.keeper.close(60)
    said, call = lines(tmp_path / "t")
    assert flat(said) == {"kind": "turn", **turn(), **{name: said[name] for name in ("time", "engine", "pids")}}
    assert said["pids"]["asr"] == 7
    assert said["engine"].startswith("antiphon ")
    assert call["personal"] == {"arguments": {"side": "left"}, "text": "It is open."}
    assert (call["kind"], call["tool"], call["outcome"], call["turn"]) == ("call", "open_gate", "done", 3)
    assert call["ms"] == 0.0


def test_a_disk_that_takes_nothing_is_told_once_and_holds_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told(tmp_path / "t")
    stuck, real = threading.Event(), os.write

    def write(file: int, raw: bytes) -> int:
        stuck.wait()
        return real(file, raw)

    monkeypatch.setattr(os, "write", write)
    for number in range(40):
        told.tell(AnswerEnded("x", "x", "answered", "answer", turn(turn=number)))
    assert [error.where for error in told.errors] == ["log"]
    assert "some are not written down" in told.errors[0].what
    stuck.set()
    told.keeper.close(60)
    assert 0 < len(lines(tmp_path / "t")) < 40


class Deaf:
    """Where sound should go, and there is no room for it."""

    def take(self, _record: Any) -> str:
        return "frames"

    def name(self, _record: Any, _at_s: float) -> str:
        return "x.wav"

    def write(self, _name: str, _frames: Any) -> None:
        raise OSError(28, "No space left on device")


def test_a_turn_is_written_down_also_where_its_sound_finds_no_room(tmp_path: Path) -> None:
    told = Told(tmp_path / "t", Deaf())
    for number in (1, 2):
        told.tell(AnswerEnded("x", "x", "answered", "answer", turn(turn=number)))
    told.keeper.close(60)
    assert [(each["turn"], "sound" in each["personal"]) for each in lines(tmp_path / "t")] == [(1, False), (2, False)]
    assert [error.what for error in told.errors] == ["the sound of a turn is not kept: No space left on device"]


def test_of_a_call_that_was_lost_nothing_is_kept_when_its_visitor_has_left(tmp_path: Path) -> None:
    """The process that would have ended it was killed."""
    told = Told(tmp_path / "t")
    told.tell(Tool("1.3.1.1", "open_gate", {"side": "left"}, 10.0))
    told.tell(SessionChanged("ended", "silence"))
    told.tell(ToolEnded("1.3.1.1", "open_gate", "done", "It is open."))
    told.keeper.close(60)
    assert lines(tmp_path / "t") == []


def test_nothing_is_written_down_unless_it_was_asked_for(tmp_path: Path) -> None:
    assert open_log(configured()) is None
    assert configured().log.audio is False
    with pytest.raises(ConfigError, match=r"log\.audio needs log\.turns"):
        configured("log.audio=true")


class Rings:
    """Sound of the mic and the loudspeaker: `n` samples, of which each is its place."""

    def __init__(self, sound: TurnSound, n: int) -> None:
        import numpy as np

        class Side:
            position, oldest = n, 100

            def view(self, start: int, stop: int) -> Any:
                return np.arange(start, stop).astype(np.int16)

            def holds(self, start: int) -> bool:
                return start >= self.oldest

        sound._sides = [Side(), Side()]  # type: ignore[list-item]


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TurnSound:
    monkeypatch.setattr("engine.turn_sound._look", lambda *_: None)
    (tmp_path / "a").mkdir()
    return TurnSound("x", 1000, tmp_path / "a", 50_000)


def test_the_sound_of_a_turn_is_from_before_the_speech_to_the_end_of_the_answer(sound: TurnSound) -> None:
    Rings(sound, 9000)
    stages = {"audio": {"began": None, "first": 500.0, "ended": 3000.0}}
    frames = sound.take(turn(speech={"start_s": 1.0, "end_s": 2.0}, stages=stages))
    assert frames is not None
    assert (frames[0, 0], frames[-1, 1], frames.shape) == (700, 4999, (4300, 2))
    cut = sound.take(turn(speech={"start_s": 1.0, "end_s": 2.0}, stages={}))  # interrupted: up to now
    assert cut is not None
    assert cut[-1, 0] == 8999
    assert sound.take(turn(speech={"start_s": 50.0, "end_s": 51.0}, stages={})) is None


def test_sound_is_for_its_owner_alone_and_the_oldest_goes(sound: TurnSound, tmp_path: Path) -> None:
    import numpy as np

    for second in range(5):
        sound.write(sound.name(turn(turn=second), 1_800_000_000.0 + second), np.zeros((5000, 2), np.int16))
    files = sorted((tmp_path / "a").iterdir())
    assert [path.name.split("-")[1] for path in files] == ["1.3.wav", "1.4.wav"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_sound_that_finds_too_little_room_leaves_no_file(sound: TurnSound, tmp_path: Path) -> None:
    """A file may not be larger than the limit: the kernel takes what fits, as a disk does that is nearly full."""
    import numpy as np

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="No space left"):
            sound.write("x.wav", np.zeros((5000, 2), np.int16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "a").iterdir()) == []


def test_the_page_says_what_is_personal() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "log.md").read_text()
    for kind, names in PERSONAL.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{kind}` |")]
        fields, personal = row.split("|")[2:4]
        assert set(re.findall(r"`(\w+)`", personal)) == set(names)
        if kind == "turn":
            known = {*TurnRecord.__annotations__, "pids"} - set(names)
            assert set(re.findall(r"`(\w+)`", fields.partition("door:")[2])) == known
