"""`engine run`: its options, and what can be found out before anything starts."""

from __future__ import annotations

import argparse
import functools
import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import uvloop

from engine import own_python, wav
from engine.config import Config
from engine.config_command import add_config_options, load_from_args
from engine.errors import OutputError, UsageError
from engine.models import names
from engine.running import converse


def add_parser(subparsers: Any) -> None:
    """Add `run` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "run",
        help="listen, think and speak",
        description="Listen, think and speak through the machine's sound devices, or with --input a recording, until "
        "that ends, or Ctrl-C or SIGTERM comes.",
        epilog="Each turn is printed as it ends; everything else goes to stderr. Without any sound "
        "device it ends after audio.wait_s with exit code 9: ask engine doctor.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--input", metavar="WAV", type=Path, help="what the microphone gets; any rate, any channels, PCM"
    )
    parser.add_argument("--output", metavar="WAV", type=Path, help="record: left what was heard, right what was played")
    parser.add_argument(
        "--echo",
        metavar="LEVEL,DELAY",
        help="with --input: let the microphone hear the loudspeaker, as loud and as late as in -12dB,40ms",
    )
    parser.add_argument("--report", metavar="JSON", type=Path, help="write each turn and its times, and totals")
    parser.add_argument(
        "--show-words",
        action="store_true",
        help="print what was said even where stdout is no terminal; else words are counted there, not shown",
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="also draw where the time of each turn went, and tell what happens in between",
    )
    parser.add_argument(
        "--http", metavar="ADDRESS:PORT", help="show a page and metrics there, as in 127.0.0.1:8765 (docs/page.md)"
    )
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    for option, key in (("input", "audio.input"), ("output", "audio.output")):
        if (path := getattr(arguments, option)) is not None:
            arguments.set.append(f"{key}={_setting(f'--{option}', path)}")
    if arguments.echo is not None:
        arguments.set.append(f"audio.virtual.echo={json.dumps(arguments.echo)}")
    if arguments.http is not None:
        arguments.set.append(f"http.address={json.dumps(arguments.http)}")
    config = load_from_args(arguments)
    _check_files(config, arguments.report)
    own_python.check(config)
    for _, error in names.missing(config):
        raise error
    reread = functools.partial(load_from_args, arguments)
    words = arguments.show_words or sys.stdout.isatty()
    return uvloop.run(converse(config, reread, arguments.report, words, arguments.verbose))


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
