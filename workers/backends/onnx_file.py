"""What an ONNX file says of itself, read without a runtime and without its weights.

For libraries that end the process when a model is not what they expect: so it is looked at before. The file is one
message of Protocol Buffers, `ModelProto`; of its fields only the metadata are of interest (onnx/onnx, `onnx.proto`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.errors import BackendError

GRAPH, METADATA = 7, 14
"""Fields of `ModelProto`."""
KEY, VALUE = 1, 2
"""Fields of `StringStringEntryProto`."""
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5


def metadata(path: Path, remedy: str) -> dict[str, str]:
    """The metadata of a model. Raises BackendError where the file is cut short or no ONNX model."""
    found: dict[str, str] = {}
    fields = set()
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            for number, length in _fields(file, size):
                fields.add(number)
                if number == METADATA:
                    entry = file.tell()
                    pair = dict(_texts(file, entry + length))
                    found[pair.get(KEY, "")] = pair.get(VALUE, "")
                    file.seek(entry)
                file.seek(length, 1)
    except (EOFError, ValueError) as error:
        raise BackendError(f"{path} is no ONNX model, or a part of one ({error})", remedy) from error
    if GRAPH not in fields:
        raise BackendError(f"{path} is no ONNX model: there is no graph in it", remedy)
    return found


def _fields(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """The number and length of each field from here to `end`; whoever takes one leaves the file behind it."""
    while file.tell() < end:
        key = _varint(file)
        number, kind = key >> 3, key & 7
        if not number:
            raise ValueError("a field has no number")
        if kind == _VARINT:
            _varint(file)
            length = 0
        elif kind == _LENGTH:
            length = _varint(file)
        elif kind in (_EIGHT, _FOUR):
            length = 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"field {number} is of no known kind")
        if file.tell() + length > end:
            raise EOFError("it ends in mid-field")
        yield number, length


def _texts(file: BinaryIO, end: int) -> Iterator[tuple[int, str]]:
    for number, length in _fields(file, end):
        yield number, file.read(length).decode(errors="replace")


def _varint(file: BinaryIO) -> int:
    value = shift = 0
    while True:
        byte = file.read(1)
        if not byte:
            raise EOFError("it ends in mid-number")
        value |= (byte[0] & 0x7F) << shift
        if not byte[0] & 0x80:
            return value
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
