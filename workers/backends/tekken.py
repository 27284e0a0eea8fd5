"""Mistral's tokenizer file, tekken.json, by `tiktoken` (MIT), on which Mistral's own package builds.

`mistral-common` itself is not used: for the sake of requests and images it brings pydantic, Pillow and pycountry
(LGPL), and it wants NumPy below 2.4.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import BackendError
from workers.backends.library import library

NAME = "tekken.json"
_REMEDY = "fetch the model's own tekken.json again"


class Tekken:
    """Text to token ids and back. Special tokens have the lowest ids and are no text, in either direction."""

    def __init__(self, folder: Path, setting: str, extra: str) -> None:
        """Raises BackendError where the package or the file is missing or broken."""
        tiktoken, path = library("tiktoken", setting, extra), folder / NAME
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            config = found["config"]
            self._first = int(config["default_num_special_tokens"])
            self.size = int(config["default_vocab_size"])
            words = found["vocab"][: self.size - self._first]
            self._special = {str(each["token_str"]): int(each["rank"]) for each in found["special_tokens"]}
            self._encoding: Any = tiktoken.Encoding(
                name="tekken",
                pat_str=str(config["pattern"]),
                mergeable_ranks={base64.b64decode(each["token_bytes"]): int(each["rank"]) for each in words},
                special_tokens={},
            )
        except FileNotFoundError:
            raise BackendError(f"{folder} has no {NAME}", "put the one of the model there") from None
        except Exception as error:  # a file may be wrong in any way, and tiktoken's errors have no class of their own
            why = (str(error).splitlines() or [""])[0]
            raise BackendError(f"{path} is no tokenizer ({type(error).__name__}: {why})", _REMEDY) from error

    def special(self, token: str) -> int:
        """The id of a special token. Raises BackendError where the model has none of this name."""
        if token not in self._special:
            raise BackendError(f"{NAME} knows no {token}", "use the tokenizer of a Voxtral model")
        return self._special[token]

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        return [number + self._first for number in self._encoding.encode_ordinary(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; half a character becomes U+FFFD."""
        text: str = self._encoding.decode([number - self._first for number in ids if number >= self._first])
        return text
