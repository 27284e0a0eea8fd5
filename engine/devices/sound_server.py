"""The devices of a sound server: PulseAudio, or PipeWire, which speaks PulseAudio's protocol."""

from __future__ import annotations

import contextlib
import os
import re
import select
import time
from collections.abc import Iterator, Sequence
from typing import Any

from engine import NAME
from engine.devices.device import Device, Side, plain

TIMEOUT_S = 2.0
"""A server that has not answered by then counts as none."""
_DUMMY = "auto_null"
"""What servers offer as a loudspeaker where there is none."""
_LIBRARY = "libpulse.so.0"


class NoServerError(Exception):
    """No sound server answers; `str()` says why."""


class NoLibraryError(NoServerError):
    """There is nothing to ask a server with."""


class Connection:
    """A connection to the server. Nothing is started where none runs.

    pulse: the `pulsectl.Pulse`, to be used inside of `errors()`.
    deadline: when whatever waits for the server is given up, on time.monotonic(); None: never.
    others: file descriptors that end `pulse.event_listen()` when they can be read.
    Raises NoServerError.
    """

    def __init__(self, timeout_s: float = TIMEOUT_S, others: Sequence[int] = ()) -> None:
        self.deadline: float | None = time.monotonic() + timeout_s
        self._others = others
        pulsectl = _pulsectl()
        if _is_nowhere():
            raise NoServerError("the folder of its socket does not exist")
        self.pulse = pulsectl.Pulse(NAME, connect=False)
        # A time-out given to connect() lasts to its end even when the server answers at once.
        self.pulse.set_poll_func(self._poll, lambda *_: None)
        try:
            with self.errors():
                self.pulse.connect(autospawn=False)
        except NoServerError:
            self.pulse.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.pulse.close()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Whatever goes wrong inside means that the server is gone."""
        try:
            yield
        except Exception as error:  # not all that pulsectl raises is a PulseError
            late = self.deadline is not None and time.monotonic() > self.deadline
            raise NoServerError("it does not answer" if late else str(error)) from error

    def _poll(self, entries: Sequence[Any], timeout_s: float) -> int:
        """poll() for libpulse, with its descriptors and ours: until its time-out (negative: none) or our deadline."""
        limits = [timeout_s] if timeout_s >= 0 else []
        if self.deadline is not None:
            limits.append(self.deadline - time.monotonic())
            if limits[-1] < 0:
                raise TimeoutError
        poll = select.poll()
        for entry in entries:
            poll.register(entry.fd, entry.events)
        for other in self._others:
            poll.register(other, select.POLLIN)
        ready = dict(poll.poll(min(limits) * 1000 if limits else None))
        for entry in entries:
            entry.revents = ready.get(entry.fd, 0)
        if not ready.keys().isdisjoint(self._others):
            self.pulse.event_listen_stop()
        return sum(entry.revents != 0 for entry in entries)


def _is_nowhere() -> bool:
    """$XDG_RUNTIME_DIR does not exist, and nothing else says where a server is. libpulse would make it, and whoever
    runs the engine as root would own what a login has to make."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    told = {"PULSE_SERVER", "PULSE_RUNTIME_PATH"} & os.environ.keys()
    return bool(runtime) and not told and not os.path.isdir(runtime)


def server_name() -> str:
    """The server that answers, and its version: "pulseaudio 16.1", "PulseAudio (on PipeWire 0.3.65) 15.0.0". Raises
    NoServerError."""
    with Connection() as server, server.errors():
        info = server.pulse.server_info()
        return f"{info.server_name} {info.server_version}"


def devices(side: Side) -> list[Device]:
    """The server's microphones or loudspeakers, monitors last. Raises NoServerError."""
    with Connection() as server, server.errors():
        defaults = server.pulse.server_info()
        found = server.pulse.source_list() if side == "microphone" else server.pulse.sink_list()
    listed = [_device(side, one, defaults) for one in found]
    return sorted((one for one in listed if _DUMMY not in (one.name, one.name.removesuffix(".monitor"))), key=_last)


def is_muted(device: Device) -> bool:
    """Whether the server keeps a device silent. Raises NoServerError."""
    with Connection() as server, server.errors():
        ask = server.pulse.get_source_by_name if device.side == "microphone" else server.pulse.get_sink_by_name
        return bool(ask(device.name).mute)


def _pulsectl() -> Any:
    """The package pulsectl, with the rate of a device kept."""
    try:
        import pulsectl  # it takes a while, and not everybody who imports this needs it
    except (ImportError, OSError) as error:
        raise NoLibraryError(f"the package pulsectl or its {_LIBRARY} cannot be loaded: {error}") from error
    for kind in (pulsectl.PulseSourceInfo, pulsectl.PulseSinkInfo):
        # Its own `sample_spec` points into memory that is not valid any more when the list is there.
        kind._init_from_struct = _keep_rate
    return pulsectl


def _keep_rate(info: Any, struct: Any) -> None:
    info.rate_hz = struct.sample_spec.rate


def _device(side: Side, found: Any, defaults: Any) -> Device:
    """found: PulseSourceInfo or PulseSinkInfo. defaults: PulseServerInfo."""
    monitored = found.monitor_of_sink_name if side == "microphone" else None
    default = defaults.default_source_name if side == "microphone" else defaults.default_sink_name
    return Device(
        side,
        name=found.name,
        title=plain(found.description),
        pcm=pcm_name(found.name),
        server="pulse",
        channels=found.channel_count,
        rate_hz=found.rate_hz,
        # Without a microphone a server offers what its loudspeaker plays: we would hear ourselves.
        is_default=found.name == default and monitored != defaults.default_sink_name,
        is_monitor=monitored is not None,
    )


def pcm_name(name: str) -> str:
    """The ALSA PCM of a source or sink. In its arguments a comma or blank would end the name."""
    plain = re.fullmatch(r"[\w.-]+", name, re.ASCII)
    return f"pulse:DEVICE={name}" if plain else f"pulse:DEVICE='{name}'"


def _last(device: Device) -> bool:
    return device.is_monitor
