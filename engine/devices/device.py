"""What is known of a sound device before it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["microphone", "loudspeaker"]


def plain(title: str) -> str:
    """A title on one line that does nothing to a terminal: devices make it up themselves."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(title.split()))


@dataclass(frozen=True, slots=True)
class Device:
    """A microphone or loudspeaker."""

    side: Side
    name: str
    """What to write into the configuration. It stays the same when devices come and go."""
    title: str
    """What people call it."""
    pcm: str
    """The ALSA PCM that opens it as it is."""
    server: Literal["pulse", "alsa"]
    """Whose it is: a sound server's (PulseAudio, or PipeWire, which speaks the same language), or ALSA's own."""
    channels: int
    """As many as it has; 0 where that could not be asked, because somebody else uses it."""
    rate_hz: int
    """The rate it runs at by itself; 0 where that could not be asked."""
    is_default: bool = False
    is_monitor: bool = False
    """A microphone that hears what a loudspeaker plays."""
    pcm_fallback: str = ""
    """The PCM that opens it with its sound converted, for when `pcm` refuses; empty: there is none."""

    @property
    def label(self) -> str:
        """What messages call it: the name that a configuration takes, and what people call it."""
        return f"{self.name} ({self.title})"
