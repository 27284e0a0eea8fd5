"""Rings seen from outside: all of them, as they are, undisturbed; damage and strangers in a line each."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ringbuf
from ringbuf.__main__ import main
from ringbuf.observe import look
from ringbuf.table import octets, seconds, table
from tests.ringbuf.conftest import SHM, Make, Spawn

HOLD = """if True:
    import os, sys, ringbuf
    reader = ringbuf.HistoryReader(sys.argv[1], 3)
    os.write(1, b"attached\\n")
    sys.stdin.read()
"""


def lines(prefix: str) -> list[str]:
    """The lines of the table, with single spaces."""
    return [" ".join(line.split()) for line in table(look(prefix)).splitlines()]


def test_every_kind_is_seen_with_its_geometry_and_its_maker(make: Make, prefix: str) -> None:
    made = [
        make("stream", 65536),
        make("history", 2**20, 16000),
        make("latest", 1000),
        make("cells", 12),
        make("bells", 3),
    ]
    sight = look(prefix)
    assert [ring["name"] for ring in sight.rings] == made
    assert all(ring["creator"]["pid"] == os.getpid() and ring["creator"]["alive"] for ring in sight.rings)
    assert (sight.damaged, sight.foreign) == ({}, [])
    heading, _, *rows = table(sight).splitlines()
    assert heading.startswith(f"{prefix}.t.{os.getpid()} · made by ")
    assert "5 rings" in heading
    labels = {ring["label"] for ring in sight.rings}
    about = [row.split("writer")[0].split()[1:] for row in rows if row.split()[0] in labels]
    assert about == [
        ["stream", "64", "KiB", "empty"],
        ["history", "65.5", "s", "at", "16", "kHz", "i2", "empty"],
        ["latest", "4", "slots", "of", "1000", "B"],
        ["cells", "12"],
        ["bells", "3"],
    ]


def test_positions_fill_and_distance_are_told_in_bytes_and_in_time(make: Make, prefix: str) -> None:
    stream, history = make("stream", 4096), make("history", 16000, 16000)
    with (
        ringbuf.StreamWriter(stream) as writer,
        ringbuf.StreamReader(stream),
        ringbuf.HistoryWriter(history) as microphone,
        ringbuf.HistoryReader(history, 0),
    ):
        while writer.put(bytes(960)):
            pass
        microphone.put(np.zeros(1600, np.int16), capture_ns=0)
        tokens, sound = look(prefix).rings
        shown = lines(prefix)
    assert (tokens["position"], tokens["fill"], tokens["full_count"]) == (4096, 4096, 1)
    assert tokens["readers"][0]["behind"] == 4096
    assert (sound["position"], sound["fill"], sound["readers"][0]["behind"]) == (1600, 1600, 1600)
    me = f"{' '.join(Path('/proc/self/comm').read_text().split())} {os.getpid()}"
    assert f"{tokens['label']} stream 4 KiB 4 KiB, 100% 1 writer {me} 1 4 096" in shown
    assert f"reader {me} 1 0 4 KiB" in shown
    assert f"reader 0 {me} 1 0 100 ms" in shown
    assert "7 more nobody" in shown


def test_a_reader_that_lost_sound_is_told(make: Make, prefix: str) -> None:
    history = make("history", 4096, 16000)
    with ringbuf.HistoryWriter(history) as writer, ringbuf.HistoryReader(history, 0) as reader:
        for _ in range(4):
            writer.put(np.zeros(2000, np.int16), capture_ns=0)
        assert reader.acquire(100) is not None
        assert look(prefix).rings[0]["readers"][0]["lost"] == reader.lost > 0
        assert lines(prefix)[3].split()[-1] == str(reader.lost)


def test_who_reads_is_told_by_name_and_whether_it_lives(make: Make, prefix: str, spawn: Spawn) -> None:
    name = make("history", 4096, 16000)
    process = spawn(HOLD, name)
    assert process.stdout is not None
    process.stdout.readline()
    comm = Path(f"/proc/{process.pid}/comm").read_text().rstrip()

    def holder() -> dict[str, Any]:
        role: dict[str, Any] = look(prefix).rings[0]["readers"][3]["role"]
        return role

    assert holder() == {"pid": process.pid, "alive": True, "epoch": 1, "process": comm}
    process.kill()
    process.communicate()
    assert holder() == {"pid": process.pid, "alive": False, "epoch": 1, "process": ""}
    assert f"reader 3 {process.pid}, dead 1 0 0" in lines(prefix)


def test_what_a_dead_creator_left_is_told(prefix: str, spawn: Spawn) -> None:
    # Both at once, its tracker too, or that would clean up.
    code = "import os, sys, ringbuf; os.setpgid(0, 0); made = ringbuf.create_cells(sys.argv[1], 1); os.killpg(0, 9)"
    process = spawn(code, f"{prefix}.x.cells")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert f"left over: {process.pid} is dead" in table(look(prefix))
    assert ringbuf.reap(prefix) == [f"{prefix}.x.cells"]


def test_looking_changes_no_byte(make: Make, prefix: str) -> None:
    names = [make("stream", 4096), make("history", 4096, 16000), make("latest", 100), make("cells", 1)]
    with ringbuf.StreamWriter(names[0]) as writer:
        writer.put(b"kept")
        before = [hashlib.sha256((SHM / name).read_bytes()).digest() for name in names]
        assert [ring["name"] for ring in look(prefix).rings] == names
        assert [hashlib.sha256((SHM / name).read_bytes()).digest() for name in names] == before


def test_a_ring_that_is_looked_at_all_the_time_works_on(make: Make, prefix: str) -> None:
    name = make("stream", 4096)
    over = threading.Event()
    fills: list[int] = []

    def watch() -> None:
        while not over.is_set():
            fills.extend(ring["fill"] for ring in look(prefix).rings)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ringbuf.StreamWriter(name) as writer, ringbuf.StreamReader(name) as reader:
        for number in range(20000):
            assert writer.put(number.to_bytes(8, "little"))
            record = reader.acquire()
            assert record is not None
            assert record.data.tobytes() == number.to_bytes(8, "little")
            reader.release()
    over.set()
    watcher.join()
    assert fills
    assert set(fills) <= set(range(0, 4097, 64))


DAMAGE = {
    "a byte of the header": (20, b"\xff"),
    "its size": (64, b"\x00" * 8),
    "positions that cannot be": (mmap.PAGESIZE + 128, b"\xc0\xff\xff\xff\x00\x00\x00\x00"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_ring_is_one_line_and_the_others_are_shown(
    make: Make, prefix: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, good = make("stream", 4096), make("stream", 4096)
    at, change = DAMAGE[what]
    with (SHM / name).open("r+b") as file:
        file.seek(at)
        file.write(change)
    sight = look(prefix)
    assert [ring["name"] for ring in sight.rings] == [good]
    assert list(sight.damaged) == [name]
    assert main([prefix]) == 1
    said = capsys.readouterr()
    assert said.err == ""
    assert [line[: line.index(":")] for line in said.out.splitlines() if name in line] == [f"ring {name} is damaged"]


def test_a_ring_cut_short_is_damaged_and_not_the_end_of_the_observer(make: Make, prefix: str) -> None:
    name = make("stream", 4096)
    os.truncate(SHM / name, 4096)
    assert list(look(prefix).damaged) == [name]


@pytest.mark.parametrize("content", [b"", b"a", b"antring", b"antring1", bytes(9000), bytes(range(256)) * 40])
def test_any_other_file_is_named_and_passed_over(prefix: str, content: bytes) -> None:
    (SHM / f"{prefix}.x").write_bytes(content)
    sight = look(prefix)
    (SHM / f"{prefix}.x").unlink()
    assert sight.rings == []
    assert [*sight.damaged, *sight.foreign] == [f"{prefix}.x"]


def test_pipes_links_and_folders_are_passed_over(make: Make, prefix: str) -> None:
    name = make("cells", 1)
    os.mkfifo(SHM / f"{prefix}.pipe")
    (SHM / f"{prefix}.link").symlink_to(SHM / name)
    (SHM / f"{prefix}.folder").mkdir()
    sight = look(prefix)
    (SHM / f"{prefix}.folder").rmdir()
    for one in ("pipe", "link"):
        (SHM / f"{prefix}.{one}").unlink()
    assert [ring["name"] for ring in sight.rings] == [name]
    assert sight.damaged == {}
    assert sorted(sight.foreign) == [f"{prefix}.{one}" for one in ("folder", "link", "pipe")]


def test_a_name_cannot_write_on_the_terminal(prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    with ringbuf.create_cells(f"{prefix}.plain", 1):
        os.rename(SHM / f"{prefix}.plain", SHM / f"{prefix}.\x1b[2J\n")
        (SHM / os.fsdecode(f"{prefix}.".encode() + b"\xff\n")).touch()
        code = main([prefix])
        os.rename(SHM / f"{prefix}.\x1b[2J\n", SHM / f"{prefix}.plain")
    (SHM / os.fsdecode(f"{prefix}.".encode() + b"\xff\n")).unlink()
    assert code == 0
    shown = capsys.readouterr().out
    assert shown.replace("\n", "").isprintable()
    assert "\\x1b[2J\\n" in shown


def test_rings_that_come_and_go_meanwhile_are_seen_whole_or_not_at_all(prefix: str, spawn: Spawn) -> None:
    come_and_go = """if True:
        import select, sys, ringbuf
        while not select.select([sys.stdin], [], [], 0)[0]:
            with ringbuf.create_stream(f"{sys.argv[1]}.x.a", 4096), ringbuf.create_cells(f"{sys.argv[1]}.x.b", 1):
                pass
    """
    process = spawn(come_and_go, prefix)
    made: set[int] = set()
    while len(made) < 200 and process.poll() is None:
        sight = look(prefix)
        assert sight.damaged == {}
        made |= {ring["created_ns"] for ring in sight.rings}
    assert process.communicate() == ("", "")


def test_the_command_prints_json_and_knows_its_codes(
    make: Make, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([prefix]) == 0
    assert capsys.readouterr().out == "there are no rings\n"
    name = make("cells", 7)
    assert main([prefix, "--json"]) == 0
    (ring,) = json.loads(capsys.readouterr().out)["rings"]
    assert (ring["name"], ring["kind"], ring["capacity"]) == (name, "cells", 7)
    for wrong in (["--watch", "0"], ["--watch", "x"], ["--wathc"]):
        with pytest.raises(SystemExit) as caught:
            main(wrong)
        assert caught.value.code == 2


def run(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """`python -m ringbuf`."""
    return subprocess.Popen([sys.executable, "-m", "ringbuf", *arguments], text=True, **options)


def test_watch_looks_again_until_ctrl_c(make: Make, prefix: str) -> None:
    first = make("cells", 1)
    process = run(prefix, "--watch", "0.05", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert len(json.loads(process.stdout.readline())["rings"]) == 1
    second = make("cells", 1)
    while len(found := json.loads(process.stdout.readline())["rings"]) < 2:
        pass
    assert [ring["name"] for ring in found] == [first, second]
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1] == ""
    assert process.returncode == 130


def test_watch_ends_quietly_when_nobody_reads_any_more(make: Make, prefix: str) -> None:
    make("cells", 1)
    process = run(prefix, "--watch", "0.05", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


def test_watch_fits_a_terminal(make: Make, prefix: str) -> None:
    for _ in range(30):
        make("cells", 1)
    ours, theirs = pty.openpty()
    process = run(prefix, "--watch", stdout=theirs, env=os.environ | {"COLUMNS": "40", "LINES": "10"})
    os.close(theirs)
    shown = b""
    while b"more lines" not in shown:
        shown += os.read(ours, 65536)
    process.kill()
    process.wait()
    os.close(ours)
    start, screen = shown.decode().split("\x1b[H\x1b[J", 1)
    assert start == ""
    assert len(screen.splitlines()) < 10
    assert max(map(len, screen.splitlines())) <= 40


def test_times_and_sizes_are_short_and_round() -> None:
    assert [seconds(value) for value in (0.0005, 0.02, 0.9996, 1, 65.536, 119.9, 121, 7300, 200000)] == [
        *("0.5 ms", "20 ms", "1000 ms", "1 s", "65.5 s", "120 s", "2.02 min", "2.03 h", "2.31 d"),
    ]
    assert [octets(value) for value in (0, 1023, 1024, 640 * 1024, 1 << 20, 3 << 31)] == [
        *("0 B", "1023 B", "1 KiB", "640 KiB", "1 MiB", "6 GiB"),
    ]
