"""`engine run`: the engine, from start to end."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from engine import messages as m
from engine import report, wav
from engine.config import Config
from engine.config_command import add_config_options, load_from_args
from engine.errors import OutputError, UsageError
from engine.hub import Hub
from engine.printer import Printer
from engine.supervisor import Supervisor
from engine.terminal import Terminal

_AFTER_LAST_S = 0.3
"""What the recording still gets after the last answer, so that it does not end with its last sample."""
_SIGNALS = {signal.SIGINT: 128 + signal.SIGINT, signal.SIGTERM: 0, signal.SIGHUP: 128 + signal.SIGHUP}
"""What ends the engine, and the exit code for it."""


def add_parser(subparsers: Any) -> None:
    """Add `run` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "run",
        help="listen, think and speak",
        description="Listen, think and speak through the machine's sound devices, or with --input a recording, until "
        "that ends, or Ctrl-C or SIGTERM comes.",
        epilog="Each turn is printed as it ends; everything else goes to stderr.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--input", metavar="WAV", type=Path, help="what the microphone gets; any rate, any channels, PCM"
    )
    parser.add_argument("--output", metavar="WAV", type=Path, help="record: left what was heard, right what was played")
    parser.add_argument("--report", metavar="JSON", type=Path, help="write each turn and its times, and totals")
    parser.add_argument(
        "--show-words",
        action="store_true",
        help="print what was said even where stdout is no terminal; else words are counted there, not shown",
    )
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    for option, key in (("input", "audio.input"), ("output", "audio.output")):
        if (path := getattr(arguments, option)) is not None:
            arguments.set.append(f"{key}={_setting(f'--{option}', path)}")
    config = load_from_args(arguments)
    _check_files(config, arguments.report)
    return uvloop.run(_run(config, arguments.report, arguments.show_words or sys.stdout.isatty()))


def _setting(option: str, path: Path) -> str:
    """A path from the command line as the value of a setting, in TOML."""
    try:
        text = str(path.absolute())
    except OSError as error:
        raise UsageError(f"{option} {wav.place(path)}: the present directory is gone", "give the whole path") from error
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        what = f"{option} {wav.place(path)}: control characters, or bytes that are not UTF-8, in its name"
        raise UsageError(what, "rename it, or the directory that it is in")
    return json.dumps(text, ensure_ascii=False)


def _check_files(config: Config, report_path: Path | None) -> None:
    """Find out now, not after the conversation, what cannot be read or written."""
    heard = config.audio.input if config.audio.is_virtual else ""
    if config.audio.is_virtual:
        if not heard:
            raise UsageError("the virtual sound card needs a recording to listen to", "give --input WAV")
        wav.load(heard)
    if config.audio.output and report_path and _same(Path(config.audio.output), report_path):
        raise UsageError("--output and --report are the same file", "choose two")
    written = [("--output", Path(config.audio.output) if config.audio.output else None), ("--report", report_path)]
    for option, path in written:
        if path is None:
            continue
        place = wav.place(path)
        try:
            if heard and path.exists() and path.samefile(heard):
                raise UsageError(f"{option} {place} is the input", "choose another file")
            if option == "--output":
                if path.is_fifo():
                    raise OutputError(f"{place}: a recording does not go into a pipe", f"choose another {option}")
                wav.Recording.create(path, 2, config.audio.rate_hz)
            else:
                path.open("a").close()
        except OSError as error:
            raise OutputError(f"{place}: {error.strerror}", f"choose another {option}") from error


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


async def _run(config: Config, report_path: Path | None, words: bool) -> int:
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    code = 0

    def asked_to_end(exit_code: int) -> None:
        nonlocal code
        code = exit_code
        supervisor.end()

    async def end_when_over() -> None:
        await over.wait()
        await asyncio.sleep(_AFTER_LAST_S)
        supervisor.end()

    hub = Hub(config.audio.volume)
    takers: dict[type[m.Message], Callable[[Any], None]] = {
        m.Happened: hub.happened,
        m.Over: lambda _message: over.set(),
    }
    for number, exit_code in _SIGNALS.items():  # before there is anything that would be left behind
        loop.add_signal_handler(number, asked_to_end, exit_code)
    supervisor = Supervisor(config, hub, lambda message: takers[type(message)](message))
    printer = Printer()
    terminal = Terminal(printer, words)
    hub.subscribe(terminal)
    turns = report.Turns(supervisor)
    if report_path is not None:
        hub.subscribe(turns)
    waiting = asyncio.ensure_future(end_when_over())
    ready_s = 0.0
    try:
        if await supervisor.start():
            ready_s = time.monotonic() - began
            terminal.say(f"ready after {ready_s:.1f} s, {len(supervisor.workers)} workers, {config.profile}")
            await supervisor.ended()
    finally:
        waiting.cancel()
        await supervisor.stop()
        printer.close()
        if report_path is not None:
            report.write(report_path, report.build(turns.records, supervisor, ready_s))
    return code
