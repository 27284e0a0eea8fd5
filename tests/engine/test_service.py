"""What a service manager is told, at a socket of the test's own; and that its unit files are right."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.main import main
from engine.service import Service
from engine.service_command import unit
from tests.notified import Manager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager(tmp_path / "notify") as made:
        yield made


def test_it_tells_of_its_whole_life(manager: Manager) -> None:
    service = Service(manager.environ())
    service.starting(30)
    service.ready("running")
    service.reloading()
    service.ready("running")
    service.status("running without llm")
    service.stopping(1.5)
    service.close()
    told = manager.told()
    assert told[0] == {"STATUS": "loading", "EXTEND_TIMEOUT_USEC": "40000000"}
    assert told[1] == told[3] == {"READY": "1", "STATUS": "running"}
    assert told[2].keys() == {"RELOADING", "MONOTONIC_USEC"}
    assert told[4] == {"STATUS": "running without llm"}
    assert told[5] == {"STOPPING": "1", "STATUS": "stopping", "EXTEND_TIMEOUT_USEC": "11500000"}


def test_an_abstract_socket_is_one_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"antiphon-test-{os.getpid()}-{id(listening)}"
        listening.bind(f"\0{name}")
        listening.settimeout(60)
        service = Service({"NOTIFY_SOCKET": f"@{name}"})
        service.ready("running")
        assert listening.recv(1 << 16) == b"READY=1\nSTATUS=running"
        service.close()


def test_nobody_asked_and_nobody_listens(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}, {"NOTIFY_SOCKET": "vsock:2:1234"}):
        service = Service(environ)
        assert not environ
        service.ready("running")
        service.stopping(1)
        service.close()


def test_no_worker_believes_that_it_was_meant(manager: Manager) -> None:
    environ = {"PATH": "/bin", **manager.environ(watchdog_s=1)}
    Service(environ).close()
    assert environ == {"PATH": "/bin"}


def kicks(manager: Manager, pid: int, is_fresh: Callable[[], bool], ends: Callable[[], bool]) -> list[dict[str, str]]:
    """What is told by a service that is watched every 10 ms."""

    async def watched() -> None:
        service = Service(manager.environ(watchdog_s=0.01, pid=pid))
        service.watch(is_fresh)
        while not ends():
            await asyncio.sleep(0.001)
        service.stopping(1)
        await asyncio.sleep(0.03)  # no kick comes after the end
        service.close()

    asyncio.run(watched())
    return manager.told()


def test_it_is_alive_as_long_as_every_stage_is(manager: Manager) -> None:
    asked: list[bool] = []

    def is_fresh() -> bool:
        asked.append(len(asked) < 5)  # from then on one hangs
        return asked[-1]

    told = kicks(manager, os.getpid(), is_fresh, lambda: len(asked) >= 10)
    assert told[:-1] == [{"WATCHDOG": "1"}] * 5
    assert told[-1]["STOPPING"] == "1"


def test_a_watchdog_of_another_process_is_not_ours(manager: Manager) -> None:
    (told,) = kicks(manager, os.getpid() + 1, lambda: True, lambda: True)
    assert told["STOPPING"] == "1"


# The units.

VERIFY = shutil.which("systemd-analyze")


@pytest.mark.skipif(VERIFY is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("session", [False, True], ids=["for the machine", "for a session"])
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, session: bool) -> None:
    assert VERIFY is not None
    file = tmp_path / "antiphon.service"
    file.write_text(unit(session, "antiphon", Path("/etc/antiphon/hall 2.toml")))
    command = [VERIFY, "verify", "--man=no", *(["--user"] if session else []), str(file)]
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    # It exits with 0 even where it does not know a line.
    ours = [line for line in done.stderr.splitlines() if "antiphon" in line]
    assert (done.returncode, done.stdout, ours) == (0, "", [])


def test_the_unit_has_the_paths_of_this_installation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["service", "--user", "kiosk", "--config", "/etc/antiphon/100% & more.toml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    engine = start.removeprefix("ExecStart=").split(" run")[0]
    assert Path(engine.split()[0]).exists()
    assert start.endswith(' run --config "/etc/antiphon/100%% & more.toml"')
    assert f"ExecReload={engine} reload" in lines
    assert "User=kiosk" in lines
    assert main(["service", "--session"]) == 0
    assert "User=" not in capsys.readouterr().out


@pytest.mark.parametrize("user", ["", "two words", "root\nExecStart=/bin/sh", "%i"])
def test_what_is_no_user_is_refused(user: str) -> None:
    with pytest.raises(UsageError):
        unit(False, user, None)
