"""On which line each key of a TOML document stands. `tomllib` does not say, and an error message must.

Works on documents that `tomllib` has accepted, and so only has to tell tokens apart, never to judge them.
"""

from __future__ import annotations

import bisect
import re

from engine.schema import Key

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")
_STRING = re.compile(
    r'''"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}|\'\'\'(?:[^']|'{1,2}(?!'))*'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.S
)
_OTHER = re.compile(r"[^,\]}#\n]*")


def key_lines(text: str) -> dict[Key, int]:
    """Key → line, counted from 1, for every key, table, and element of a list in `text`."""
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Key, int] = {}
        self.line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.elements: dict[Key, int] = {}  # arrays of tables: how many elements so far

    def document(self) -> dict[Key, int]:
        table: Key = ()
        while self.skip_blank() < len(self.text):
            if self.text.startswith("[", self.at):
                table = self.header()
            else:
                self.assignment(table)
        return self.found

    def header(self) -> Key:
        """`[a.b]` or `[[a.b]]`; below an array of tables it means the newest element."""
        start = self.at
        brackets = 2 if self.text.startswith("[[", start) else 1
        self.at += brackets
        parts = self.key()
        self.at = self.text.index("]", self.at) + brackets
        key: Key = ()
        for depth, part in enumerate(parts, 1):
            key = (*key, part)
            if brackets == 2 and depth == len(parts):
                self.elements[key] = self.elements.get(key, 0) + 1
            self.mark(key, start)
            if key in self.elements:
                key = (*key, self.elements[key] - 1)
                self.mark(key, start)
        return key

    def assignment(self, table: Key) -> None:
        start = self.at
        key = table
        for part in self.key():
            key = (*key, part)
            self.mark(key, start)
        self.at = self.text.index("=", self.at) + 1
        self.value(key)

    def key(self) -> list[str]:
        parts = []
        while match := _KEY_PART.match(self.text, self.at):
            self.at = match.end()
            parts.append(_unquoted(match[1]))
            if not match[2]:
                break
        return parts

    def value(self, key: Key) -> None:
        self.skip_blank()
        first = self.text[self.at : self.at + 1]
        if first == "[":
            self.sequence("]", key)
        elif first == "{":
            self.sequence("}", key)
        elif match := (_STRING if first in "\"'" else _OTHER).match(self.text, self.at):
            self.at = match.end()

    def sequence(self, end: str, key: Key) -> None:
        """A list, or a table in one line: things between commas."""
        self.at += 1
        place = 0
        while not self.text.startswith(end, before := self.skip_blank()):
            if end == "]":
                self.mark((*key, place), self.at)
                self.value((*key, place))
            else:
                self.assignment(key)
            place += 1
            if self.text.startswith(",", self.skip_blank()):
                self.at += 1
            if self.at == before:
                raise ValueError(f"not TOML at character {before}")
        self.at += 1

    def skip_blank(self) -> int:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def mark(self, key: Key, position: int) -> None:
        self.found.setdefault(key, bisect.bisect_right(self.line_starts, position))


def _unquoted(token: str) -> str:
    if token[0] == '"':
        from engine.toml import tomllib  # not at the top: a worker's Python may not have it, and reads no files

        return next(iter(tomllib.loads(f"{token} = 0")))
    return token.strip("'") if token[0] == "'" else token
