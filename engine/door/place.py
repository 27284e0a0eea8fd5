"""Where the door is: the path of its socket, how that is made without ever being more open than it shall be, and which
doors there are.

Unless `door.socket` names one, it is antiphon/NAME.sock in the first of $XDG_RUNTIME_DIR, /run and /tmp/antiphon-UID
that this user may write to. An engine that finds the door of its name taken makes NAME.PID.sock beside it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import re
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from engine import NAME
from engine.errors import ConfigError, OutputError

_RUN = Path("/run")
_LONGEST = 107
"""Bytes in the path of a Unix socket."""
_LOCK_S, _LOCK_EVERY_S = 2.0, 0.02
_BACKLOG = 64


class Place:
    """The door's socket, listening. `note`: what its owner should know about its place, or nothing."""

    def __init__(self, path: Path, listening: socket.socket, note: str = "") -> None:
        self.path, self.socket, self.note = path, listening, note
        self._inode = path.stat().st_ino

    def remove(self) -> None:
        """Take the file away, if it is still this one."""
        with contextlib.suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()


def take(wanted: str, group: str, name: str, told_by: str = "") -> Place:
    """Make the socket. wanted: its path, or empty for the usual place. group: who beside this user may come in;
    told_by: where that was set.

    Raises ConfigError (no such group, or none of this user's) or OutputError (it cannot be made, or another engine
    listens there).
    """
    try:
        return _take(wanted, _gid(group), name)
    except ConfigError as error:
        raise ConfigError(f"{told_by}: {error.what}" if told_by else error.what, error.remedy) from None


def _take(wanted: str, gid: int, name: str) -> Place:
    if wanted:
        path = Path(wanted).absolute()
        with _mended_by("choose another door.socket", path), _locked(path.parent):
            made = _listen(path, gid)
        if made is None:
            raise OutputError(f"{path}: another engine has its door there", "end it, or choose another door.socket")
        return Place(path, made)
    folder = _make_folder(name, gid)
    path, other = folder / f"{name}.sock", folder / f"{name}.{os.getpid()}.sock"
    with _mended_by("set door.socket", path), _locked(folder):
        _clear(folder, name)
        if (made := _listen(path, gid)) is not None:
            return Place(path, made)
        if (made := _listen(other, gid)) is None:
            raise OutputError(f"{other}: another process listens there", "set door.socket")
    note = f"{path} is the door of another engine of this name, so this one's is {other}"
    return Place(other, made, note)


def running(name: str = "") -> list[Path]:
    """The doors in the usual places, of engines called `name` or of all, that someone listens at."""
    return [path for path in _doors(name) if _answers(path)]


def closed(name: str = "") -> list[Path]:
    """The doors in the usual places that are not for this user, whether someone listens there or not."""
    return [path for path in _doors(name) if os.path.exists(path) and not os.access(path, os.W_OK)]


def _doors(name: str) -> list[Path]:
    runtime, own, found = _runtime(), _own(), []
    for folder in (*((runtime / NAME,) if runtime else ()), _RUN / NAME, own):
        with contextlib.suppress(OSError):
            if folder != own or _is_ours(folder):  # anybody may make one of this name
                found += sorted(path for path in folder.iterdir() if path.suffix == ".sock" and _is_of(path.stem, name))
    return found


def is_trusted(path: Path, uid: int) -> bool:
    """Whether the user who listens at this socket is to be trusted with what is said there: it is this one or root, or
    the one who alone can put a socket there (a member of `door.group` comes from another user)."""
    if uid in (0, os.geteuid()):
        return True
    folder = path.resolve().parent.stat()
    return folder.st_uid == uid and not folder.st_mode & 0o022


def is_live(path: Path) -> bool:
    """Whether someone listens at this socket. OSError: it is no socket, or not for this user."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise OSError(errno.ENOTSOCK, f"it is a symbolic link, to {os.readlink(path)}, and no socket")
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.ENOTSOCK, "it is no socket")
    with socket.socket(socket.AF_UNIX) as trial:
        trial.setblocking(False)  # a door with many before it is one all the same
        try:
            trial.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:
            pass
    return True


def _answers(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return is_live(path)
    return False


def _is_of(stem: str, name: str) -> bool:
    return not name or re.fullmatch(rf"{re.escape(name)}(\.\d+)?", stem) is not None


# Making it.


def _listen(path: Path, gid: int) -> socket.socket | None:
    """A listening socket at `path`, this user's alone (and the group's); None if someone listens there already."""
    if len(os.fsencode(path)) > _LONGEST:
        raise OSError(errno.ENAMETOOLONG, f"a socket's path has at most {_LONGEST} bytes")
    with contextlib.suppress(FileNotFoundError):
        if is_live(path):
            return None
        path.unlink()  # left by an engine that was killed
    made = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        made.bind(str(path))
    finally:
        os.umask(mask)
    try:
        if gid >= 0:
            _let_in(gid, path, 0o660)
        made.listen(_BACKLOG)
    except (OSError, ConfigError):
        path.unlink()
        made.close()
        raise
    return made


def _clear(folder: Path, name: str) -> None:
    """Remove what killed engines of this name have left."""
    for path in folder.glob("*.sock"):
        with contextlib.suppress(OSError):
            if _is_of(path.stem, name) and not is_live(path):
                path.unlink()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone at making a door in this folder: two engines that find the same dead socket must not both replace it."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        limit = time.monotonic() + _LOCK_S
        while True:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > limit:  # in a folder of all, anybody may hold it
                    raise
            time.sleep(_LOCK_EVERY_S)
        yield
    finally:
        os.close(number)


@contextlib.contextmanager
def _mended_by(remedy: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"the door {path}: {error.strerror}", remedy) from error


def _gid(group: str) -> int:
    """The group's number; -1 for none."""
    if not group:
        return -1
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        from engine.rules import shown  # not at the top: `engine say` and its like have no use for them
        from engine.schema import near

        meant = near(group, [one.gr_name for one in grp.getgrall()])
        remedy = f"did you mean {meant}?" if meant else f"groupadd {shown(group)[1:-1]}, or choose another"
        raise ConfigError(f"door.group: there is no group {shown(group)}", remedy) from None


def _let_in(gid: int, path: Path, mode: int) -> None:
    """Give a file to a group."""
    try:
        os.chown(path, -1, gid)
    except PermissionError:  # only members may
        group = grp.getgrgid(gid).gr_name
        what = f"door.group: this user is not in the group {group}, or was not when they logged in"
        raise ConfigError(what, f"usermod -aG {group} $USER, and log in anew") from None
    path.chmod(mode)


# The usual places.


def _runtime() -> Path | None:
    """$XDG_RUNTIME_DIR, if it is what it should be."""
    text = os.environ.get("XDG_RUNTIME_DIR", "")
    with contextlib.suppress(OSError):
        if os.path.isabs(text) and os.stat(text).st_uid == os.getuid() and os.access(text, os.W_OK | os.X_OK):
            return Path(text)
    return None


def _own() -> Path:
    return Path(f"/tmp/{NAME}-{os.getuid()}")


def _is_ours(folder: Path) -> bool:
    """It is a folder of this user alone, but for a group that may go through it."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o027


def _make_folder(name: str, gid: int) -> Path:
    """The folder of the doors in the first usual place that this user may write to. A group cannot come into
    $XDG_RUNTIME_DIR, which is its user's alone."""
    longest = _LONGEST - len(f"/{name}.{os.getpid()}.sock")
    for base, mode in ((None if gid >= 0 else _runtime(), 0o700), (_RUN, 0o755)):
        if base is not None and len(os.fsencode(folder := base / NAME)) <= longest:
            with contextlib.suppress(OSError):
                folder.mkdir(mode, exist_ok=True)
                if os.access(folder, os.W_OK | os.X_OK):
                    return folder
    folder = _own()
    with _mended_by("set door.socket", folder):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(0o700)
        if not _is_ours(folder):
            raise OutputError(f"{folder} is not a folder of this user alone", "remove it, or set door.socket")
        if gid >= 0:
            _let_in(gid, folder, 0o710)
    return folder
