"""`engine devices`: the machine's microphones and loudspeakers, and what to put into config.toml."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, get_args

from engine.config import Config
from engine.config_command import add_config_options, load_from_args
from engine.devices import Device, Side, find, list_devices, quiet
from engine.devices.surroundings import why_no_devices
from engine.errors import DeviceError
from engine.toml_write import write

SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the configuration asks for on one side, and what comes of it now."""

    side: Side
    wanted: str
    """Its setting, empty for the system's default."""
    origin: str
    """Where that was set."""
    devices: tuple[Device, ...]
    used: Device | None
    wait_s: float
    """How long what is wanted is waited for, until `used` takes its place; 0 where it is there."""
    error: DeviceError | None
    """Why what is wanted cannot be used."""


def add_parser(subparsers: Any) -> None:
    """Add `devices` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "devices",
        help="list microphones and loudspeakers",
        description="List microphones and loudspeakers as lines for config.toml; those that the engine would use now "
        "with these settings are not commented out.",
        epilog="PulseAudio and PipeWire are asked by XDG_RUNTIME_DIR or PULSE_SERVER. Any other PCM of ALSA's "
        'configuration can be named, too: microphone = "alsa:NAME". Exit code 9 when there is no microphone, or no '
        "loudspeaker.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    config = load_from_args(arguments)
    quiet(config.audio.library_messages)
    choices = [_choice(side, config) for side in SIDES]
    if arguments.json:
        print(json.dumps(_as_json(choices), indent=1, ensure_ascii=False))
    else:
        print(*_as_toml(choices), sep="\n")
    missing = [choice.side for choice in choices if not choice.devices]
    for choice in choices:
        if choice.error:
            print(
                f"engine: {choice.origin}: {choice.error}" if choice.wanted else f"engine: {choice.error}",
                file=sys.stderr,
            )
    if missing:
        for remark in why_no_devices():
            print(f"engine: {remark.what}; {remark.remedy}", file=sys.stderr)
        return DeviceError.code
    if config.audio.is_virtual:
        print("engine: these settings use the virtual sound card, and none of these devices", file=sys.stderr)
    return 0


def _choice(side: Side, config: Config) -> _Choice:
    wanted: str = getattr(config.audio, side)
    used, error = _found(side, wanted)
    wait_s = 0.0
    if error and wanted:  # as the engine does
        used, _ = _found(side, "")
        wait_s = config.audio.wait_s
    return _Choice(side, wanted, config.origin(f"audio.{side}"), tuple(list_devices(side)), used, wait_s, error)


def _found(side: Side, wanted: str) -> tuple[Device | None, DeviceError | None]:
    try:
        return find(side, wanted), None
    except DeviceError as error:
        return None, error


def _as_json(choices: Iterable[_Choice]) -> dict[str, Any]:
    return {
        "devices": [
            asdict(device) | {"used": _is(device, choice.used)} for choice in choices for device in choice.devices
        ],
        "use": {
            choice.side: {
                "wanted": choice.wanted,
                "name": choice.used.name if choice.used else None,
                "wait_s": choice.wait_s,
                "error": str(choice.error) if choice.error else None,
            }
            for choice in choices
        },
    }


def _as_toml(choices: Iterable[_Choice]) -> Iterable[str]:
    yield "[audio]"
    lines: list[tuple[str, str]] = []
    for choice in choices:
        devices = list(choice.devices)
        if choice.used and not any(_is(device, choice.used) for device in devices):  # by its ALSA name
            devices.append(choice.used)
        lines += [(_line(device, choice), _about(device, choice)) for device in devices]
        if not devices:
            yield f"# no {choice.side}"
    wide = max((len(line) for line, _ in lines), default=0)
    yield from (f"{line:{wide}}  # {about}" for line, about in lines)


def _line(device: Device, choice: _Choice) -> str:
    setting = write({choice.side: device.name}, lambda _: "").strip()
    return setting if _is(device, choice.used) else f"# {setting}"


def _about(device: Device, choice: _Choice) -> str:
    able = f"{device.channels} ch, {device.rate_hz} Hz" if device.channels else "in use by another program"
    remarks = {
        "without the sound server": device.server == "alsa",
        "hears what that loudspeaker plays": device.is_monitor,
        "the system's default": device.is_default,
        _use(choice): _is(device, choice.used),
    }
    return "; ".join([device.title, able, *(remark for remark, holds in remarks.items() if holds)])


def _use(choice: _Choice) -> str:
    if choice.wait_s:
        return f"used after a wait of {choice.wait_s:g} s"
    return f"used now, as {choice.origin} says" if choice.wanted else "used now"


def _is(device: Device, used: Device | None) -> bool:
    return used is not None and device.name == used.name
