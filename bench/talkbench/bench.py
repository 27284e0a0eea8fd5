"""What the tables of bench/conversation.py share: how much is measured, and what becomes of a row."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .figures import Table
from .tracks import Builder, Track

Result = TypeVar("Result")


@dataclass(slots=True)
class Bench:
    """sessions: how many each table has of every setting; None: as many as it thinks fit. peers: the Python that they
    are installed for; None: there are none. keep: called with a table whenever it has grown. ledger: the file that the
    curve's outcomes are kept in; None: in none."""

    builder: Builder
    quick: bool = False
    sessions: int | None = None
    peers: Path | None = None
    keep: Callable[[Table], None] = lambda table: None
    ledger: Path | None = None

    def count(self, quick: int, full: int) -> int:
        """How many sessions."""
        return self.sessions or (quick if self.quick else full)

    def add(self, table: Table, row: Mapping[str, str]) -> None:
        """Another row: it is shown at once, for a long run may be cut off."""
        table.rows.append(dict(row))
        say(row)
        self.keep(table)


def say(row: Mapping[str, str]) -> None:
    """A row on a line of its own."""
    print("  ".join(f"{column} {cell}".strip() for column, cell in row.items()), flush=True)


def why(error: subprocess.SubprocessError) -> str:
    """What became of a conversation that failed; its own words are on stderr."""
    return f"exit code {error.returncode}" if isinstance(error, subprocess.CalledProcessError) else "it hung"


def in_turn(
    on: Sequence[Track], systems: Mapping[str, Callable[[Track], Result]]
) -> Iterator[dict[str, list[tuple[Track, Result]]]]:
    """All systems on one track, then all on the next, so that a busy minute of the machine meets all of them alike.
    After each track: what there is so far. A conversation that failed, or hung, is said and left out."""
    found: dict[str, list[tuple[Track, Result]]] = {name: [] for name in systems}
    for number, track in enumerate(on, 1):
        for name, converse in systems.items():
            try:
                result = converse(track)
                found[name].append((track, result))
                print(f"session {number} of {len(on)}: {name}: {result}", flush=True)
            except subprocess.SubprocessError as error:
                print(f"session {number} of {len(on)}: {name} FAILED: {why(error)}", flush=True)
        yield found
