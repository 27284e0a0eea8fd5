"""`engine ask`: a conversation in writing, without sound and without a running engine; or a question to one that
runs."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

from engine import own_python
from engine.config_command import add_config_options, load_from_args
from engine.door_commands import ask_aloud
from engine.errors import BackendError, UsageError
from engine.worker import OWN_GROUP, environment


def add_parser(subparsers: Any) -> None:
    """Add `ask` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "ask",
        help="ask what answers (llm.backend) in writing, without sound and without a running engine",
        description="Ask what answers (llm.backend) in writing, without sound and without a running engine: each TEXT "
        "is one turn of one conversation. With --running, --instance or --socket ask an engine that runs, as if a "
        "visitor had: then all of TEXT is one question, and the answer is printed as it is heard, with what is said "
        "later of what it calls.",
    )
    parser.add_argument("text", nargs="+", metavar="TEXT", help="what is said; quotes keep the shell from it")
    parser.add_argument(
        "--json",
        action="store_true",
        help='a line for each turn: {"text", "tool_calls": [{"name", "arguments"}], "first_token_ms"}',
    )
    add_config_options(parser)
    which = parser.add_argument_group("a running engine")
    which.add_argument("--running", action="store_true", help="the only one")
    which.add_argument("--instance", metavar="NAME", default="", help="the one of this name (engine.instance)")
    which.add_argument("--socket", metavar="PATH", type=Path, help="the one with this door")
    which.add_argument("--no-wait", action="store_true", help="return when the answer was heard, whatever it called")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    if arguments.running or arguments.instance or arguments.socket is not None:
        if arguments.json or arguments.config or arguments.set or arguments.profile:
            what = "an engine that runs has a configuration of its own, and answers aloud"
            raise UsageError(what, "leave out --json, --config, --set and --profile")
        return ask_aloud(arguments.text, arguments.socket, arguments.instance, not arguments.no_wait)
    if arguments.no_wait:
        raise UsageError("--no-wait is about an engine that runs", "leave it out, or name one (--running)")
    config = load_from_args(arguments)
    section = config.llm
    asked = json.dumps({"config": config.as_dict(), "turns": arguments.text})
    try:
        process = subprocess.Popen(
            own_python.command(section.python, "-m", "workers.ask"),
            env=environment(section.threads, section.python),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **OWN_GROUP,  # Ctrl-C is for us to understand
        )
    except OSError as error:
        raise BackendError(f"llm: its Python cannot be run ({error.strerror})", "correct llm.python") from error
    with process:
        try:
            _converse(process, asked, arguments.json)
        except BaseException:
            process.kill()
            raise
    if process.returncode < 0:
        raise BackendError(f"llm: it was killed by signal {-process.returncode}", "see what llm.backend needs")
    return process.returncode


def _converse(process: subprocess.Popen[bytes], asked: str, as_json: bool) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended, and has said why
        process.stdin.write(asked.encode())
        process.stdin.close()
    for line in process.stdout:
        print(line.decode().rstrip() if as_json else _told(json.loads(line)), flush=True)


def _told(reply: dict[str, Any]) -> str:
    """A turn for people: the answer, and what the host would be asked to do."""
    calls = [f"→ {call['name']} {json.dumps(call['arguments'], ensure_ascii=False)}" for call in reply["tool_calls"]]
    return "\n".join([reply["text"], *calls])
