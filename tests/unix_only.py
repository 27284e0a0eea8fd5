"""Runs a command that may make Unix sockets and no other: `python unix_only.py COMMAND…`.

The kernel kills whichever of its processes asks for another kind of socket, before there is one. So nothing is sent,
and no name is asked for.
"""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import struct
import sys

_SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER_AT, _FIRST_ARGUMENT_AT = 0, 16
_FILTER = (
    (_LOAD, 0, 0, _NUMBER_AT),
    (_EQUAL, 0, 2, _SOCKET),  # any other call is allowed
    (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
    (_EQUAL, 0, 1, socket.AF_UNIX),  # any other family is not
    (_RETURN, 0, 0, _ALLOW),
    (_RETURN, 0, 0, _KILL),
)
_NO_NEW_PRIVILEGES, _SECCOMP, _MODE_FILTER = 38, 22, 2


def seal() -> None:
    """For this process, and all that it starts."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _FILTER))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(_FILTER), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for arguments in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)):
        if prctl(*arguments) != 0:
            sys.exit(os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    seal()
    os.execvp(sys.argv[1], sys.argv[1:])
