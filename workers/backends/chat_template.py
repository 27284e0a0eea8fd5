"""A model's own way of writing down a conversation: the Jinja template beside its tokenizer, without transformers.

The template is a program from somebody else's file, so it runs in Jinja's sandbox. What it may use is what transformers
gives to templates: `messages`, `add_generation_prompt`, the special tokens by name, `raise_exception`, `strftime_now`,
loop controls, `{% generation %}`, and a `tojson` that does not escape for HTML.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from engine.errors import BackendError, first_line
from workers.backends.library import library
from workers.backends.model_files import AGAIN, read_json

Message: TypeAlias = dict[str, str]
"""`role` (system, user, assistant) and `content`."""

MARK = "Zyxwvuts"
"""A word that no template writes by itself, to see what one does with a text."""
_FILE, _CONFIG = "chat_template.jinja", "tokenizer_config.json"
_REMEDY = f"put the model's own {_CONFIG} (or {_FILE}) beside its tokenizer.json"


class ChatTemplate:
    """Renders messages to the text that the model was trained on."""

    def __init__(self, folder: Path, setting: str, extra: str) -> None:
        """Raises BackendError where `folder` has no template, or one that cannot be read or rendered."""
        self._jinja = library("jinja2", setting, extra)
        for part in ("ext", "sandbox"):  # which it does not import by itself
            library(f"jinja2.{part}", setting, extra)
        self.special = _special_tokens(folder)
        source = _source(folder)
        try:
            self._template = self._environment().from_string(source)
            self._folds = False
            self.render([{"role": "user", "content": "a"}])
            self._folds = not self._takes_system()
        except Exception as error:  # a template is a program: it fails in any way it likes
            why = first_line(error)
            raise BackendError(f"{folder}: its chat template does not work ({why})", _REMEDY) from error

    def render(self, messages: Sequence[Message], prompt: bool = True) -> str:
        """The conversation as text; with `prompt` up to where the answer begins. A template that knows no system role
        gets the system's text at the beginning of the first user's."""
        if self._folds and messages and messages[0]["role"] == "system":
            system, first, *rest = messages
            messages = [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]
        text: str = self._template.render(
            messages=list(messages), add_generation_prompt=prompt, enable_thinking=False, **self.special
        )
        return text

    def _takes_system(self) -> bool:
        """Some templates refuse a system's message, and some leave it out without a word."""
        try:
            return MARK in self.render([{"role": "system", "content": MARK}, {"role": "user", "content": "a"}])
        except Exception:
            return False

    def _environment(self) -> Any:
        jinja = self._jinja

        class Generation(jinja.ext.Extension):  # type: ignore[misc, name-defined]
            """`{% generation %}` marks what the model says, for training: here its body stands as it is."""

            tags = {"generation"}  # noqa: RUF012

            def parse(self, parser: Any) -> Any:
                next(parser.stream)
                return parser.parse_statements(("name:endgeneration",), drop_needle=True)

        made = jinja.sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
        )

        def refuse(what: str) -> None:
            raise jinja.TemplateError(what)

        made.globals["raise_exception"] = refuse
        made.globals["strftime_now"] = time.strftime
        made.filters["tojson"] = lambda value, **options: json.dumps(value, ensure_ascii=False, **options)
        return made


def _source(folder: Path) -> str:
    if (folder / _FILE).is_file():
        try:
            return (folder / _FILE).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise BackendError(f"{folder / _FILE} cannot be read ({first_line(error)})", AGAIN) from error
    found = read_json(folder / _CONFIG).get("chat_template") if (folder / _CONFIG).is_file() else None
    if isinstance(found, list):  # several, by name
        named = [each for each in found if isinstance(each, dict) and each.get("name") == "default"]
        found = named[0].get("template") if named else None
    if not isinstance(found, str) or not found:
        raise BackendError(
            f"{folder} has no chat template", f"{_REMEDY}; a model without one was not made for conversations"
        )
    return found


def _special_tokens(folder: Path) -> Mapping[str, str]:
    """bos_token, eos_token and so on, by these names."""
    config = read_json(folder / _CONFIG) if (folder / _CONFIG).is_file() else {}
    found = {}
    for name in ("bos_token", "eos_token", "unk_token", "pad_token"):
        token = config.get(name)
        token = token.get("content") if isinstance(token, dict) else token
        found[name] = token if isinstance(token, str) else ""
    return found
