"""The text side of a language model's directory: tokenizer, chat template, and the tokens that end an answer.

Read from the model's own files by `tokenizers` and Jinja; nothing here looks anywhere but into the directory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.contract import Job
from engine.errors import BackendError
from workers.backends.chat_template import MARK, ChatTemplate, Message
from workers.backends.conversation import fitted, messages
from workers.backends.detokeniser import Detokeniser
from workers.backends.library import library
from workers.backends.model_files import read_json

_UNLIMITED = 10**9
"""What a tokenizer that knows no limit says is far beyond this."""


class TextModel:
    """Tokens of conversations, and text of tokens."""

    def __init__(self, folder: Path, setting: str, extra: str) -> None:
        """Raises BackendError, its remedy naming the `extra`, where a package or a file is missing or broken."""
        self.folder = folder
        tokenizers = library("tokenizers", setting, extra)
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise BackendError(f"{folder} has no tokenizer.json", "put the one of the model there")
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # what tokenizers raises has no class of its own
            raise BackendError(f"{path} is no tokenizer ({error})", "fetch the model's files again") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.template = ChatTemplate(folder, setting, extra)
        self.ends = self._ends()

    @property
    def limit(self) -> int:
        """The longest context the tokenizer's configuration speaks of; 0 where it does not."""
        path = self.folder / "tokenizer_config.json"
        found = read_json(path).get("model_max_length", 0) if path.is_file() else 0
        return int(found) if isinstance(found, int | float) and 0 < found < _UNLIMITED else 0

    def ids(self, conversation: Sequence[Message]) -> list[int]:
        """The conversation's tokens, up to where the answer begins."""
        found: list[int] = self._encode(self.template.render(conversation))
        return found

    def asked(self, system: str, job: Job, most: int) -> list[int]:
        """The tokens of a job's conversation, at most `most`. Raises conversation.TooLongError."""
        return self.ids(fitted(system, job, lambda each: len(self.ids(each)), most))

    def prefix(self, system: str) -> list[int]:
        """The tokens with which every conversation under this system's text begins."""
        first, second = (self.ids(messages(system, (), (), text)) for text in ("a", "1 b"))
        same = 0
        while same < min(len(first), len(second)) and first[same] == second[same]:
            same += 1
        return first[:same]

    def token(self, number: int) -> str:
        """A token as the vocabulary has it."""
        return str(self._tokenizer.id_to_token(number))

    def number(self, token: str) -> int | None:
        """A token's id."""
        found: int | None = self._tokenizer.token_to_id(token)
        return found

    def detokeniser(self) -> Detokeniser:
        """For one answer."""
        return Detokeniser(self._tokenizer.decode)

    def _encode(self, text: str) -> list[int]:
        # The template has written down all special tokens, the one at the beginning too.
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def _is_token(self, number: int) -> bool:
        """It is an id that the tokenizer knows: files say -1 or true where there is none."""
        is_id = not isinstance(number, bool) and 0 <= number < 1 << 31
        return is_id and self._tokenizer.id_to_token(number) is not None

    def _ends(self) -> list[int]:
        """What ends an answer: what the model's files name so, and what the template writes after one."""
        named: list[Any] = [self.template.special["eos_token"]]
        for name in ("generation_config.json", "config.json"):
            if (self.folder / name).is_file():
                found = read_json(self.folder / name)
                each = found.get("eos_token_id")
                named += each if isinstance(each, list) else [each]
        numbers = [self.number(each) if isinstance(each, str) else each for each in named]
        turn: list[Message] = [{"role": "user", "content": "a"}, {"role": "assistant", "content": MARK}]
        try:
            after = self.template.render(turn, prompt=False).rpartition(MARK)[2].strip()
        except Exception:  # a template is a program: it fails in any way it likes
            after = ""
        special = {number for number, each in self._tokenizer.get_added_tokens_decoder().items() if each.special}
        numbers += self._encode(after)[:1] if set(self._encode(after)[:1]) <= special else []
        ends = sorted({number for number in numbers if isinstance(number, int) and self._is_token(number)})
        if not ends:
            raise BackendError(
                f"{self.folder}: nothing says which token ends an answer",
                "put the model's own generation_config.json beside its tokenizer.json",
            )
        return ends
