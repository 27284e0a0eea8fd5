"""Reads aarch64 assembly as compilers write it: which instructions a function has, and which ways lead through it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Where every way begins, and where it ends: `ret`, or a branch out of the function, which is a call in last place.
ENTRY, RETURN = "(entry)", "(return)"


class Function(NamedTuple):
    """`code[i]` is followed by the instructions `after[i]`; the last one is RETURN. The first one is ENTRY."""

    code: list[str]
    after: list[list[int]]

    def at(self, pattern: str) -> list[int]:
        """Where instructions that begin like the regular expression stand."""
        wanted = re.escape(pattern) if pattern in (ENTRY, RETURN) else pattern
        return [i for i, line in enumerate(self.code) if re.match(wanted, line)]

    def way_around(self, start: str, stop: str, via: str) -> bool:
        """Whether a way leads from a `start` to a `stop` and meets no `via` between them."""
        stops, walls = set(self.at(stop)), set(self.at(via))
        todo = [after for i in self.at(start) for after in self.after[i]]
        seen = set(todo)
        while todo:
            here = todo.pop()
            if here in walls:
                continue
            if here in stops:
                return True
            todo += [after for after in self.after[here] if after not in seen]
            seen.update(self.after[here])
        return False


def functions(text: str) -> dict[str, Function]:
    """All functions of an assembly file, by name."""
    found: dict[str, list[str]] = {}
    name = ""
    for raw in text.splitlines():
        line = " ".join(raw.split("//")[0].split()).replace("#", "")
        if line.startswith(".type") and line.endswith("function"):
            name = re.split(r"[ ,]", line)[1]
            found[name] = []
        elif name and line.startswith(f".size {name},"):
            name = ""
        elif name and line and (not line.startswith(".") or re.match(r"\.L\w+:", line)):
            found[name].append(line)
    return {name: _function(lines) for name, lines in found.items()}


def _function(lines: list[str]) -> Function:
    code, labels = [ENTRY], {}
    for line in lines:
        if line.endswith(":"):
            labels[line[:-1]] = len(code)
        else:
            code.append(line)
    code.append(RETURN)
    return Function(code, [list(_after(i, line, labels, len(code) - 1)) for i, line in enumerate(code)])


def _after(i: int, line: str, labels: dict[str, int], end: int) -> Iterator[int]:
    operation, *operands = re.split(r"[ ,]+", line)
    if line == RETURN:
        return
    if operation == "ret":
        yield end
        return
    if operation == "br":  # a table of labels; any of them
        yield from labels.values()
        return
    jumps = re.fullmatch(r"b(\.?[a-z]{2})?|cbn?z|tbn?z", operation) and operation != "bl"
    if jumps:
        yield labels.get(operands[-1], end)
    if not jumps or operation != "b":
        yield i + 1
