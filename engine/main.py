"""The command `engine`."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from engine import NAME, signals
from engine.errors import EngineError, OutputError, UsageError, foreign

_CODES = """\
exit codes:
  0  done, or ended by SIGTERM          7    shared memory could not be had, or a ring is damaged
  1  a fault in the engine itself       8    a vital worker could not be brought back
  2  the command line was wrong         9    a sound device is missing: ask engine doctor
  3  the configuration was wrong        10   there is no engine to talk to, or it refused
  4  the input could not be read        129  ended because its terminal was closed (SIGHUP)
  5  an output could not be written     130  ended by Ctrl-C
  6  a model or library is missing or broken
"""
_AT_THE_DOOR = (
    "say",
    "listen",
    "sleep",
    "stop",
    "mute",
    "volume",
    "context",
    "session-end",
    "reload",
    "state",
    "events",
)
_MODULES = {
    "run": "run_command",
    "ask": "ask_command",
    **dict.fromkeys(_AT_THE_DOOR, "door_commands"),
    "devices": "devices_command",
    "doctor": "doctor_command",
    "rings": "rings_command",
    "config": "config_command",
    "models": "models_command",
    "service": "service_command",
    "licences": "licences",
}
"""Command → where it is. Only what is asked for is imported: some of it takes a while."""


def parser(command: str = "") -> argparse.ArgumentParser:
    """The command line; if `command` is one, then with that one alone."""
    top = argparse.ArgumentParser(
        prog="engine",
        description="A real-time voice engine: it listens, thinks and speaks on this device alone.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if command not in _MODULES:
        from importlib.metadata import version

        top.add_argument("--version", action="version", version=f"{NAME} {version(NAME)}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for name in (command,) if command in _MODULES else _MODULES:
        module = import_module(f"engine.{_MODULES[name]}")
        if name in _AT_THE_DOOR:
            module.add_parser(commands, name)
        else:
            module.add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. Errors are one line on stderr. Raises SystemExit for a signal."""
    ended = []

    def end(code: int) -> None:
        ended.append(code)
        raise SystemExit(code)

    try:
        _fill_standard_streams()
        if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that does not know a sign shall not end us
            sys.stdout.reconfigure(errors="backslashreplace")
        words = _with_levels(sys.argv[1:] if arguments is None else list(arguments))
        if words and not words[0].startswith("-") and words[0] not in _MODULES:
            raise _unknown(words[0])
        parsed = parser(words[0] if words else "").parse_args(words)
        signals.on_signal(end)
        return int(parsed.run(parsed))
    except Exception as error:
        # A library that is interrupted while it is imported may say that it cannot be.
        return ended[0] if ended else _code(error)


def _with_levels(words: list[str]) -> list[str]:
    """argparse takes what begins with a dash for an option: `--echo -12dB,40ms` becomes one word."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--echo" and word[:1] == "-" and word[1:2].isdecimal():
            joined[-1] = f"--echo={word}"
        else:
            joined.append(word)
    return joined


def _unknown(command: str) -> UsageError:
    from engine.rules import shown  # only now: they take a while
    from engine.schema import near

    meant = near(command, list(_MODULES))
    return UsageError(f"{shown(command)} is not a command", f"did you mean {meant}?" if meant else "see engine --help")


def _code(error: Exception) -> int:
    """Say what went wrong; the exit code for it."""
    if isinstance(error, ImportError):
        error = foreign(error) or error
    if isinstance(error, EngineError):
        if str(error):
            print(f"engine: {error}", file=sys.stderr)
        return error.code
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None
    if full or isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the interpreter can flush in peace
        if not full:
            return 0
        print("engine: stdout cannot be written: no space left; make room there, or send it elsewhere", file=sys.stderr)
        return OutputError.code
    if os.environ.get("ANTIPHON_TRACEBACK"):
        raise error
    print(f"engine: internal fault: {type(error).__name__}: {error}; please report it", file=sys.stderr)
    return EngineError.code


def _fill_standard_streams() -> None:
    """Open what a launcher has closed of stdin, stdout and stderr: the next file must not get such a number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
