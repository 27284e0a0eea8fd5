"""The kernel's device nodes of sound cards, watched with inotify: they come and go with the cards."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

_EVENT = struct.Struct("iIII")
"""struct inotify_event: watch, mask, cookie, length of the name that follows."""
_ATTRIB, _CREATE, _DELETE = 0x4, 0x100, 0x200
_MAX_BYTES = 1 << 16


class SoundNodes:
    """Notices that something under /dev/snd came, went, or became ours to use.

    fd: can be read when there may be news; -1 where the system has no inotify left for us.
    """

    def __init__(self, dev: Path = Path("/dev")) -> None:
        self._libc = ctypes.CDLL(None)
        self._snd = dev / "snd"
        self.fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        # The folder itself comes with the first card.
        self._in_dev = self._watch(dev, _CREATE)
        self._watch_snd()

    def changed(self) -> bool:
        """Whether there was news since the last call."""
        news = [watch != self._in_dev or name == self._snd.name for watch, name in self._events()]
        if any(news):
            self._watch_snd()
        return any(news)

    def close(self) -> None:
        """Stop watching."""
        if self.fd >= 0:
            os.close(self.fd)

    def _watch_snd(self) -> None:
        self._watch(self._snd, _CREATE | _DELETE | _ATTRIB)  # udev grants access after the node was made

    def _watch(self, folder: Path, mask: int) -> int:
        """The number of the watch; negative for a folder that is not there."""
        number: int = self._libc.inotify_add_watch(self.fd, os.fsencode(folder), mask)
        return number

    def _events(self) -> Iterator[tuple[int, str]]:
        """(watch, name of the file) of everything that happened."""
        try:
            data = os.read(self.fd, _MAX_BYTES)
        except OSError:  # nothing happened, or there is no inotify
            return
        while data:
            watch, _mask, _cookie, size = _EVENT.unpack_from(data)
            name = data[_EVENT.size : _EVENT.size + size].rstrip(b"\0")
            data = data[_EVENT.size + size :]
            yield watch, os.fsdecode(name)
