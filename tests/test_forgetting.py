"""When a visitor has left, nothing of what was said to them or by them lies in the engine's shared memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ringbuf
from engine.channels import CHANNELS, ENGINE, channel, segment
from engine.contract import Pcm
from tests.conftest import Start
from tests.door.house import Client
from tests.engine_run import RATE, SHM, Engine, silence, write
from tests.rings import Rings
from tests.visit import Visit

CONTEXT, QUESTION, WORDS = "Quetzalcoatl", "Tegucigalpa", "Ouagadougou"
"""What the host gave to know, asked and said. What the visitor asked by mouth is about a museum."""
RARE = [word.encode() for word in (CONTEXT, QUESTION, WORDS, "museum")]
RUN = 16
"""Samples that are looked for in one piece."""
BY_WORKERS = {each.name for each in CHANNELS if each.writer != ENGINE} - {"capture", "marks"}
"""Rings that are written by a worker's main thread, not by a device's callback."""


def runs(sound: Pcm) -> list[bytes]:
    """Pieces of a sound that are loud and like no other."""
    pieces = [sound[at : at + RUN] for at in range(0, len(sound) - RUN, RATE // 10)]
    return [piece.tobytes() for piece in pieces if len(set(piece.tolist())) == RUN and np.abs(piece).max() > 2000]


def left(engine: Engine, *wanted: bytes) -> dict[str, list[bytes]]:
    """Segment → what it holds of what is looked for. In the settings are the owner's words, not the visitor's."""
    contents = {path.name.rpartition(".")[2]: path.read_bytes() for path in engine.segments()}
    del contents["settings"]
    found = {name: [each for each in wanted if each in content] for name, content in contents.items()}
    return {name: there for name, there in found.items() if there}


def in_the_middle_of_a_sentence(visit: Visit) -> None:
    visit.client.send(
        {"command": "say", "text": f"{WORDS} is far, and the way there is very long and very hard to find."}
    )
    visit.until("answer.word", number=3)
    assert visit.client.ask({"command": "session.end"})["ok"]


def in_silence(visit: Visit) -> None:
    visit.until("session", state="ended", reason="silence")


@pytest.mark.parametrize("leave", [in_the_middle_of_a_sentence, in_silence])
def test_nothing_of_a_visitor_is_left_in_shared_memory(
    start: Start, tmp_path: Path, leave: Callable[[Visit], None]
) -> None:
    patience = "turns.session_end_s=" + ("5" if leave is in_silence else "0")
    visit = Visit(start, tmp_path, "--set", "llm.backend=repeat", "--set", patience)
    visit.until("answer.ended")
    assert visit.client.ask({"command": "context", "text": f"The visitor is called {CONTEXT}."})["ok"]
    visit.client.send({"command": "ask", "text": f"How far is {QUESTION}"})
    assert QUESTION in visit.until("answer.ended")["heard"]
    visit.client.send({"command": "say", "text": f"{WORDS} is far."})
    assert WORDS in visit.until("answer.ended")["heard"]
    said, told = runs(visit.mic()), runs(visit.played())
    assert len(said) > 5
    assert len(told) > 5
    assert set(left(visit.engine, *said, *told)) >= {"mic", "played"}  # what is there is found
    leave(visit)
    visit.engine.until(lambda: visit.engine.get("turns.session") == 2, "the session had ended")
    told += runs(visit.played())
    visit.engine.until(lambda: not left(visit.engine, *RARE, *said, *told), f"{left(visit.engine, *RARE)} was gone")
    newcomer = Client(visit.engine.door)
    greeting = newcomer.line()
    newcomer.close()
    assert not any(word in greeting for word in RARE)
    visit.end()


def test_what_the_host_gave_to_know_before_anybody_came_is_forgotten_too(start: Start, tmp_path: Path) -> None:
    engine = start("--input", write(tmp_path / "nobody.wav", silence(300)))
    engine.until_ready()
    client = Client(engine.door)
    assert client.ask({"command": "context", "text": f"The next visitor is called {CONTEXT}."})["ok"]
    assert client.ask({"command": "session.end"})["ok"]
    engine.until(lambda: not left(engine, CONTEXT.encode()), "the name was gone")
    client.close()
    engine.process.terminate()
    assert engine.end() == 0


@pytest.mark.parametrize("name", [each.name for each in CHANNELS if each.kind == "stream" and each.name in BY_WORKERS])
def test_what_was_read_is_gone_when_its_writer_comes_round_and_what_was_not_stays(rings: Rings, name: str) -> None:
    path, word = SHM / segment(rings.instance, name), CONTEXT.encode()
    seat = rings.seat(channel(name).writer)
    assert seat.stream_writer(name).put(word)
    seat.beat()
    assert word in path.read_bytes()
    with ringbuf.StreamReader(path.name) as reader:
        assert [record.data.tobytes() for record in reader] == [word]
    assert word in path.read_bytes()
    seat.beat()
    assert word not in path.read_bytes()
