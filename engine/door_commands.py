"""`engine say`, `stop` and their like: each is a small user of a running engine's door."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from engine.door import place
from engine.door.client import DoorClient
from engine.errors import DoorError
from engine.turns.calls import CANCELLED

_QUIET_S = 2.0
"""An engine that rests for so long has nothing more to say."""
_RESTING = ("listening", "asleep", "muted")
_WHY = ("error", "device")
"""Events that may tell why something was not heard."""

_Do: TypeAlias = Callable[[DoorClient, argparse.Namespace], None]


def _show(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


# What the commands do.


def _plain(command: str) -> _Do:
    """One that is done when it is answered, and has no arguments."""

    def do(client: DoorClient, _arguments: argparse.Namespace) -> None:
        client.command(command)

    return do


def _say(client: DoorClient, arguments: argparse.Namespace) -> None:
    text = " ".join(arguments.text)
    mode = "interrupt" if arguments.interrupt else "queue"
    client.command("subscribe", events=["state", "answer.ended", *_WHY] if arguments.wait else [])
    client.command("say", text=text, mode=mode, interruptible=not arguments.uninterruptible)
    if not arguments.wait:
        return
    following = _Following(client)
    for event in following:
        if event.get("source") == "say" and event["text"].split() == text.split():
            if event["heard"] != event["text"]:
                heard = f"not all of it was heard, only “{event['heard']}”" if event["heard"] else "it was not heard"
                raise DoorError(f"{heard}{following.why(event)}", "say it again")
            return
    raise DoorError("it was not said: the engine ended, or was told to stop", "say it again")


def ask_aloud(words: Sequence[str], socket: Path | None, instance: str, wait: bool = True) -> int:
    """Have a running engine answer a question as if a visitor had asked it; prints the answer as it is heard. wait:
    where it calls tools, also what is said of them, until none of them is open any more."""
    client = DoorClient(socket or find(instance))
    client.until_started()
    text = " ".join(words)
    client.command("subscribe", events=["state", "user.final", "answer", "tool", *_WHY])
    client.command("ask", text=text)
    turn, answered, following = None, False, _Following(client)
    calls: dict[str, str] = {}
    cancelled: list[str] = []
    tells: object = None
    for event in following:
        name, here = event["event"], (event["session"], event["turn"])
        if name == "user.final" and event["source"] == "command" and event["text"] == text:
            turn = here
        elif name == "tool" and here == turn:
            calls[event["call"]] = event["tool"]
            following.open.add(event["call"])
        elif name == "tool.cancel" and event["call"] in calls:
            cancelled.append(f"{calls[event['call']]}: {CANCELLED[event['reason']]}")
        elif name == "tool.ended":
            following.open.discard(event["call"])
        elif name == "answer.started" and event["call"] in calls:
            tells = here
        elif name == "answer.word" and here in (turn, tells):
            _show(event["text"], " ")
        elif name == "answer.ended" and here in (turn, tells) and event["outcome"] != "postponed":
            if event["heard"]:
                _show("")
            if event["outcome"] not in ("answered", "apologised"):
                part = "not all of the answer was heard" if event["heard"] else "the answer was not heard"
                raise DoorError(f"{part}{following.why(event)}", "ask again")
            answered = True
            if not wait or not calls:
                return 0
    if not answered or following.open:
        raise DoorError("it was not answered: the engine ended, or was told to stop", "ask again")
    if cancelled:
        raise DoorError(f"not done: {'; '.join(cancelled)}", "ask again")
    return 0


def _volume(client: DoorClient, arguments: argparse.Namespace) -> None:
    if arguments.percent is None:
        _show(str(client.hello["volume"]))
    else:
        client.command("volume", percent=arguments.percent)


def _mute(client: DoorClient, arguments: argparse.Namespace) -> None:
    client.command("mute", on=arguments.on == "on")


def _context(client: DoorClient, arguments: argparse.Namespace) -> None:
    client.command("context", text=" ".join(arguments.text))


def _reload(client: DoorClient, _arguments: argparse.Namespace) -> None:
    answer = client.command("reload")
    told = {"applied": answer["applied"], "restart needed": answer["restart_needed"]}
    for what, keys in told.items():
        if keys:
            _show(f"{what}: {', '.join(keys)}")
    if not any(told.values()):
        _show("nothing has changed")


def _state(client: DoorClient, _arguments: argparse.Namespace) -> None:
    _show(json.dumps(client.hello, ensure_ascii=False, indent=1))


def _events(client: DoorClient, arguments: argparse.Namespace) -> None:
    if arguments.names:
        client.command("subscribe", events=arguments.names)
    else:
        _show(client.first.decode(), "")
    for line in client.lines():
        _show(line.decode(), "")


class _Following:
    """Events, until the engine has had nothing to do for a while. Of `_WHY` it keeps what may explain what follows.

    open: calls that more is to be told of, however long that takes: the engine ends each in its time.
    """

    def __init__(self, client: DoorClient) -> None:
        self._client = client
        self.open: set[str] = set()
        self._error = ""
        self._loudspeaker = client.hello["devices"]["loudspeaker"]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        state = self._client.hello["state"]
        while (event := self._client.event(self._patience(state))) is not None:
            if event["event"] == "state":
                state = event["state"]
            elif event["event"] == "error":
                self._error = f"{event['where']}: {event['what']}"
            elif event["event"] == "device" and event["side"] == "loudspeaker":
                self._loudspeaker = event
            yield event

    def _patience(self, state: str) -> float | None:
        return _QUIET_S if state in _RESTING and not self.open else None

    def why(self, ended: Mapping[str, Any]) -> str:
        """Why something was not heard to its end, after what was said of that; maybe nothing."""
        if ended["outcome"] != "abandoned":
            return f" ({ended['outcome']})"
        if self._loudspeaker is not None and self._loudspeaker["state"] != "open":
            return f"; {self._loudspeaker['text']}"
        return f"; {self._error or 'there is nothing in it that can be said'}"


# The table.


@dataclass(frozen=True, slots=True)
class _Use:
    help: str
    do: _Do
    arguments: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    while_starting: bool = False
    """Also of use before the engine is ready."""


def _flag(option: str, help_: str) -> tuple[str, Mapping[str, Any]]:
    return option, {"action": "store_true", "help": help_}


_TEXT = ("text", {"nargs": "+", "metavar": "TEXT", "help": "plain text; quotes keep the shell from it"})
_TABLE: Mapping[str, _Use] = {
    "say": _Use(
        "speak a text",
        _say,
        (
            _TEXT,
            _flag("--interrupt", "now, instead of after what is going on"),
            _flag("--uninterruptible", "to its end, whatever the visitor says"),
            _flag("--wait", "return when it was heard"),
        ),
    ),
    "listen": _Use("fall silent and listen", _plain("listen")),
    "sleep": _Use("listen to nobody until `engine listen`; what was said so far is answered", _plain("sleep")),
    "stop": _Use("fall silent, and forget what was to be said", _plain("stop")),
    "mute": _Use(
        "close the microphone (on, the default), or open it again (off)",
        _mute,
        (("on", {"nargs": "?", "choices": ("on", "off"), "default": "on", "metavar": "on|off"}),),
    ),
    "volume": _Use(
        "set how loud the loudspeaker is, 0 to 100; without PERCENT tell it",
        _volume,
        (("percent", {"nargs": "?", "type": int, "metavar": "PERCENT"}),),
    ),
    "context": _Use(
        "give the language model something to know for this visitor; without TEXT forget what was given",
        _context,
        (("text", {"nargs": "*", "metavar": "TEXT"}),),
    ),
    "session-end": _Use("the visitor has left: forget all of them", _plain("session.end")),
    "reload": _Use("read the configuration again and apply what may change while the engine runs", _reload),
    "state": _Use("show the full state", _state, while_starting=True),
    "events": _Use(
        "print each event as it happens, a line of JSON each",
        _events,
        (("names", {"nargs": "*", "metavar": "NAME", "help": "only these: a name, or its part before a dot"}),),
        while_starting=True,
    ),
}


def add_parser(subparsers: Any, name: str) -> None:
    """Add one of `COMMANDS` to what `ArgumentParser.add_subparsers` returned."""
    use = _TABLE[name]
    what = f"{use.help[0].upper()}{use.help[1:]}."
    parser = subparsers.add_parser(name, help=use.help, description=what, epilog="Exit code 10: no engine, or refused.")
    for argument, options in use.arguments:
        parser.add_argument(argument, **options)
    add_which(parser)
    parser.set_defaults(run=run, use=use)


def add_which(parser: argparse.ArgumentParser) -> None:
    """The options that say which engine is meant."""
    which = parser.add_argument_group("which engine, if more than one runs")
    which.add_argument("--instance", metavar="NAME", default="", help="the one of this name (engine.instance)")
    which.add_argument("--socket", metavar="PATH", type=Path, help="the one with this door")


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    client = DoorClient(arguments.socket or find(arguments.instance))
    if not arguments.use.while_starting:
        client.until_started()
    arguments.use.do(client, arguments)
    return 0


def find(name: str) -> Path:
    """The door of the only engine that runs, or of the only one of this name."""
    found = place.running(name) or place.closed(name)
    if len(found) > 1:
        doors = ", ".join(map(str, found))
        raise DoorError(f"more than one engine runs: {doors}", "choose one with --socket or --instance")
    if not found:
        from engine.config import read  # not at the top: it takes longer than all the rest

        config = read().config
        if config is None or not config.door.socket:
            what = f"no engine called {name} is running" if name else "no engine is running"
            raise DoorError(what, "start one with `engine run`, or name its door with --socket")
        found = [Path(config.door.socket)]
    return found[0]


COMMANDS = tuple(_TABLE)
