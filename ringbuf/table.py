"""Rings as a table for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import NamedTuple, TypeAlias

from ringbuf.observe import Ring, Sight, whose

Seats: TypeAlias = Callable[[str], tuple[str, tuple[str, ...]]]
"""Who is meant to write a ring and who to read it in each slot, by the ring's label; empty where nobody knows."""

_FOREIGN = 5
"""How many files that are no rings are named."""


class Row(NamedTuple):
    """A ring and one of its roles; the cells of a ring's later rows say nothing about the ring again."""

    ring: str = "ring"
    kind: str = "kind"
    holds: str = "holds"
    filled: str = "filled"
    full: str = "full"
    role: str = "role"
    process: str = "process"
    taken: str = "taken"
    at: str = "at"
    behind: str = "behind"
    lost: str = "lost"


_RIGHT = frozenset({"full", "taken", "at", "behind", "lost"})


def nobody_knows(_: str) -> tuple[str, tuple[str, ...]]:
    """No seats."""
    return "", ()


def table(sight: Sight, seats: Seats = nobody_knows) -> str:
    """One block for each group of rings, then a line for each segment that is damaged, then one for foreign files."""
    groups = [list(rings) for _, rings in groupby(sight.rings, key=whose)]
    blocks = [heading(rings) + "\n" + "\n".join(aligned(rings, seats)) for rings in groups]
    lines = [plain(why if name in why else f"{name}: {why}") for name, why in sight.damaged.items()]
    if sight.foreign:
        named = [plain(name) for name in sight.foreign[:_FOREIGN]]
        more = ["…"] if len(sight.foreign) > _FOREIGN else []
        lines.append(f"not rings, or not ours to read: {', '.join(named + more)} ({len(sight.foreign)})")
    return "\n\n".join([*blocks, "\n".join(lines)] if lines else blocks)


def heading(rings: list[Ring]) -> str:
    """Whose the rings of a group are, since when, and how much memory they take."""
    maker, count, size = rings[0]["creator"], len(rings), sum(ring["size"] for ring in rings)
    pid = maker["pid"] if maker else 0
    state = f"made by {plain(maker['process'])} {pid}" if maker and maker["alive"] else f"left over: {pid} is dead"
    group = plain(rings[0]["group"]) or "rings"
    return f"{group} · {state} · {seconds(rings[0]['age_s'])} ago · {count} rings · {octets(size)}"


def aligned(rings: list[Ring], seats: Seats) -> Iterator[str]:
    """The lines of a table, its heading first."""
    rows = [Row(), *(row for ring in rings for row in rows_of(ring, seats))]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for name, cell, width in zip(Row._fields, row, wide, strict=True)
        )
        yield ("  " + "  ".join(cells)).rstrip()


def rows_of(ring: Ring, seats: Seats) -> Iterator[Row]:
    """A row for each role of a ring; one without roles for cells and bells."""
    empty = Row(*[""] * len(Row._fields))
    about = empty._replace(
        ring=plain(ring["label"] or ring["name"]), kind=ring["kind"], holds=holds(ring), filled=filled(ring)
    )
    if "writer" not in ring:
        yield about
        return
    to_write, to_read = seats(ring["label"])
    full = str(ring["full_count"]) if ring.get("full_count") else ""
    yield holder(about._replace(role="writer", full=full, at=grouped(ring["position"])), ring["writer"], to_write)
    free: list[int] = []
    for slot, reader in enumerate(ring["readers"]):
        meant = to_read[slot] if slot < len(to_read) else ""
        if reader["role"] is None and not meant and not reader["position"]:
            free.append(slot)
            continue
        role = f"reader {slot}" if ring["kind"] == "history" else "reader"
        row = empty._replace(role=role, at=grouped(reader["position"]), lost=str(reader["lost"] or ""))
        if reader["role"]:
            row = row._replace(behind=duration(ring, reader["behind"]))
        yield holder(row, reader["role"], meant)
    if free:
        role = "reader" if ring["kind"] == "stream" else f"{len(free)} more"
        yield empty._replace(role=role, process="nobody")


def holder(row: Row, role: Ring | None, meant: str) -> Row:
    """A row with who holds its role, how often the role was taken, or who it is meant for."""
    if role is None:
        return row._replace(process=f"nobody ({meant})" if meant else "nobody")
    who = f"{plain(role['process'])} {role['pid']}" if role["alive"] else f"{meant} {role['pid']}, dead".strip()
    return row._replace(process=who, taken=str(role["epoch"]))


def holds(ring: Ring) -> str:
    """A ring's geometry."""
    capacity = int(ring["capacity"])
    if ring["kind"] == "history":
        return f"{seconds(capacity / ring['rate'])} at {ring['rate'] / 1000:g} kHz {plain(ring['dtype']).lstrip('<|')}"
    if ring["kind"] == "latest":
        return f"{ring['slots']} slots of {octets(capacity)}"
    return octets(capacity) if ring["kind"] == "stream" else str(capacity)


def filled(ring: Ring) -> str:
    """How much is in it."""
    if "fill" not in ring:
        return ""
    part = ring["fill"] / ring["capacity"]
    return f"{duration(ring, ring['fill'])}, {part:.0%}" if ring["fill"] else "empty"


def duration(ring: Ring, count: int) -> str:
    """A distance in a ring as people think of it: sound as time, everything else as bytes."""
    if count == 0:
        return "0"
    return seconds(count / ring["rate"]) if ring["kind"] == "history" else octets(count)


def grouped(number: int) -> str:
    """A position, its digits in threes."""
    return f"{number:,}".replace(",", " ")


def seconds(value: float) -> str:
    """A length of time."""
    if value < 1:
        return f"{short(value * 1000)} ms"
    for limit, divisor, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if value < limit:
            return f"{short(value / divisor)} {unit}"
    return f"{short(value / 86400)} d"


def octets(value: float) -> str:
    """A number of bytes."""
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{short(value)} {unit}"
        value /= 1024
    return f"{short(value)} GiB"


def short(value: float) -> str:
    """Three digits, or as many as stand before the point."""
    return f"{value:.0f}" if value >= 99.5 else f"{value:.3g}"


def plain(text: str) -> str:
    """Text from outside, fit for a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]
