"""A real PipeWire of a test's own, without a desktop: it is asked as PulseAudio is, through its own pulse server."""

from __future__ import annotations

from typing import Any

import pulsectl

from tests.pulse import PulseServer


class PipeWireServer(PulseServer):
    """PipeWire, WirePlumber and pipewire-pulse on a message bus of their own, with null sinks as PulseServer has."""

    def start(self) -> None:
        """Start the daemons, with the sinks of the constructor. Returns once their pulse server knows them."""
        bus = f"unix:path={self.folder}/bus"
        environ = {
            "DBUS_SESSION_BUS_ADDRESS": bus,
            "DBUS_SYSTEM_BUS_ADDRESS": bus,
            "XDG_CONFIG_HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder),
        }
        self._run("dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={bus}")
        self._until((self.folder / "bus").exists, "there was a bus")
        for daemon, socket in (("pipewire", "pipewire-0"), ("wireplumber", ""), ("pipewire-pulse", "pulse/native")):
            self._run(daemon, environ=environ)
            self._until((self.folder / socket).exists, f"{daemon} ran")
        self._until(self._answers, "PipeWire answered")
        for name, channels in self._sinks.items():
            self.load("module-null-sink", self._null_sink(name, channels))
        self._until(lambda: self._sinks.keys() <= {sink.name for sink in self._sinks_now()}, "PipeWire had its sinks")
        # WirePlumber does not look at what was asked for before it chose its own, and asking twice is no news to it.
        self._until(self._chose, "WirePlumber chose its defaults")

    def set_default(self, *, sink: str | None = None, source: str | None = None) -> None:
        """Choose the default sink, the default source, or both. Returns once the server says so, too."""

        def is_set() -> bool:
            try:
                PulseServer.set_default(self, sink=sink, source=source)
            except pulsectl.PulseOperationFailed:  # WirePlumber, who keeps them, is not that far
                return False
            info = self.ask(lambda pulse: pulse.server_info())
            return sink in (None, info.default_sink_name) and source in (None, info.default_source_name)

        self._until(is_set, "PipeWire had its defaults")

    def _chose(self) -> bool:
        return self.ask(lambda pulse: pulse.server_info()).default_sink_name in self._sinks

    def _sinks_now(self) -> list[Any]:
        return list(self.ask(lambda pulse: pulse.sink_list()))
