"""What tests of the whole engine on the devices of a PulseAudio daemon share, but for the fixtures `on` and `door`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from engine.door.client import DoorClient
from tests.engine_run import QUESTION, Engine
from tests.pulse import PulseServer

NAMED = ("--set", "audio.microphone=person.monitor", "--set", "audio.loudspeaker=speaker")
IMPATIENT = ("--set", "turns.response_budget_ms=1000", "--set", "turns.hard_limit_s=2")
On: TypeAlias = Callable[..., Engine]
Door: TypeAlias = Callable[[Engine], DoorClient]


def ask(engine: Engine, server: PulseServer, turns: int) -> None:
    """Speak the question into the microphone's sink, and wait until it was answered."""
    server.play(QUESTION, "person").wait()
    engine.until(lambda: engine.stdout.count("turn ") == turns, f"turn {turns} was over")


def device_events(client: DoorClient) -> Iterator[dict[str, Any]]:
    client.command("subscribe", events=["device"])
    while (event := client.event(60)) is not None:
        yield event
