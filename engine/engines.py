"""Which engines run on this machine, and which one a command means; its door."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from engine import NAME
from engine.door import place
from engine.door.client import DoorClient
from engine.errors import DoorError, SharedMemoryError
from engine.snapshot import Observer, instances
from ringbuf import observe


def running(name: str = "") -> list[str]:
    """As `instances`. Raises SharedMemoryError."""
    try:
        return instances(name)
    except OSError as error:
        raise SharedMemoryError(
            f"{observe.SHM} cannot be read: {error.strerror}", "make it readable for this user (mode 1777)"
        ) from error


def only(name: str = "") -> str:
    """The only engine that runs, or the only one called `name`. Raises DoorError: there is none, or more than one."""
    found = running(name)
    if not found:
        raise DoorError(nothing(name), "start one with `engine run`")
    if len(found) > 1:
        raise DoorError(f"more than one engine runs: {', '.join(found)}", "choose one by its name, or end the others")
    return found[0]


def nothing(name: str = "") -> str:
    """That none is there, or none for this user, in words."""
    theirs = [path for path in observe.SHM.glob(f"{NAME}.{name or '*'}.*.cells") if not os.access(path, os.R_OK)]
    if theirs:
        return f"{theirs[0].stem} is another user's engine; be that user, or root"
    return f"no engine called {name} is running" if name else "no engine is running"


def door(observer: Observer) -> DoorClient | None:
    """A way in to the engine that is looked at; None where there is none for this user."""
    told = observer.setting("door", "socket")
    places = [Path(told)] if told else place.running(observer.instance.split(".")[1])
    for path in places:
        with contextlib.suppress(DoorError):
            client = DoorClient(path)
            if client.hello["pid"] == observer.pid:
                return client
            client.close()
    return None
