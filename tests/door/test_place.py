"""The door's socket: where it is, who may come in, and what is there already."""

from __future__ import annotations

import fcntl
import grp
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.door import place as places
from engine.door.client import DoorClient
from engine.door.place import Place
from engine.errors import ConfigError, DoorError, OutputError


class Doors:
    """Makes doors and takes them away after the test."""

    def __init__(self) -> None:
        self._made: list[Place] = []

    def take(self, wanted: str = "", group: str = "", name: str = "engine") -> Place:
        self._made.append(places.take(wanted, group, name))
        return self._made[-1]

    def close(self) -> None:
        for place in self._made:
            place.remove()
            place.socket.close()


@pytest.fixture
def doors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doors]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(places, "_RUN", tmp_path / "run")  # engines of this machine are none of ours
    made = Doors()
    yield made
    made.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def leave_behind(path: Path) -> None:
    """What a killed engine leaves: a socket at which nobody listens."""
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def own_group() -> str:
    return grp.getgrgid(os.getgid()).gr_name


# Who may come in.


def test_the_door_is_its_users_alone(doors: Doors, tmp_path: Path) -> None:
    place = doors.take()
    assert place.path == tmp_path / "antiphon" / "engine.sock"
    assert (mode(place.path), mode(place.path.parent), place.note) == (0o600, 0o700, "")


def test_a_group_may_come_in_when_it_is_named(doors: Doors, tmp_path: Path) -> None:
    place = doors.take(str(tmp_path / "door"), own_group())
    assert mode(place.path) == 0o660
    assert place.path.stat().st_gid == os.getgid()


def test_it_is_never_more_open_than_it_shall_be(doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for the moment between making it and giving it to the group, whatever the umask is."""
    seen: list[int] = []
    chown = os.chown

    def looking(path: Path, uid: int, gid: int) -> None:
        seen.append(mode(path))
        chown(path, uid, gid)
        seen.append(mode(path))

    monkeypatch.setattr(os, "chown", looking)
    mask = os.umask(0)
    try:
        doors.take(str(tmp_path / "door"), own_group())
        assert os.umask(0) == 0  # ours again
    finally:
        os.umask(mask)
    assert seen == [0o600, 0o600]


def test_a_group_that_is_none_is_a_mistake_in_the_configuration(doors: Doors) -> None:
    with pytest.raises(ConfigError, match=r'^door\.group: there is no group "zzz"; groupadd zzz, or choose another$'):
        doors.take(group="zzz")
    with pytest.raises(
        ConfigError, match=r'^kiosk\.toml:3: door\.group: there is no group "audoi"; did you mean audio\?'
    ):
        places.take("", "audoi", "engine", "kiosk.toml:3")


@pytest.mark.parametrize("named", [True, False], ids=["named", "usual"])
def test_a_group_that_this_user_is_not_in_is_told_with_the_line_that_mends_it(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / "run").mkdir()
    monkeypatch.setattr(places, "_RUN", tmp_path / "run")
    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(ConfigError, match=f"not in the group {own_group()}, .*; usermod -aG {own_group()} "):
        doors.take(str(tmp_path / "door") if named else "", own_group())
    assert not any(path.is_socket() for path in tmp_path.rglob("*"))


def test_a_door_that_is_not_for_this_user_is_known_as_such(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = doors.take()
    assert places.closed() == []
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != place.path and access(path, mode))  # root may always
    assert (places.closed("engine"), places.closed("other")) == ([place.path], [])


# What is there already.


def test_a_dead_socket_is_replaced(doors: Doors, tmp_path: Path) -> None:
    leave_behind(tmp_path / "antiphon" / "engine.sock")
    assert doors.take().note == ""
    leave_behind(tmp_path / "named")
    assert doors.take(str(tmp_path / "named")).path == tmp_path / "named"


def test_the_second_engine_of_a_name_makes_a_door_of_its_own_and_says_so(doors: Doors) -> None:
    first, second = doors.take(), doors.take()
    assert second.path == first.path.with_name(f"engine.{os.getpid()}.sock")
    assert str(first.path) in second.note
    assert str(second.path) in second.note
    assert places.running("engine") == sorted([first.path, second.path])
    assert doors.take(name="kiosk").note == ""
    assert len(places.running()) == 3


def test_a_named_door_that_is_taken_is_an_error(doors: Doors, tmp_path: Path) -> None:
    path = str(tmp_path / "door")
    doors.take(path)
    with pytest.raises(OutputError, match="another engine has its door there; end it, or choose another"):
        doors.take(path)


def test_what_is_no_socket_is_left_alone(doors: Doors, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    link = f"it is a symbolic link, to {tmp_path}/precious, and no socket"
    for name, why in (("precious", "it is no socket"), ("link", link)):
        with pytest.raises(OutputError, match=rf"the door {tmp_path}/{name}: {why}; choose another"):
            doors.take(str(tmp_path / name))
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "says"),
    [("absent/door", "No such file or directory"), ("x" * 120, "a socket's path has at most 107 bytes")],
)
def test_a_place_that_is_none_is_told_with_its_setting(doors: Doors, tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(OutputError) as caught:
        doors.take(str(tmp_path / name))
    assert str(caught.value) == f"the door {tmp_path / name}: {says}; choose another door.socket"
    assert list(tmp_path.iterdir()) == []


def test_of_many_that_find_a_dead_socket_one_replaces_it_and_the_others_see_it(doors: Doors, tmp_path: Path) -> None:
    path = tmp_path / "door"
    leave_behind(path)
    results: list[str] = []

    def start() -> None:
        try:
            doors.take(str(path))
            results.append("made it")
        except OutputError:
            results.append("taken")

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["made it"] + ["taken"] * 7
    assert places.is_live(path)


def test_a_folder_that_somebody_keeps_locked_is_an_error_and_not_a_start_that_hangs(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_LOCK_S", 0.05)
    number = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(number, fcntl.LOCK_EX)
    with pytest.raises(OutputError, match="choose another"):
        doors.take(str(tmp_path / "door"))
    os.close(number)


def test_it_is_removed_at_the_end_unless_it_is_another_engines_by_then(doors: Doors, tmp_path: Path) -> None:
    path = tmp_path / "door"
    first = doors.take(str(path))
    path.unlink()
    second = doors.take(str(path))
    first.remove()
    assert path.exists()
    second.remove()
    assert not path.exists()


# Where it is.


def test_a_runtime_folder_that_is_not_as_it_should_be_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(places, "_RUN", tmp_path / "run")
    (tmp_path / "file").touch()
    deep = tmp_path / ("y" * 90)
    deep.mkdir()
    for runtime in ("", "relative", str(tmp_path / "absent"), str(tmp_path / "file"), str(deep)):
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        place = places.take("", "", "engine")
        assert place.path == tmp_path / "run" / "antiphon" / "engine.sock"
        assert places.running() == [place.path]
        place.remove()
        place.socket.close()


def test_a_groups_door_is_not_in_a_folder_that_only_its_user_can_enter(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_RUN", tmp_path / "run")
    (tmp_path / "run").mkdir()
    place = doors.take(group=own_group())
    assert place.path.parent == tmp_path / "run" / "antiphon"
    assert (mode(place.path), mode(place.path.parent) & 0o011) == (0o660, 0o011)


class TestLastPlace:
    """A folder in /tmp, where everybody may make one."""

    @pytest.fixture
    def own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.setattr(places, "_RUN", tmp_path / "absent")
        monkeypatch.setattr(places, "_own", lambda: tmp_path / "own")
        return tmp_path / "own"

    def test_is_made_for_its_user_alone(self, own: Path, doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("XDG_RUNTIME_DIR")
        assert doors.take().path == own / "engine.sock"
        assert mode(own) == 0o700
        assert places.running() == [own / "engine.sock"]

    @pytest.mark.parametrize("trap", ["a link", "a file", "open to all"])
    def test_is_not_used_if_somebody_else_may_have_made_it(self, own: Path, tmp_path: Path, trap: str) -> None:
        if trap == "a link":
            (tmp_path / "elsewhere").mkdir(0o700)
            own.symlink_to(tmp_path / "elsewhere")
        elif trap == "a file":
            own.touch()
        else:
            own.mkdir()
            own.chmod(0o777)
        with pytest.raises(OutputError, match=f"{own} is not a folder of this user alone; remove it, or set door.sock"):
            places.take("", "", "engine")


# Whom a client trusts.

_STRANGER = """
import os, socket, sys
door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[1])
os.setuid(65534)
door.listen()
print(flush=True)
sys.stdin.read()
"""


def test_a_door_in_a_folder_that_another_user_made_in_our_name_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own"
    folder.mkdir(0o700)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(places, "_RUN", tmp_path / "run")
    monkeypatch.setattr(places, "_own", lambda: folder)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "engine.sock"))
        door.listen()
        assert places.running() == [folder / "engine.sock"]
        folder.chmod(0o777)
        assert places.running() == []


def test_a_socket_is_trusted_if_it_is_ours_or_roots_or_if_only_its_user_can_have_put_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, owner, stranger = tmp_path / "folder" / "door", os.getuid() or 4242, 4243
    path.parent.mkdir(0o755)
    if os.getuid() == 0:
        os.chown(path.parent, owner, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 4244)
    assert places.is_trusted(path, 4244)
    assert places.is_trusted(path, 0)
    assert places.is_trusted(path, owner)
    assert not places.is_trusted(path, stranger)
    path.parent.chmod(0o1777)
    assert not places.is_trusted(path, owner)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_a_stranger_who_listens_where_everybody_may_is_told_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    command = [sys.executable, "-c", _STRANGER, str(tmp_path / "door")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        with pytest.raises(DoorError, match="belongs to a process of user 65534"):
            DoorClient(tmp_path / "door")
        stranger.kill()
