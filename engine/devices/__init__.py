"""The directory of sound devices: which there are, which one a name of the configuration means, when that changes.

It moves no sound: `Device.pcm` is for the driver that does. Every device is opened as an ALSA PCM, those of PulseAudio
and PipeWire through ALSA's own plug-in for them.
"""

from engine.devices.choice import find, is_there, list_devices
from engine.devices.device import Device, Side
from engine.devices.quiet import no_pcms, quiet
from engine.devices.watch import Watch

__all__ = ["Device", "Side", "Watch", "find", "is_there", "list_devices", "no_pcms", "quiet"]
