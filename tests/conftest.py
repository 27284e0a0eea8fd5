"""What the tests of the whole engine share."""

from __future__ import annotations

import gc
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from engine.config import load
from engine.config_layers import PREFIX, SYSTEM_CONFIG
from engine.devices import alsa
from engine.door.client import DoorClient
from tests.engine_run import SHORT_ANSWERS, Engine
from tests.live import Door, On
from tests.order import arrange, share
from tests.pulse import PulseServer
from tests.rings import Rings

Start: TypeAlias = Callable[..., Engine]


def pytest_collection_finish() -> None:
    """What thousands of tests consist of is no garbage: the collector, which parts of the engine run again and again,
    need not look at it each time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    share(items)
    arrange(items)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(*arguments) runs an engine; of one that has ended nothing may be left, neither process nor memory. One that
    still runs after a test has seen the test fail."""
    engines: list[Engine] = []

    def run(*arguments: Any, **options: Any) -> Engine:
        engines.append(Engine(tmp_path, *arguments, **options))
        return engines[-1]

    yield run
    ended = [engine for engine in engines if engine.process.poll() is not None]
    left = {engine.name: (engine.pids(), engine.segments()) for engine in ended}
    for engine in engines:
        engine.clean_up()
    assert left == {engine.name: ({}, []) for engine in ended}


@pytest.fixture
def short_answers(tmp_path: Path) -> Path:
    """A configuration with one short answer."""
    path = tmp_path / "short.toml"
    path.write_text(SHORT_ANSWERS)
    return path


@pytest.fixture
def rings_with() -> Iterator[Callable[..., Rings]]:
    """rings_with(*sets) is the shared memory of an engine with these settings, without its processes: the test takes
    the workers' seats."""
    made: list[Rings] = []

    def make(*sets: str) -> Rings:
        name = f"engine.instance=t{uuid.uuid4().hex[:10]}"
        made.append(Rings(load(sets=[name, *sets], environ={SYSTEM_CONFIG: ""})))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def rings(rings_with: Callable[..., Rings]) -> Rings:
    """Those of an engine as it comes."""
    return rings_with()


# For the test's own process.


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A command that was run in this process has taken them: Ctrl-C shall end the tests."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def packaged_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has configured anything."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(SYSTEM_CONFIG, "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))


@pytest.fixture
def no_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel knows no sound card, whatever this machine has."""
    monkeypatch.setattr(alsa, "PROC", tmp_path / "no-cards")


@pytest.fixture
def no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_cards: None) -> None:
    """No sound server answers, and there is no card."""
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, no_cards: None) -> Iterator[PulseServer]:
    """A PulseAudio daemon whose devices are the only ones."""
    with PulseServer() as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        made.set_default(sink="speaker", source="person.monitor")
        yield made


# For whole engines on real devices.


@pytest.fixture
def on(start: Start, server: PulseServer, short_answers: Path) -> On:
    """on(*options) runs an engine on the daemon's devices."""

    def run(*options: Any, **more: Any) -> Engine:
        return start("--config", str(short_answers), *options, environ=server.environ, **more)

    return run


@pytest.fixture
def door(server: PulseServer) -> Iterator[Door]:
    """door(engine) is a client of its door."""
    clients = []

    def enter(engine: Engine) -> DoorClient:
        path = Path(server.environ["XDG_RUNTIME_DIR"]) / "antiphon" / f"{engine.name}.sock"
        clients.append(DoorClient(path))
        return clients[-1]

    yield enter
    for client in clients:
        client.close()
