"""The door: whether a host program will find it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.doctor.finding import Finding, Visit, ok, problem, warning
from engine.door.place import is_live, running, take
from engine.errors import EngineError


def socket(visit: Visit) -> Iterator[Finding]:
    """The socket, by making it; it is taken away again."""
    name = visit.config.engine.instance or "engine"
    wanted = visit.config.door.socket
    usual = [] if wanted else running(name)
    if there := [Path(wanted)] if wanted and _is_live(wanted) else usual:
        yield ok(f"an engine is running: {', '.join(map(str, there))}")
        return
    try:
        place = take(wanted, visit.config.door.group, name, visit.config.origin("door.group"))
    except EngineError as error:
        yield problem(error)
        return
    place.socket.close()
    place.remove()
    if place.note:
        what, _, remedy = place.note.partition("; ")
        yield warning(what, remedy)
    else:
        yield ok(f"{place.path} can be made")


def _is_live(path: str) -> bool:
    try:
        return is_live(Path(path))
    except OSError:
        return False
