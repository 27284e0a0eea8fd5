"""A real PulseAudio daemon of a test's own: null sinks for a person and a loudspeaker, and recordings of both.

    with PulseServer(tmp) as server:          # sinks "person" and "speaker"; the microphone is person.monitor
        server.set_default(sink="speaker", source="person.monitor")
        with server.record("both.wav", "person", "speaker"):
            server.play("question.wav", "person").wait()

Each daemon has its own runtime directory and socket, so any number of them run at once. What is started with `environ`
finds it: libpulse by PULSE_SERVER, ALSA's default by libasound2-plugins.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pulsectl

RATE = 48000
"""Samples a second of the sinks and of recordings, if nothing else is said."""
WATCHDOG_S = 30
"""Reached only when something is broken."""
_BLOCK_MS = 5
"""A null sink plays in blocks as long as the shortest latency that anyone asks of it; recordings ask for this."""
_WINDOW_NS = 250_000_000


class PulseServer:
    """A daemon with null sinks, from start to end. It dies with the thread that made this.

    sinks: name → channels. rate: of these sinks, in Hz. plain: as PulseAudio makes them by itself; a sink that was not
    fed in time then pauses for up to two seconds.
    """

    def __init__(self, sinks: dict[str, int] | None = None, rate: int = RATE, *, plain: bool = False) -> None:
        self._sinks = {"person": 2, "speaker": 2} if sinks is None else sinks
        self._rate, self._plain = rate, plain
        # Not pytest's folder: the path of a socket must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="pulse-"))
        self.socket = self.folder / "pulse" / "native"
        self.socket.parent.mkdir(mode=0o700)
        self.environ = {
            "XDG_RUNTIME_DIR": str(self.folder),
            "PULSE_SERVER": f"unix:{self.socket}",
            "PULSE_COOKIE": str(self.folder / "cookie"),
        }
        """What others need in their environment to find it."""
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._taps: set[_Tap] = set()
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> PulseServer:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()

    # The daemon.

    def start(self) -> None:
        """Start the daemon, with the sinks of the constructor. Returns once it answers."""
        loads = [f"module-null-sink {self._null_sink(name, many)}" for name, many in self._sinks.items()]
        loads.append(f"module-native-protocol-unix socket={self.socket} auth-anonymous=1")  # last: then all is there
        load = [part for load in loads for part in ("-L", load)]
        self._run("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", *load)
        self._until(self._answers, "PulseAudio answered")

    def stop(self) -> None:
        """End the daemon, as when it crashes: without a word to its clients."""
        for tap in list(self._taps):
            tap.pause()
        while self._daemons:
            daemon = self._daemons.pop()
            daemon.kill()
            daemon.wait()
        self.socket.unlink(missing_ok=True)

    def close(self) -> None:
        """End the daemon and remove what it left."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The daemon's process id; 0: it does not run."""
        return self._daemons[0].pid if self._daemons else 0

    def _run(self, *command: str, environ: dict[str, str] | None = None) -> None:
        with (self.folder / "log").open("ab") as log:
            daemon = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.environ | {"HOME": str(self.folder)} | (environ or {}),
            )
        self._daemons.append(daemon)

    def _answers(self) -> bool:
        if any(daemon.poll() is not None for daemon in self._daemons):
            raise RuntimeError(f"a daemon ended: {(self.folder / 'log').read_text()}")
        try:
            return self.socket.exists() and bool(self.ask(lambda pulse: pulse.server_info()))
        except pulsectl.PulseError:
            return False

    def _until(self, true: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + WATCHDOG_S
        while not true():
            assert time.monotonic() < limit, f"waited in vain until {what}: {(self.folder / 'log').read_text()}"
            time.sleep(0.005)

    def ask(self, what: Callable[[Any], Any]) -> Any:
        """What a `pulsectl.Pulse` that is connected to this daemon answers."""
        with pulsectl.Pulse("test", server=self.environ["PULSE_SERVER"], connect=False) as pulse:
            pulse.connect(autospawn=False)
            return what(pulse)

    # Modules and sinks.

    def load(self, module: str, arguments: str = "") -> int:
        """Load a module; returns its index."""
        return int(self.ask(lambda pulse: pulse.module_load(module, arguments)))

    def unload(self, index: int) -> None:
        """Unload the module of this index."""
        self.ask(lambda pulse: pulse.module_unload(index))

    def plug(self, name: str, channels: int = 2, rate: int | None = None) -> None:
        """Add a null sink, as if its device was plugged in; recordings of it go on."""
        self.load("module-null-sink", self._null_sink(name, channels, rate))
        for tap in self._taps:
            if tap.sink == name:
                tap.resume()

    def unplug(self, name: str) -> None:
        """Remove a sink, as if its device was pulled out. Recordings of it are silent until it is plugged in again."""
        for tap in self._taps:
            if tap.sink == name:
                tap.pause()  # or the daemon would let it record another source
        self.unload(self.ask(lambda pulse: pulse.get_sink_by_name(name)).owner_module)

    def suspend(self, sink: str, *, on: bool = True) -> None:
        """Let a sink stand still, as when another program took its device from the daemon, or go on."""
        self.ask(lambda pulse: pulse.sink_suspend(pulse.get_sink_by_name(sink).index, int(on)))

    def set_default(self, *, sink: str | None = None, source: str | None = None) -> None:
        """Choose the default sink, the default source, or both."""
        if sink is not None:
            self.ask(lambda pulse: pulse.sink_default_set(sink))
        if source is not None:
            self.ask(lambda pulse: pulse.source_default_set(source))

    def _null_sink(self, name: str, channels: int, rate: int | None = None) -> str:
        title = f"The{name.capitalize()}"  # PulseAudio wants no blank in it here
        wide = f"sink_name={name} channels={channels} rate={rate or self._rate}"
        # Without norewinds=1 an idle sink has played the next two seconds already, and is deaf for as long.
        return f"{wide}{'' if self._plain else ' norewinds=1'} sink_properties=device.description={title}"

    # Sound.

    def play(self, path: Path | str, sink: str, latency_ms: int = 100) -> subprocess.Popen[bytes]:
        """Begin to play a WAV file into a sink; the process ends when all of it was played.

        The latency keeps the sound whole on a busy machine.
        """
        command = ["paplay", f"--device={sink}", f"--latency-msec={latency_ms}", str(path)]
        return subprocess.Popen(command, env=os.environ | self.environ)

    @contextmanager
    def record(self, path: Path | str, left: str, right: str, rate: int = RATE) -> Iterator[Recording]:
        """Record what is played into two sinks, on one clock, into a stereo WAV file.

        The recording runs when the body begins; the file is there when the body has ended.
        """
        recording = Recording(Path(path), rate)
        taps = [_Tap(self, sink, rate) for sink in (left, right)]
        self._taps |= set(taps)
        try:
            for tap in taps:
                tap.resume()
            for tap in taps:
                self._until(lambda tap=tap: tap.runs, f"{tap.sink} was recorded")  # type: ignore[misc]
            yield recording
        finally:
            self._taps -= set(taps)
            for tap in taps:
                tap.pause()
        recording.write([tap.pieces for tap in taps])


@dataclass(eq=False)
class _Piece:
    """What came from one source without a break.

    A null sink runs on the system's clock, so sample n was played at `start_ns` + n/rate. What we see is when it
    arrived here: a block before it is played, and later when something was busy. Of many arrivals the earliest,
    compared with that line, is the one that nothing has delayed. At first the sink may still be ahead by the longer
    block that it had before, so what came first does not count.
    """

    rate: int
    sound: bytearray = field(default_factory=bytearray)
    earliest_ns: list[int] = field(default_factory=list)
    """For each window of time: the earliest that its sound says of when the piece began."""
    _window_ends_ns: int = 0

    def arrived(self, now_ns: int, data: bytes) -> None:
        self.sound += data
        began_ns = now_ns - len(self.sound) // 2 * 1_000_000_000 // self.rate
        if now_ns >= self._window_ends_ns:
            self._window_ends_ns = now_ns + _WINDOW_NS
            self.earliest_ns.append(began_ns)
        else:
            self.earliest_ns[-1] = min(self.earliest_ns[-1], began_ns)

    @property
    def start_ns(self) -> int:
        """When its first sample was played, on CLOCK_MONOTONIC."""
        return min(self._steady) + _BLOCK_MS * 1_000_000

    @property
    def late_ns(self) -> int:
        """How much later than that the sound of the worst window arrived."""
        return max(self._steady) - min(self._steady)

    @property
    def _steady(self) -> list[int]:
        return self.earliest_ns[1:] or self.earliest_ns


@dataclass(eq=False)
class _Tap:
    """Reads the monitor of one sink, in pieces: one for each time that the sink was there."""

    server: PulseServer
    sink: str
    rate: int
    pieces: list[_Piece] = field(default_factory=list)
    _reader: subprocess.Popen[bytes] | None = None
    _thread: threading.Thread | None = None

    @property
    def runs(self) -> bool:
        """Sound is arriving."""
        return bool(self.pieces and self.pieces[-1].sound)

    def resume(self) -> None:
        command = ["setpriv", "--pdeathsig", "KILL", "parec", f"--device={self.sink}.monitor", "--raw"]
        command += ["--format=s16le", f"--rate={self.rate}", "--channels=1", f"--latency-msec={_BLOCK_MS}"]
        self._reader = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | self.server.environ)
        self.pieces.append(_Piece(self.rate))
        self._thread = threading.Thread(target=self._read, args=(self._reader, self.pieces[-1]))
        self._thread.start()

    def pause(self) -> None:
        if self._reader is None or self._thread is None:
            return
        self._reader.kill()
        self._thread.join()
        assert self._reader.stdout is not None
        self._reader.stdout.close()
        self._reader.wait()
        self._reader = self._thread = None

    @staticmethod
    def _read(reader: subprocess.Popen[bytes], piece: _Piece) -> None:
        assert reader.stdout is not None
        odd = b""
        while data := os.read(reader.stdout.fileno(), 1 << 16):
            now_ns = time.monotonic_ns()
            data = odd + data
            whole = len(data) & ~1
            odd = data[whole:]
            if whole:
                piece.arrived(now_ns, data[:whole])


@dataclass(eq=False)
class Recording:
    """A stereo recording of two sinks on one clock."""

    path: Path
    rate: int
    start_ns: int = 0
    """When its first sample was played, on CLOCK_MONOTONIC."""
    late_ms: float = 0.0
    """How late the sound of the worst quarter of a second arrived. More than a block says that daemon or recorder were
    held up; the recording is aligned by the best and does not suffer from it."""

    def write(self, channels: list[list[_Piece]]) -> None:
        """Write the file from the pieces of both channels."""
        channels = [[piece for piece in pieces if piece.sound] for pieces in channels]
        everything = [piece for pieces in channels for piece in pieces]
        assert everything, "nothing was recorded"
        self.start_ns = min(piece.start_ns for piece in everything)
        self.late_ms = max(piece.late_ns for piece in everything) / 1e6
        placed = [
            [(self._at(piece.start_ns), np.frombuffer(piece.sound, np.int16)) for piece in pieces]
            for pieces in channels
        ]
        sound = np.zeros((max(at + len(part) for parts in placed for at, part in parts), len(placed)), np.int16)
        for number, parts in enumerate(placed):
            for at, part in parts:
                sound[at : at + len(part), number] = part
        with wave.open(str(self.path), "wb") as file:
            file.setparams((len(placed), 2, self.rate, 0, "NONE", ""))
            file.writeframes(sound.tobytes())

    def _at(self, time_ns: int) -> int:
        return round((time_ns - self.start_ns) * self.rate / 1_000_000_000)
