"""The log of turns: a file that only grows, a line of JSON for each turn and each call of a tool.

Each line is one write(2) with O_APPEND: whoever is killed, whenever, leaves whole lines, and what the kernel has taken
is in the file. A line that a full disk cut is closed by a line break before the next one, and skipped by `read`. What
is personal stands below `personal` and nowhere else, so that one can take it away: jq 'del(.personal)'.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine import wav
from engine.errors import OutputError
from engine.last_turns import WORDS

PERSONAL = {
    "turn": (*WORDS, "sound"),
    "call": ("arguments", "text"),
}
"""Kind of line → what is personal in it: what the visitor said, what was said to them, and the name of the file that
their voice is in; what they wanted to be done, and what came of it."""
_MODE = 0o600


def entry(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A line: the fields, with what is personal apart."""
    personal = {name: fields[name] for name in PERSONAL[kind] if name in fields}
    rest = {name: value for name, value in fields.items() if name not in personal}
    return {"kind": kind, **rest, "personal": personal}


def flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a line, as they were given to `entry`. What somebody took away is empty."""
    empty = dict.fromkeys(WORDS, "")
    return {
        **empty,
        **{name: value for name, value in entry.items() if name != "personal"},
        **entry.get("personal", {}),
    }


def read(text: str) -> Iterator[dict[str, Any]]:
    """The whole lines of a log."""
    for line in text.split("\n"):  # and at nothing else: JSON may hold what str.splitlines takes for the end of a line
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and found.get("kind") in PERSONAL:
                yield found


class TurnLog:
    """The file at `path`, and beside it path.1, path.2 …, `keep` of them, the newest first. most: bytes of one.

    For its owner alone, mode 0600, whoever made it. Raises OutputError where it cannot be opened, or another engine
    writes there.
    """

    def __init__(self, path: Path, most: int, keep: int) -> None:
        self._path, self._most, self._keep = path, most, keep
        try:
            self._file = self._open()
        except OSError as error:
            raise OutputError(f"log.turns: {wav.place(path)}: {_why(error)}", "choose another log.turns") from error

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.open(self._path, flags, _MODE)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):  # before it is changed: /dev/null is everybody's
                raise OSError(errno.EINVAL, "it is no file, but a pipe or a device")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(file, _MODE)
            size = os.fstat(file).st_size
            self._torn = size > 0 and _last_byte(self._path, size) != b"\n"
        except BaseException:
            os.close(file)
            raise
        return file

    def write(self, entry: Mapping[str, Any]) -> None:
        """Add a line. Raises OSError; then it is not there, and the next one is tried anew."""
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        if os.fstat(self._file).st_size + len(line) > self._most:
            self._rotate()
        raw = b"\n" + line if self._torn else line
        written = os.write(self._file, raw)
        self._torn = 0 < written < len(raw) or (self._torn and not written)
        if written < len(raw):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _rotate(self) -> None:
        """This file becomes the first of the old ones, and the last of those goes. One that is empty stays."""
        if not os.fstat(self._file).st_size:
            return
        if self._path.exists():  # else it was put aside already, and no new one could be made
            names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._keep + 1))]
            for newer, older in reversed(list(itertools.pairwise(names))):
                with contextlib.suppress(FileNotFoundError):
                    newer.rename(older)
            if not self._keep:
                self._path.unlink(missing_ok=True)
        fresh = self._open()
        os.close(self._file)
        self._file = fresh

    def close(self) -> None:
        os.close(self._file)


def _last_byte(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(size - 1)
        return file.read(1)


def _why(error: OSError) -> str:
    if error.errno in (errno.EWOULDBLOCK, errno.EACCES) and isinstance(error, BlockingIOError):
        return "another engine writes there"
    return error.strerror or str(error)
