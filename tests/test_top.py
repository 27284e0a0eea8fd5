"""`engine top` and `engine health` beside a running engine: in a real terminal, over its resizing, and to the end."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.telemetry import STATES
from tests.engine_run import RATE, UNHURRIED, WATCHDOG_S, Engine, question, silence, write

_COLOURS = re.compile("\x1b\\[[0-9;]*m")
ON, OFF = "\x1b[?1049h", "\x1b[?1049l"


class Top:
    """An `engine top` in a terminal of its own."""

    def __init__(self, engine: Engine, folder: Path, columns: int = 120, rows: int = 40) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(columns, rows)
        env = {**os.environ, "TERM": "xterm-256color", "XDG_RUNTIME_DIR": str(folder)}
        for name in ("COLUMNS", "LINES"):  # pytest has them, and they count for more than the terminal's size
            env.pop(name, None)
        command = [sys.executable, "-m", "engine", "top", engine.name]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=env, text=True
        )
        os.close(theirs)
        self._raw = b""
        self.written = ""
        """All that came, but for the colours."""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, pattern: str, since: int = 0) -> None:
        """Read what it writes, until that is there."""
        limit = time.monotonic() + WATCHDOG_S
        while not re.search(pattern, self.written[since:]):
            assert time.monotonic() < limit, f"waited in vain for {pattern!r}:\n{self.written[-3000:]}"
            self._read()

    def _read(self) -> bool:
        if not select.select([self._ours], [], [], 0.1)[0]:
            return self.process.poll() is None
        try:
            more = os.read(self._ours, 1 << 16)
        except OSError:  # the other end is closed
            return False
        self._raw += more
        self.written = _COLOURS.sub("", self._raw.decode(errors="replace"))
        return bool(more)

    def end(self) -> tuple[int, str]:
        """Its exit code and stderr, once it has ended."""
        limit = time.monotonic() + WATCHDOG_S
        while self._read() and time.monotonic() < limit:
            pass
        _, error = self.process.communicate(timeout=WATCHDOG_S)
        os.close(self._ours)
        return self.process.returncode, error


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("top")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    """One whose visitor asks after a while, and is silent then."""
    sound = np.concatenate([silence(5), question(), silence(600)])
    running = Engine(folder, "--input", str(write(folder / "q.wav", sound)), *UNHURRIED)
    try:
        running.until_ready()
        yield running
    finally:
        running.clean_up()


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "engine", *words], capture_output=True, text=True, env=env, check=False
    )


pytestmark = pytest.mark.xdist_group("top")


def test_a_turn_is_seen_live_with_where_its_time_went_and_ctrl_c_gives_the_terminal_back(
    engine: Engine, folder: Path
) -> None:
    top = Top(engine, folder)
    try:
        top.until("vocoder +ready")
        top.until("museum")  # the conversation as it goes
        top.until("turn 1 .*museum")
        top.until("wait +█")
        top.until(r"heard after \d+ ms")
        since = len(top.written)
        top.resize(60, 20)
        top.until(r"\x1b\[2J", since)
        drawn = top.written[since:].split("\x1b[2J")[-1]
        assert all(int(row) <= 20 for row in re.findall(r"\x1b\[(\d+);1H", drawn))
        assert OFF not in top.written
        top.process.send_signal(signal.SIGINT)
        code, error = top.end()
        assert (code, error) == (130, "")
        assert top.written.count(ON) == top.written.count(OFF) == 1
        assert top.written.rstrip().endswith("\x1b[?25h")
    finally:
        top.process.kill()


def test_it_is_printed_once_for_pipes_with_the_turns_so_far_and_without_anybodys_words(
    engine: Engine, folder: Path
) -> None:
    engine.until(lambda: engine.telemetry.distribution("turns.response_ns").count, "an answer was heard")
    engine.until(lambda: engine.get("turns.shown") == STATES.index("listening"), "the turn was over")
    done = command(folder, "top", "--once", engine.name)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith(engine.name)
    for stage in ("vad", "asr"):
        assert any(re.match(rf"{stage} +ready ", line) for line in lines)
    assert any(line.startswith("turn 1  ") for line in lines)
    assert "museum" not in done.stdout
    assert "rings    mic " in done.stdout
    assert re.search(r"cpu \d+ % of a core", done.stdout)


def test_where_it_cannot_be_shown_it_says_what_to_do_instead(engine: Engine, folder: Path) -> None:
    done = command(folder, "top", engine.name)
    assert done.returncode == 2
    assert done.stderr == (
        "engine: stdout is no terminal that can show it; add --once, or look at `engine health --json`\n"
    )
    done = command(folder, "top", "--once", "there-is-none")
    assert done.returncode == 10
    assert done.stderr == ("engine: no engine called there-is-none is running; start one with `engine run`\n")


def test_a_running_engine_is_well_until_a_stage_hangs(engine: Engine, folder: Path) -> None:
    done = command(folder, "health", engine.name, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["why"]) == (0, [])
    assert set(told["engines"][0]["stages"].values()) == {"ready"}


def test_sound_wakes_nobody_who_does_not_wait_for_it(engine: Engine) -> None:
    engine.until(lambda: engine.get("turns.shown") == STATES.index("listening"), "nobody was spoken with")
    pids = engine.pids()
    heard, before = engine.get("vad.judged"), {stage: _sleeps(pids[stage]) for stage in ("asr", "ending", "vad")}
    engine.until(lambda: engine.get("vad.judged") >= heard + 2 * RATE, "two seconds were heard")
    blocks = (engine.get("vad.judged") - heard) // 160
    slept = {stage: _sleeps(pids[stage]) - count for stage, count in before.items()}
    assert slept["asr"] < blocks / 4  # each second for its beat, and never for a block
    assert slept["ending"] < blocks / 4
    assert slept["vad"] < blocks * 3 / 4  # for its hops, of which three are ten blocks


def _sleeps(pid: int) -> int:
    """How often its first thread has gone to sleep."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches:"))


def test_it_ends_with_the_engine_and_says_so(engine: Engine, folder: Path) -> None:
    """The last of these: it ends the engine that they share."""
    top = Top(engine, folder)
    try:
        top.until("vocoder +ready")
        engine.process.send_signal(signal.SIGTERM)
        code, error = top.end()
        assert (code, error) == (0, "the engine has ended\n")
        assert top.written.count(ON) == top.written.count(OFF) == 1
        assert engine.end() == 0
    finally:
        top.process.kill()
    assert command(folder, "health", engine.name).returncode == 1
