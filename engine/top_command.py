"""`engine top`: a running engine, live in the terminal."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from rich.console import Console

from engine import engines
from engine.door.client import DoorClient
from engine.errors import UsageError
from engine.snapshot import Observer
from engine.top.frame import frame
from engine.top.screen import Printed, Screen
from engine.top.talk import EVENTS, Talk

EVERY_S = 0.25
_BETWEEN_S = 0.2
"""Between the two looks that --once takes: shares of time are known from the second on."""
_WIDE = 120
"""Columns where there is no terminal that has some."""


def add_parser(subparsers: Any) -> None:
    """Add `top` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "top",
        help="show a running engine live: stages, rungs, what was late, rings, machine, turns",
        description="Show a running engine live, also over ssh: its stages with their rungs, what was late, processor "
        "and memory; rings, sound devices and the machine; the last turns, each with where its time went; and the "
        "conversation as it goes. It only looks: nobody is made slower by it. Ctrl-C ends it.",
        epilog="late: results after their deadline. dropped: messages that found their ring full. waits: how full the "
        "fullest ring is that the stage reads. beat: since it last came round its loop; busy: in a call that cannot be "
        "interrupted. Memory that processes share is divided among them. Exit code 10: there is no engine.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("instance", nargs="?", default="", help="the engine of this name (engine.instance)")
    parser.add_argument("--once", action="store_true", help="print it once, for pipes and programs")
    parser.add_argument(
        "--show-words",
        action="store_true",
        help="show what is said even where stdout is no terminal; else words are counted there, not shown",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not arguments.once and (not console.is_terminal or console.is_dumb_terminal):
        raise UsageError("stdout is no terminal that can show it", "add --once, or look at `engine health --json`")
    words = arguments.show_words or console.is_terminal
    observer = Observer(engines.only(arguments.instance))
    client = engines.door(observer)
    talk = Talk(client.hello if client else None)
    try:
        if client is not None:
            client.command("subscribe", events=[] if arguments.once else list(EVENTS))
            talk.recall(client.command("turns")["turns"])
        if arguments.once:
            _once(console, observer, talk, words)
        else:
            _live(console, observer, client, talk, words)
    finally:
        if client is not None:
            client.close()
    return 0


def _once(console: Console, observer: Observer, talk: Talk, words: bool) -> None:
    observer.take(wait=True)
    time.sleep(_BETWEEN_S)
    width = console.width if console.is_terminal or "COLUMNS" in os.environ else _WIDE
    lines = frame(observer.take(wait=True), talk, width, 0, words=words)
    console.print(Printed(lines), end="", crop=False, soft_wrap=True)


def _live(console: Console, observer: Observer, client: DoorClient | None, talk: Talk, words: bool) -> None:
    with Screen(console) as screen:
        while not observer.ended:
            screen.draw(frame(observer.take(), talk, *screen.size, words=words))
            if not _listen(client, talk):
                break
    print("the engine has ended", file=sys.stderr)


def _listen(client: DoorClient | None, talk: Talk) -> bool:
    """Until the next frame. False: the engine has ended."""
    if client is None:
        time.sleep(EVERY_S)
        return True
    try:
        for event in client.within(EVERY_S):
            talk.take(event)
    except EOFError:
        return False
    return True
