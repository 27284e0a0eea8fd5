"""`engine service`: prints a unit for systemd with the right paths in it."""

from __future__ import annotations

import argparse
import re
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from engine import NAME
from engine.errors import UsageError


def add_parser(subparsers: Any) -> None:
    """Add `service` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "service",
        help="print a unit file for systemd",
        description="Print a unit with which systemd starts the engine, watches it and starts it again. For the whole "
        "machine, or, with --session, for the session of the user whose sound server it shall use.",
        epilog=f"engine service >/etc/systemd/system/{NAME}.service; docs/service.md has the rest.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--session", action="store_true", help="for systemctl --user")
    parser.add_argument("--user", default=NAME, metavar="NAME", help=f"whom it runs as, for the machine ({NAME})")
    parser.add_argument("--config", metavar="FILE", type=Path, help="a configuration file for `engine run`")


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    print(unit(arguments.session, arguments.user, arguments.config), end="")
    return 0


def unit(session: bool, user: str, config: Path | None) -> str:
    """The unit. UsageError: one of these cannot stand in it."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,30}", user):
        raise UsageError("--user is not the name of a user", "give one of /etc/passwd")
    options = f" --config {_word(config.absolute())}" if config else ""
    template = resources.files("engine") / "data" / (f"{NAME}-session.service" if session else f"{NAME}.service")
    script = Path(sys.executable).with_name("engine")
    engine = _word(script) if script.exists() else f"{_word(Path(sys.executable))} -m engine"
    return template.read_text(encoding="utf-8").format(engine=engine, options=options, user=user)


def _word(path: Path) -> str:
    """A path as one word of a command line of systemd's, in which % and $ mean something."""
    text = str(path)
    if not text.isprintable():
        raise UsageError("a path has signs that cannot be printed", "rename it")
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if re.search(r"[^\w/.\-]", text) else text
