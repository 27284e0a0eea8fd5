"""The sound cards of this machine as ALSA has them, by name: a card's number changes when it is plugged in again.

The kernel tells which cards and PCMs there are; what a PCM can do is asked of ALSA's library, which opens it for that.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from engine.devices.device import Device, Side, plain

PROC, SYS = Path("/proc/asound"), Path("/sys/class/sound")
DEFAULT = "default"
_DEFAULT_TITLE = "the first card, or what asound.conf says"
PREFIX = "alsa:"
"""Before the name of any other PCM that ALSA's configuration has, as in alsa:dsnoop:CARD=Array."""
_STREAMS: dict[Side, tuple[str, int]] = {"loudspeaker": ("p", 0), "microphone": ("c", 1)}
"""The letter of a PCM in /proc, and the number of the direction in snd_pcm_open."""
_RATES_HZ = (48000, 44100, 32000, 16000, 96000, 8000)
"""In the order in which they are wanted."""
_MAX_CHANNELS = 32
"""PCMs that convert claim to have thousands."""
_NONBLOCK = 1


@dataclass(frozen=True, slots=True)
class Pcm:
    """A PCM of a card in one direction.

    card: its name ("PCH"). number: what it is now in /proc and /dev. device: its number on the card.
    place: where a USB device is plugged in and what it is ("USB 0d8c:0014 at 1-1.2"); empty for others.
    """

    card: str
    number: int
    device: int
    title: str
    place: str

    @property
    def name(self) -> str:
        """What opens it, as it is."""
        return f"hw:CARD={self.card},DEV={self.device}"


def pcms(side: Side) -> list[Pcm]:
    """What the kernel lists, in the order of the cards' numbers."""
    letter, _ = _STREAMS[side]
    folders = PROC.glob(f"card[0-9]*/pcm[0-9]*{letter}")
    found = []
    for folder in sorted(folders, key=lambda path: (_number(path.parent), _number(path))):
        number = _number(folder.parent)
        with contextlib.suppress(OSError):  # unplugged just now
            card = (folder.parent / "id").read_text(errors="replace").strip()
            name = re.search(r"^name: (.+)$", (folder / "info").read_text(errors="replace"), re.MULTILINE)
            title = plain(f"{_card_title(number)} {name.group(1) if name else ''}")
            found.append(Pcm(card, number, _number(folder), title, _usb_place(SYS / f"card{number}" / "device")))
    return found


def has_cards() -> bool:
    """The kernel knows at least one card."""
    return any(PROC.glob("card[0-9]*"))


def devices(side: Side) -> list[Device]:
    """The cards' microphones or loudspeakers; before them, where there are any, ALSA's own choice. See `asked`."""
    listed = []
    for pcm in pcms(side):
        title = f"{pcm.title} ({pcm.place})" if pcm.place else pcm.title
        listed.append(_device(side, pcm.name, title, pcm.name, f"plug{pcm.name}"))
    if listed:
        listed.insert(0, _device(side, DEFAULT, _DEFAULT_TITLE, DEFAULT, listed[0].pcm_fallback))
    return listed


def asked(device: Device) -> Device:
    """A device of ALSA's with what it can do, which takes opening it; without, where somebody uses it."""
    channels, rate_hz = _abilities(device.side, device.pcm)
    return replace(device, channels=channels, rate_hz=rate_hz)


def named(side: Side, pcm: str) -> Device | None:
    """Any PCM of ALSA's configuration; None if it cannot be opened now."""
    device = asked(_device(side, PREFIX + pcm, pcm, pcm, ""))
    return device if device.channels else None


def holder(side: Side, pcm: Pcm) -> int:
    """The process that has a PCM open, so that nobody else can; 0: none has."""
    letter, _ = _STREAMS[side]
    for status in PROC.glob(f"card{pcm.number}/pcm{pcm.device}{letter}/sub*/status"):
        with contextlib.suppress(OSError):
            if owner := re.search(r"^owner_pid\s*: (\d+)", status.read_text(errors="replace"), re.MULTILINE):
                return int(owner.group(1))
    return 0


def _device(side: Side, name: str, title: str, pcm: str, fallback: str) -> Device:
    return Device(side, name, title, pcm, "alsa", channels=0, rate_hz=0, pcm_fallback=fallback)


def _abilities(side: Side, pcm: str) -> tuple[int, int]:
    """(channels, rate in Hz) that a PCM is best opened with; zeros if it cannot be opened, as when it is in use."""
    try:
        alsa = ctypes.CDLL("libasound.so.2")
    except OSError:
        return 0, 0
    _, direction = _STREAMS[side]
    with _opened(alsa, pcm, direction) as handle:
        if handle is None:
            return 0, 0
        # Room for a snd_pcm_hw_params_t; alsa-lib says how much.
        params = ctypes.create_string_buffer(alsa.snd_pcm_hw_params_sizeof())
        most = ctypes.c_uint()
        if alsa.snd_pcm_hw_params_any(handle, params) < 0:
            return 0, 0
        alsa.snd_pcm_hw_params_get_channels_max(params, ctypes.byref(most))
        channels = most.value if most.value <= _MAX_CHANNELS else 2
        able = (rate for rate in _RATES_HZ if alsa.snd_pcm_hw_params_test_rate(handle, params, rate, 0) == 0)
        return channels, next(able, 0)


@contextlib.contextmanager
def _opened(alsa: ctypes.CDLL, pcm: str, direction: int) -> Iterator[ctypes.c_void_p | None]:
    handle = ctypes.c_void_p()
    if alsa.snd_pcm_open(ctypes.byref(handle), pcm.encode(), direction, _NONBLOCK) < 0:
        yield None
        return
    try:
        yield handle
    finally:
        alsa.snd_pcm_close(handle)


def _card_title(number: int) -> str:
    """A card's name for people, from lines such as ` 1 [Device         ]: USB-Audio - USB Audio Device`."""
    line = re.search(rf"^ *{number} \[.*?\]: .*? - (.+)$", (PROC / "cards").read_text(errors="replace"), re.MULTILINE)
    return line.group(1).strip() if line else ""


def _usb_place(device: Path) -> str:
    """device: the card's link to its device, for USB an interface in the folder of the device that it is part of."""
    usb = device.resolve().parent
    try:
        vendor, product = ((usb / name).read_text(errors="replace").strip() for name in ("idVendor", "idProduct"))
    except OSError:
        return ""
    return f"USB {vendor}:{product} at {usb.name}"


def _number(path: Path) -> int:
    return int(re.sub(r"\D", "", path.name))
