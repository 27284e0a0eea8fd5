"""Keep sound libraries from writing to stderr.

ALSA reports each name it tries, JACK that no server runs, PortAudio each line of its own that failed: dozens of lines
for an error that we tell in one. They all write to the stream `stderr` of the C library. That stream is pointed
elsewhere, and not the file descriptor under it: what Python writes still comes out.
"""

from __future__ import annotations

import ctypes
import os

_NO_SERVER = "JACK_NO_START_SERVER"


def quiet(library_messages: bool) -> None:
    """Silence the C libraries of this process for good, unless their messages are wanted. Call it before loading them.

    What they say when they abort is lost too; the signal that ends the process still tells that they did.
    """
    os.environ.setdefault(_NO_SERVER, "1")  # looking for devices shall start nothing
    libc = ctypes.CDLL(None)
    if library_messages or not hasattr(libc, "gnu_get_libc_version"):  # elsewhere `stderr` cannot be written
        return
    libc.fopen.restype = ctypes.c_void_p
    if nowhere := libc.fopen(os.devnull.encode(), b"w"):
        ctypes.c_void_p.in_dll(libc, "stderr").value = nowhere
