"""Which device a name of the configuration means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.devices import alsa, sound_server
from engine.devices.device import Device, Side
from engine.devices.sound_server import NoServerError
from engine.errors import DeviceError

_SEE = "see `engine devices`"


def list_devices(side: Side) -> list[Device]:
    """All devices: the sound server's, its monitors, then ALSA's cards as they are without a server.

    The default is the server's; where none answers, ALSA's.
    """
    return [_asked(device) for device in _listed(side)]


def find(side: Side, wanted: str) -> Device:
    """The device that `wanted` means: its name, or a part of its name or title that no other has. Empty: the default.

    What a sound server has comes before its monitors, and these before the same devices without the server, so a part
    of a name need not tell these apart. Raises DeviceError naming the candidates.
    """
    if wanted.startswith(alsa.PREFIX):
        if (device := alsa.named(side, wanted.removeprefix(alsa.PREFIX))) is None:
            raise DeviceError(f"ALSA cannot open {wanted} as a {side}", f"name a PCM of asound.conf, or {_SEE}")
        return device
    devices = _listed(side)
    if not devices:
        raise DeviceError(f"there is no {side}", "plug one in, or ask `engine doctor` why it is not seen")
    return _asked(_chosen(side, wanted, devices) if wanted else _default(side, devices))


def is_there(device: Device) -> bool | None:
    """Whether a device that is in use is still there; None: its server does not answer, so that nobody knows."""
    if device.server == "alsa":
        return device.name.startswith(alsa.PREFIX) or any(one.name == device.name for one in alsa.devices(device.side))
    try:
        return any(one.name == device.name for one in sound_server.devices(device.side))
    except NoServerError:
        return None


def _listed(side: Side) -> list[Device]:
    """As `list_devices`, but ALSA's are not asked what they can do: that opens each."""
    from_alsa = alsa.devices(side)
    try:
        return sound_server.devices(side) + from_alsa
    except NoServerError:
        return [replace(device, is_default=device.name == alsa.DEFAULT) for device in from_alsa]


def _asked(device: Device) -> Device:
    return alsa.asked(device) if device.server == "alsa" else device


def _chosen(side: Side, wanted: str, devices: list[Device]) -> Device:
    for device in devices:
        if device.name == wanted:
            return device
    for group in _groups(devices):
        matches = [device for device in group if _fits(device, wanted)]
        if len(matches) > 1:
            raise DeviceError(f'{side} "{wanted}" fits {_named(matches)}', "write more of the name")
        if matches:
            return matches[0]
    raise DeviceError(f'there is no {side} "{wanted}"', f"plug it in, or choose from {_named(devices)}")


def _default(side: Side, devices: list[Device]) -> Device:
    default = next((device for device in devices if device.is_default), None)
    if default is None:
        what = f"the system has no default {side}"
        raise DeviceError(what, f"name one in [audio], or plug one in; there is {_named(devices)}")
    return default


def _groups(devices: list[Device]) -> Iterable[list[Device]]:
    def rank(device: Device) -> tuple[bool, bool]:
        return device.server == "alsa", device.is_monitor

    return ([device for device in devices if rank(device) == one] for one in sorted({rank(one) for one in devices}))


def _fits(device: Device, wanted: str) -> bool:
    return any(wanted.casefold() in text.casefold() for text in (device.name, device.title))


def _named(devices: list[Device]) -> str:
    return ", ".join(device.label for device in devices)
