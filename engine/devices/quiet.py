"""Keep sound libraries to themselves: from writing to stderr, and from opening what nobody asked for."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

_NO_SERVER = "JACK_NO_START_SERVER"
_CONFIG = "ALSA_CONFIG_PATH"
_NO_PCMS = b"pcm.nothing { type hw card 99 }\n"
"""PortAudio asserts that there is at least one that it cannot open."""


def quiet(library_messages: bool) -> None:
    """Silence the C libraries of this process for good, unless their messages are wanted. Call it before loading them.

    ALSA reports each name it tries, JACK that no server runs, PortAudio each line of its own that failed: dozens of
    lines for an error that we tell in one. They all write to the stream `stderr` of the C library. That stream is
    pointed elsewhere, and not the file descriptor under it: what Python writes still comes out. What a library says
    when it aborts is lost too; the signal that ends the process still tells that it did.
    """
    os.environ.setdefault(_NO_SERVER, "1")  # looking for devices shall start nothing
    libc = ctypes.CDLL(None)
    if library_messages or not hasattr(libc, "gnu_get_libc_version"):  # elsewhere `stderr` cannot be written
        return
    libc.fopen.restype = ctypes.c_void_p
    if nowhere := libc.fopen(os.devnull.encode(), b"w"):
        ctypes.c_void_p.in_dll(libc, "stderr").value = nowhere


@contextlib.contextmanager
def no_pcms() -> Iterator[None]:
    """ALSA has no PCMs inside of this. For Pa_Initialize, which opens every one that ALSA's configuration has, to list
    what we do not ask it for: that takes as long as the slowest card, and loads all of ALSA's plug-ins, among them the
    one for FFmpeg's codecs, which Debian builds under the GPL."""
    before = os.environ.get(_CONFIG)
    config = os.memfd_create("asound.conf")
    try:
        os.write(config, _NO_PCMS)
        os.environ[_CONFIG] = f"/proc/self/fd/{config}"
        yield
    finally:
        os.close(config)
        if before is None:
            del os.environ[_CONFIG]
        else:
            os.environ[_CONFIG] = before
