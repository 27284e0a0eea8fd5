"""Language models behind HTTP, in OpenAI's dialect: vLLM, TensorRT-LLM, llama.cpp's server, Ollama.

A thread for each answer waits in its connection; nothing polls. An answer that is cancelled is over at once: its
connection is shut down, from which the server learns that nobody listens. What the server still computes then is its
own affair, and so is its cache of prompts, which may hold what visitors said until it is used for something else.

Where the network or the server may be gone, `fallback` names another backend of this stage, loaded beside this one: it
answers whatever the server has not begun to answer. The server is then tried again in the background, first after a
second, then twice as late each time; no visitor waits for that.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.contract import Abilities, Ended, Event, Rung, Tag
from engine.errors import BackendError
from workers.backends.background import Answer, Background
from workers.backends.chat_template import Message
from workers.backends.conversation import TooLongError, fitted, messages, system_text
from workers.backends.fallback import Fallback
from workers.backends.library import library
from workers.backends.openai_stream import Address, Patience, Request, ServerError

SETTING, EXTRA = "llm.backend openai", "ctranslate2"
CHAT = "/chat/completions"
RETRY_S, RETRY_MOST_S = 1.0, 60.0
OUR_FAULT = frozenset({400, 413, 422})
"""The server is well and this one question was not to its liking."""
_BYTES, _MESSAGE = 3, 8
"""Without its tokenizer: bytes of text to a token, few, so that the count is rather too high; tokens around each
message."""


class OpenAi(Background):
    """Settings: base_url, model, api_key_env, connect_s, first_token_s, between_tokens_s, context_tokens, tokenizer,
    temperature, fallback, with `fallback_settings`; system_prompt and max_tokens of the stage."""

    abilities = Abilities(checkpoint="socket", incremental=True, cache="server", own_thread=True)

    def __init__(self) -> None:
        super().__init__()
        self._requests: dict[Tag, Request] = {}
        self._fallback = Fallback()
        self._local: dict[Tag, Answer] = {}
        """What the fallback answers."""
        self._missing: dict[Tag, Answer] = {}
        """What the fallback is to answer, from the next step on."""
        self._down = ""
        """Why the server is not asked at present."""
        self._change = threading.Lock()
        """Around `_down`: only one thread tries again."""
        self._stop = threading.Event()
        self._model = ""

    def load(self, rung: Rung) -> None:
        """Reads the settings, and loads the fallback; the server is spoken to by `warm_up`."""
        self._stop.set()
        self._stop = threading.Event()
        settings = rung.settings
        self._address = Address(str(settings["base_url"]), "llm.openai.base_url")
        self._key = _key(str(settings["api_key_env"]))
        self._patience = Patience(settings["connect_s"], settings["first_token_s"], settings["between_tokens_s"])
        self._tokenizer = _tokenizer(str(settings["tokenizer"]))
        self._rung, self._down = rung, ""
        self._fallback.load(rung)
        self._fallback.warm_up()

    def warm_up(self) -> None:
        """Ask which models the server has, and let it compute the system's text, so that it is in its cache."""
        try:
            self._reach()
        except ServerError as error:
            told = f"{error}{f' ({error.said})' if error.said else ''}"
            if self._fallback.backend is None:
                raise BackendError(
                    f"llm.openai.base_url {self._address.url}: {told}",
                    'start the server, or set llm.openai.fallback = "phrasebook" to go on without one',
                ) from error
            self._gone(told)

    def _reach(self) -> None:
        """Raises ServerError where it, or the model that is configured, is not there."""
        headers, listed = Request(self._address, self._key, self._patience).get("/models")
        try:
            known = [str(each["id"]) for each in listed["data"]]
            owner = str(listed["data"][0].get("owned_by", "")) if known else ""
        except (KeyError, TypeError, AttributeError) as error:
            raise ServerError("its list of models is none") from error
        configured = str(self._rung.settings["model"])
        if not configured and not known:
            raise ServerError("it has no model")
        self._model = configured or known[0]
        asked = messages(self._system(self._rung.language), (), (), ".")
        body = {**self._body(asked), "max_tokens": 1}
        if "llama.cpp" in headers.get("Server", "") or owner == "llamacpp":
            body["n_predict"] = 0  # computes the prompt and says nothing
        try:
            Request(self._address, self._key, self._patience).post(CHAT, body)
        except ServerError as error:
            if configured and configured not in known:
                names = ", ".join(" ".join(each.split())[:80] for each in known[:8]) or "none"
                raise ServerError(f"{error}: it has no model {configured}, but {names}", error.status) from error
            raise

    def _begin(self, answer: Answer) -> None:
        if self._down and self._fallback.backend is not None:
            self._missing[answer.job.tag] = answer
            return
        request = Request(self._address, self._key, self._patience)
        self._requests[answer.job.tag] = request
        threading.Thread(target=self._ask, args=(answer, request), name="openai", daemon=True).start()

    def _ask(self, answer: Answer, request: Request) -> None:
        begun = False
        try:
            conversation = fitted(self._system(answer.job.language), answer.job, self._count, self._most())
            body = {**self._body(conversation), "stream": True}
            with contextlib.closing(request.stream(CHAT, body)) as pieces:
                for piece in pieces:
                    begun = True
                    answer.give(piece)
        except TooLongError as error:
            answer.end("failed", str(error))
        except ServerError as error:
            if not answer.unwanted:
                if error.status not in OUR_FAULT:
                    self._gone(str(error))
                if self._fallback.backend is not None and not begun:
                    self._missing[answer.job.tag] = answer
                    self._rung.wake()
                    return
            answer.end("failed", f"the server {self._address.url}: {error}")
        except Exception as error:  # a thread that dies silently would leave a visitor waiting
            answer.end("failed", f"internal fault: {type(error).__name__}")
        else:
            answer.end()

    def _cancel(self, answer: Answer) -> None:
        tag = answer.job.tag
        if tag in self._local and self._fallback.backend is not None:
            self._fallback.backend.cancel(tag)
            return
        if (request := self._requests.get(tag)) is not None:
            request.close()
        answer.end()

    def step(self, budget_ns: int) -> Sequence[Event]:
        """Hand on what came from the server and what the fallback says."""
        fallback = self._fallback.backend
        if fallback is None:
            return self._ended(super().step(budget_ns))
        while self._missing:
            tag, answer = self._missing.popitem()
            if self._open.get(tag) is answer and not answer.unwanted:
                self._local[tag] = answer
                fallback.begin(answer.job)
        own = [event for event in fallback.step(budget_ns) if event.tag in self._local]
        for event in own:
            if isinstance(event, Ended):
                self._open.pop(event.tag, None)
                del self._local[event.tag]
        events = self._ended(super().step(0))
        for event in events:
            if isinstance(event, Ended) and self._local.pop(event.tag, None) is not None:
                fallback.cancel(event.tag)  # both at once: it was cancelled while it was handed over
        return [*events, *own]

    def _ended(self, events: Sequence[Event]) -> Sequence[Event]:
        for event in events:
            if isinstance(event, Ended):
                self._requests.pop(event.tag, None)
        return events

    @property
    def idle(self) -> bool:
        return super().idle and not self._missing and self._fallback.idle

    @property
    def remarks(self) -> Sequence[str]:
        if self._fallback.backend is None:
            return ()
        gone = f"the server {self._address.url}: {self._down}; {self._fallback.name} answers meanwhile"
        return (*((gone,) if self._down else ()), *self._fallback.remarks)

    def _gone(self, why: str) -> None:
        """The server is not there. With a fallback it is tried in the background from now on."""
        with self._change:
            if self._fallback.backend is not None and not self._down:
                threading.Thread(target=self._try_again, args=(self._stop,), name="openai-retry", daemon=True).start()
            self._down = why

    def _try_again(self, stop: threading.Event) -> None:
        after = RETRY_S
        while not stop.wait(after):
            try:
                self._reach()
            except Exception:  # a thread that dies silently would leave the fallback for ever
                after = min(2 * after, RETRY_MOST_S)
            else:
                with self._change:
                    if not stop.is_set():
                        self._down = ""
                self._rung.wake()
                return

    def settle(self, tag: Tag, heard: str) -> None:
        self._fallback.settle(tag, heard)

    def forget(self, session: int) -> None:
        """The server's cache of prompts is its own; the protocol knows no way to clear it."""
        self._fallback.forget(session)

    def unload(self) -> None:
        self._stop.set()
        for tag in list(self._open):
            self.cancel(tag)
        self._open.clear()
        self._requests.clear()
        self._missing.clear()
        self._local.clear()
        self._end_all(0)
        self._fallback.unload()

    # What is sent.

    def _body(self, conversation: Sequence[Message]) -> dict[str, Any]:
        settings = self._rung.settings
        return {
            "model": self._model,
            "messages": list(conversation),
            "max_tokens": int(settings["max_tokens"]),
            "temperature": float(settings["temperature"]),
        }

    def _system(self, language: str) -> str:
        return system_text(str(self._rung.settings["system_prompt"]), language)

    def _most(self) -> int:
        return int(self._rung.settings["context_tokens"]) - int(self._rung.settings["max_tokens"])

    def _count(self, conversation: Sequence[Message]) -> int:
        """Tokens of a conversation: by the model's tokenizer where its file is at hand, without its template; else by
        the length of the text."""
        if self._tokenizer is None:
            return sum(len(each["content"].encode()) // _BYTES + _MESSAGE for each in conversation)
        contents = [each["content"] for each in conversation]
        return sum(len(self._tokenizer.encode(each, add_special_tokens=False).ids) + _MESSAGE for each in contents)


def _key(variable: str) -> str:
    """The secret that the environment holds; it is in no setting, since settings are shown and published."""
    found = os.environ.get(variable, "") if variable else ""
    if variable and not found:
        raise BackendError(
            f"llm.openai.api_key_env is {variable}, and the environment has no such variable",
            f"start the engine with {variable}=… or leave the setting empty",
        )
    return found


def _tokenizer(configured: str) -> Any:
    if not configured:
        return None
    path = Path(configured).expanduser()
    if not path.is_file():
        raise BackendError(f"llm.openai.tokenizer: there is no {path}", "set it to the model's tokenizer.json")
    try:
        return library("tokenizers", "llm.openai.tokenizer", EXTRA).Tokenizer.from_file(str(path))
    except BackendError:
        raise
    except Exception as error:  # what tokenizers raises has no class of its own
        raise BackendError(f"{path} is no tokenizer ({error})", "set it to the model's tokenizer.json") from error
