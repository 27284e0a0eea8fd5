"""A lease that notes what is asked of it."""

from __future__ import annotations


class Recorded:
    """In the place of a lease: `asked` are the calls and when each was due."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def take(self, due_ns: int) -> None:
        self.asked.append(("take", due_ns))

    def turn(self, due_ns: int) -> None:
        self.asked.append(("turn", due_ns))

    def give(self) -> bool:
        self.asked.append(("give", 0))
        return True

    @property
    def calls(self) -> list[str]:
        """What was asked, in order."""
        return [call for call, _ in self.asked]
