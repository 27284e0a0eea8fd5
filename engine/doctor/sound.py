"""Sound: which devices there are, and whether they hear and are heard."""

from __future__ import annotations

import contextlib
import ctypes
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from engine.devices import Device, Side, alsa, find, list_devices, sound_server
from engine.devices.sound_server import NoServerError
from engine.devices.surroundings import ends_with_the_session, why_no_access, why_no_server
from engine.doctor.finding import Finding, Visit, ok, problem, warning
from engine.errors import BackendError, DeviceError
from engine.worker import environment

SIDES: tuple[Side, ...] = get_args(Side)
_PROBE = "workers.drivers.probe"
_PROBE_TIMEOUT_S = 30.0
"""What the probe gets beside the time that it listens for."""
_LIBRARIES = {"libportaudio.so.2": "libportaudio2", "libasound.so.2": "libasound2"}
"""Library → its Debian package."""
_ECHO = "libspeexdsp.so.1"
_PLUGIN, _PLUGIN_PACKAGE = "libasound_module_pcm_pulse.so", "libasound2-plugins"
_DEAD_DBFS = -90.0
"""A microphone that is on has more noise than that: about 1 of 32768."""
_FAINT_DBFS = -65.0
_VIRTUAL = "the settings use the virtual sound card"


def libraries(visit: Visit) -> Iterator[Finding]:
    """PortAudio and ALSA, with its plug-in for sound servers, and what cancels echoes."""
    missing = []
    if visit.config.audio.cleans:
        try:
            ctypes.CDLL(_ECHO)
        except OSError as error:
            remedy = 'apt-get install libspeexdsp1, or set audio.aec to "hardware" or "off"'
            yield problem(BackendError(f"{_ECHO}, which cancels echoes, cannot be loaded ({error})", remedy))
    for library, package in _LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError as error:
            missing.append(library)
            if not visit.config.audio.is_virtual:
                yield problem(BackendError(f"{library} cannot be loaded ({error})", f"apt-get install {package}"))
    if missing:
        return
    if _loads_into_alsa(_PLUGIN):
        yield ok("PortAudio and ALSA, with the plug-in for sound servers")
    else:
        what = f"ALSA has no {_PLUGIN}, so that devices of PulseAudio and PipeWire cannot be opened"
        yield warning(what, f"apt-get install {_PLUGIN_PACKAGE}")


def _loads_into_alsa(plugin: str) -> bool:
    library = ctypes.CDLL("libasound.so.2")
    library.snd_dlopen.restype = ctypes.c_void_p
    return bool(library.snd_dlopen(plugin.encode(), 2, None, 0))  # RTLD_NOW, as ALSA itself


def server(visit: Visit) -> Iterator[Finding]:
    """The sound server. Without one there is still ALSA."""
    if visit.config.audio.is_virtual:
        return
    try:
        name = sound_server.server_name()
    except NoServerError:
        for remark in (*why_no_server(), *why_no_access()):
            yield warning(remark.what, remark.remedy)
        return
    if ends_with_the_session():
        yield warning(f"{name} answers, and ends when you log out", "loginctl enable-linger $USER")
    else:
        yield ok(f"{name} answers")


def devices(visit: Visit) -> Iterator[Finding]:
    """The microphone and the loudspeaker that the settings mean."""
    if visit.config.audio.is_virtual:
        yield ok(_VIRTUAL)
        return
    for side in SIDES:
        try:
            yield _state(find(side, getattr(visit.config.audio, side)))
        except DeviceError as error:
            there = list_devices(side)
            yield problem(error if there else DeviceError(error.what, "plug one in, or mend what stands above"))


def _state(device: Device) -> Finding:
    """One device that is there."""
    told = f"{device.side} {device.label}"
    if device.server == "alsa" and not device.channels:
        return problem(DeviceError(f"{told} is in use{_holder(device)}", "end that, or choose another device"))
    if _is_muted(device):
        kind = "source" if device.side == "microphone" else "sink"
        return warning(f"{told} is muted", f"pactl set-{kind}-mute {device.name} 0")
    return ok(f"{told}, {device.channels} ch, {device.rate_hz} Hz")


def _holder(device: Device) -> str:
    for pcm in alsa.pcms(device.side):
        if device.name == pcm.name and (pid := alsa.holder(device.side, pcm)):
            with contextlib.suppress(OSError):
                return f" by {Path(f'/proc/{pid}/comm').read_text().strip()} (process {pid})"
    return ""


def _is_muted(device: Device) -> bool:
    with contextlib.suppress(NoServerError):
        return device.server == "pulse" and sound_server.is_muted(device)
    return False


def hearing(visit: Visit) -> Iterator[Finding]:
    """What the microphone hears, and whether it hears a tone from the loudspeaker."""
    if not visit.seconds or visit.config.audio.is_virtual:
        return
    found: dict[Side, Device] = {}
    for side in SIDES:
        with contextlib.suppress(DeviceError):  # `devices` has said so
            found[side] = find(side, getattr(visit.config.audio, side))
    if not found:
        return
    print(f"listening for {visit.seconds:g} s: say something; a tone will come, too", file=sys.stderr, flush=True)
    heard = _probe(visit, found)
    if heard["error"]:
        yield problem(DeviceError(str(heard["error"]), "see with audio.library_messages = true what the libraries say"))
        return
    if (microphone := found.get("microphone")) is not None:
        channel, has = visit.config.audio.channel, microphone.channels or heard["channels"]
        if channel > has:
            what = f"audio.channel is {channel}, and the microphone has {has}"
            yield warning(what, "set one that it has, or 0 for the mean of all")
        yield level_of(heard)
    if len(found) == len(SIDES):
        yield loop_of(heard)


def level_of(heard: dict[str, Any]) -> Finding:
    """What a few seconds of the microphone say. heard: as the probe prints it."""
    peak, rms, clipped = heard["peak_dbfs"], heard["rms_dbfs"], heard["clipped"]
    level = f"peak {peak:.0f}, RMS {rms:.0f} dBFS"
    if peak < _DEAD_DBFS:
        return warning(f"{level}: dead silence", "switch it on, unmute it (alsamixer, pavucontrol), or choose another")
    if clipped:
        return warning(f"{level}, {clipped} samples clipped", "turn its gain down: alsamixer, pavucontrol")
    if rms < _FAINT_DBFS:
        return warning(f"{level}: very quiet", "speak while it listens, or turn its gain up: alsamixer, pavucontrol")
    return ok(f"{level}, nothing clipped")


def loop_of(heard: dict[str, Any]) -> Finding:
    """What came back of the test tone."""
    if heard["tone_dbfs"] is None:
        return warning(
            "the microphone does not hear the loudspeaker",
            "if there was no tone in the room, turn the loudspeaker up; with a headset this is as it should be",
        )
    return ok(f"the tone came back after {heard['tone_delay_ms']:.0f} ms with {heard['tone_dbfs']:.0f} dBFS")


def _probe(visit: Visit, found: Mapping[Side, Device]) -> dict[str, Any]:
    """What a process of its own hears: a sound library that hangs or crashes shall not take us along."""
    options: list[str] = []
    for side, device in found.items():
        options += [f"--{side}", *filter(None, (device.pcm, device.pcm_fallback))]
    if (microphone := found.get("microphone")) is not None:
        options += ["--channels", str(microphone.channels), "--rate", str(microphone.rate_hz)]
        options += ["--channel", str(visit.config.audio.channel)]
    options += ["--seconds", str(visit.seconds), *(["--tone"] if "loudspeaker" in found else [])]
    named = " and ".join(device.label for device in found.values())
    if visit.config.audio.library_messages:
        options.append("--messages")
    try:
        done = subprocess.run(
            [sys.executable, "-m", _PROBE, *options],
            env=environment(1),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=visit.seconds + _PROBE_TIMEOUT_S,
            check=False,
        )
        heard: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"error": f"{named} cannot be opened or read: they hang"}
    except ValueError:
        return {"error": f"{named}: the sound libraries crashed (exit code {done.returncode})"}
    return heard
