"""`engine config`: what the settings are, where they come from, and whether they are right."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.config import Config, load, read
from engine.config_layers import PREFIX
from engine.errors import UsageError
from engine.schema import Key, Reader, child, dotted, is_named, is_table
from engine.settings import Settings
from engine.toml_write import write

_LAYERS = f"""\
Settings, strongest first:
  --set section.key=value
  environment            {PREFIX}<SECTION>_<KEY>=value
  --config FILE
  your own file          ~/.config/antiphon/config.toml
  the system's file      /etc/antiphon/config.toml
  the packaged file      every setting, its default and what it does: engine config show
"""


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """The options that choose a configuration, the same for every command; `load_from_args` reads them."""
    group = parser.add_argument_group("settings")
    group.add_argument("--profile", metavar="NAME", help="the profile to use, such as realtime or patient")
    group.add_argument("--config", metavar="FILE", type=Path, help="a TOML file with the settings that you change")
    group.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change one setting: turns.end_of_speech_ceiling_ms=600",
    )


def load_from_args(args: argparse.Namespace) -> Config:
    """The configuration that the options of `add_config_options` ask for."""
    return load(args.profile, args.config, args.set)


def add_parser(subparsers: Any) -> None:
    """Add `config` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "config",
        help="show or check the settings",
        description="Show or check the settings.",
        epilog=_LAYERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="print the settings that a run would have",
        description="Print the settings that a run would have, as TOML that --config can read back.",
    )
    show.add_argument("key", nargs="?", metavar="SECTION[.KEY]", help="only this section or setting, such as turns")
    show.add_argument("--origin", action="store_true", help="say after each value where it came from")
    add_config_options(show)
    check = actions.add_parser(
        "check",
        help="say whether the settings are right",
        description="Say ok and name the files read, or tell everything that is wrong, a line each (exit code 3).",
    )
    add_config_options(check)


def run(args: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    return {"show": _show, "check": _check}[args.action](args)


def _show(args: argparse.Namespace) -> int:
    config = load_from_args(args)
    everything = config.as_dict()
    # A profile may be defined in a file that is not there when this is read back; its values are already in here.
    table = everything | {"profiles": {config.profile: {}}} if args.key is None else _only(everything, args.key)

    def comment(key: Key) -> str:
        return config.origins.get(key, "") if args.origin else ""

    sys.stdout.write(write(table, comment))
    return 0


def _check(args: argparse.Namespace) -> int:
    reading = read(args.profile, args.config, args.set)
    if reading.errors:
        print(*reading.errors, sep="\n", file=sys.stderr)
        return reading.errors[0].code
    print("ok:", ", ".join(reading.files))
    return 0


def _only(table: Mapping[str, Any], wanted: str) -> dict[str, Any]:
    """The part of `table` at a dotted key, with the tables around it."""
    names = wanted.split(".")
    kind: Any = Settings
    inside: Any = table
    for depth, name in enumerate(names):
        if not isinstance(inside, Mapping) or name not in inside:
            remedy = Reader(Settings).suggest(kind, tuple(names[:depth]), name) if is_table(kind) else ""
            if is_named(kind):
                remedy = f"there is {', '.join(inside)}"
            raise UsageError(f"{dotted(tuple(names))} is not a setting", remedy)
        inside, kind = inside[name], child(kind, name)
    part = inside
    for name in reversed(names):
        part = {name: part}
    return dict(part)
