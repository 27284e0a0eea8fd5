"""Server-sent events out of a stream of bytes, however it was cut: lines end with LF, CRLF or CR."""

from __future__ import annotations

LONGEST = 1 << 20
"""Of an event that is not whole yet."""


class Events:
    """The `data` of events as they become whole. Other fields and comments, such as `: ping`, say nothing here."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._size = 0
        """Characters in `_data`."""

    def feed(self, received: bytes) -> list[str]:
        """The events that end within what was received so far. Bytes are made to text a line at a time, so that no
        character is cut. ValueError: one is longer than can be right."""
        text = self._rest + received
        # Whether a CR at the very end belongs to a CRLF is not known yet.
        lines = text.replace(b"\r\n", b"\n") if not text.endswith(b"\r") else text[:-1].replace(b"\r\n", b"\n")
        *whole, rest = lines.replace(b"\r", b"\n").split(b"\n")
        self._rest = rest + (b"\r" if text.endswith(b"\r") else b"")
        found = []
        for line in whole:
            name, _, value = line.decode("utf-8", "replace").partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
                self._size += len(value)
            elif not line and self._data:
                found.append("\n".join(self._data))
                self._data, self._size = [], 0
        if len(self._rest) + self._size > LONGEST:
            raise ValueError("an event of its stream is longer than can be right")
        return found

    def end(self) -> list[str]:
        """What was not closed by an empty line when the stream ended: some servers leave it out after the last."""
        return self.feed(b"\n\n")
