"""What people get wrong: each is one line that names the thing and the remedy, and the documented exit code.

What is found out before anything starts is tried in this process: an engine that ends at once costs a second. That it
ends in the same way as a process of its own, one of them says for all.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import pytest

from engine.config import load
from engine.main import main
from tests.conftest import Start
from tests.engine_run import QUESTION, RATE, question, recorded, silence, write
from tests.rings import Rings

Make: TypeAlias = Callable[[Path], object]


class Refused(NamedTuple):
    """How `engine run` ended before it had started anything."""

    code: int
    stdout: str
    stderr: str


Refuse: TypeAlias = Callable[..., Refused]


@pytest.fixture
def refuse(packaged_settings: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Refuse:
    """refuse(*arguments): `engine run` with them, in this process; it fails if the engine would start."""

    def run(*arguments: str | bytes) -> Refused:
        capfd.readouterr()
        try:
            code = main(["run", *map(os.fsdecode, arguments)])
        except SystemExit as end:  # of argparse
            code = int(end.code or 0)
        return Refused(code, *capfd.readouterr())

    def started(*_: object) -> None:
        raise AssertionError("it has found nothing wrong")

    monkeypatch.setattr("engine.run_command.converse", started)
    return run


def wav(tag: int = 1, bits: int = 16, rate: int = RATE, data: bytes = bytes(3200), size: int | None = None) -> bytes:
    """A mono WAV file with whatever header."""
    frame = max(bits // 8, 1)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, rate, rate * frame, frame, bits)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data) if size is None else size) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


UNREADABLE: dict[str, tuple[Make, str]] = {
    "missing": (lambda path: None, "No such file or directory; check the path"),
    "a directory": (lambda path: path.mkdir(), "Is a directory; check the path"),
    "a pipe nobody writes to": (lambda path: os.mkfifo(path), "it is no file, but a pipe or a device; give"),
    "a device": (lambda path: path.symlink_to("/dev/null"), "it is no file, but a pipe or a device; give"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "No such file or directory; check the path"),
    "empty": (lambda path: path.write_bytes(b""), "it does not begin like one; give a WAV file with plain PCM"),
    "text": (lambda path: path.write_text("hello " * 99), "it does not begin like one; give a WAV file"),
    "ADPCM": (lambda path: path.write_bytes(wav(2, 4)), "it is ADPCM (format 2), not PCM; give a WAV file"),
    "MP3": (lambda path: path.write_bytes(wav(85, 0)), "it is MP3 (format 85), not PCM; give a WAV file"),
    "float": (lambda path: path.write_bytes(wav(3, 32)), "it is floating point (format 3), not PCM; give"),
    "64 bits": (lambda path: path.write_bytes(wav(1, 64)), "its samples have 64 bits, not 8, 16, 24 or 32; give"),
    "no rate": (lambda path: path.write_bytes(wav(rate=0)), "its rate is 0 Hz, not 1000 to 768000; give a WAV"),
    "1 Hz": (lambda path: path.write_bytes(wav(rate=1)), "its rate is 1 Hz, not 1000 to 768000; give a WAV file"),
    "header only": (lambda path: path.write_bytes(wav(data=b"")), "it holds no sound; give a WAV file"),
    "header cut off": (lambda path: path.write_bytes(wav()[:30]), "its header is too short; give a WAV file"),
    "no sound chunk": (lambda path: path.write_bytes(wav()[:36]), "it holds no sound; give a WAV file"),
    "truncated": (
        lambda path: path.write_bytes(wav(size=64000)),
        "it is truncated: 0.10 s of 2.00 s are there; give a WAV file",
    ),
}


@pytest.mark.parametrize(("make", "expected"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_input_that_cannot_be_read_is_named_with_the_reason_and_the_remedy(
    refuse: Refuse, tmp_path: Path, make: Make, expected: str
) -> None:
    path = tmp_path / "in.wav"
    make(path)
    told = refuse("--input", str(path))
    assert told.code == 4
    assert told.stderr.startswith(f"engine: {path}: ")
    assert expected in told.stderr
    assert_one_line(told.stderr)
    assert told.stdout == ""


def test_a_process_of_its_own_ends_with_the_same_line_and_code(start: Start, refuse: Refuse) -> None:
    told, engine = refuse("--input", "/nowhere.wav"), start("--input", "/nowhere.wav")
    assert engine.end() == told.code == 4
    assert engine.stderr == told.stderr
    assert (engine.stdout, told.stdout) == ("", "")


def test_an_input_without_permission_is_named(refuse: Refuse, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything; the case of the directory covers this path of the code")
    path = write(tmp_path / "in.wav", question())
    path.chmod(0)
    told = refuse("--input", str(path))
    assert told.code == 4
    assert told.stderr == f"engine: {path}: Permission denied; check the path and its permissions\n"


def assert_one_line(text: str) -> None:
    assert text.endswith("\n")
    assert text.count("\n") == 1


OUTPUTS = {
    "a directory": ("", "Is a directory"),
    "in no directory": ("absent/o", "No such file or directory"),
    "in a file": ("in.wav/o", "Not a directory"),
    "a name that is too long": ("x" * 300, "File name too long"),
}


@pytest.mark.parametrize("option", ["--output", "--report"])
@pytest.mark.parametrize(("name", "expected"), OUTPUTS.values(), ids=OUTPUTS.keys())
def test_an_output_that_cannot_be_written_is_named_before_anything_starts(
    refuse: Refuse, tmp_path: Path, option: str, name: str, expected: str
) -> None:
    path = tmp_path / name
    told = refuse("--input", str(write(tmp_path / "in.wav", question())), option, str(path))
    assert told.code == 5
    assert told.stderr == f"engine: {path}: {expected}; choose another {option}\n"


def test_an_output_on_a_full_disk_is_named_before_anything_starts(start: Start) -> None:
    engine = start("--input", str(QUESTION), "--output", "/dev/full")
    assert engine.end() == 5
    assert engine.stderr == "engine: /dev/full: No space left on device; choose another --output\n"


def test_a_recording_into_a_pipe_is_refused_instead_of_waiting_for_a_reader(refuse: Refuse, tmp_path: Path) -> None:
    os.mkfifo(path := tmp_path / "pipe")
    told = refuse("--input", str(QUESTION), "--output", str(path))
    assert told.code == 5
    assert told.stderr == f"engine: {path}: a recording does not go into a pipe; choose another --output\n"


@pytest.mark.parametrize("option", ["--output", "--report"])
@pytest.mark.parametrize("link", [None, os.link, os.symlink], ids=["itself", "hard link", "symbolic link"])
def test_the_input_is_never_overwritten(
    refuse: Refuse, tmp_path: Path, option: str, link: Callable[[Path, Path], None] | None
) -> None:
    source = path = write(tmp_path / "in.wav", question())
    before = source.read_bytes()
    if link:
        link(source, path := tmp_path / "other.wav")
    told = refuse("--input", str(source), option, str(path))
    assert told.code == 2
    assert told.stderr == f"engine: {option} {path} is the input; choose another file\n"
    assert source.read_bytes() == before


def test_recording_and_report_must_be_two_files_and_neither_is_touched(refuse: Refuse, tmp_path: Path) -> None:
    path = tmp_path / "both"
    path.write_text("precious")
    told = refuse("--input", str(QUESTION), "--output", str(path), "--report", str(path))
    assert told.code == 2
    assert told.stderr == "engine: --output and --report are the same file; choose two\n"
    assert path.read_text() == "precious"


@pytest.mark.parametrize("option", [["--echo", "-12,40"], ["--echo", "loud"], ["--echo=-12dB"]])
def test_a_room_that_cannot_be_read_is_one_line(refuse: Refuse, option: list[str]) -> None:
    told = refuse("--input", str(QUESTION), *option)
    assert told.code == 3
    assert len(told.stderr.splitlines()) == 1
    assert 'must be a level and a delay, such as "-12dB,40ms", or empty' in told.stderr


def test_the_virtual_card_without_an_input_says_what_to_give(refuse: Refuse) -> None:
    told = refuse("--set", "audio.driver=virtual")
    assert told.code == 2
    assert told.stderr == "engine: the virtual sound card needs a recording to listen to; give --input WAV\n"


def test_an_unknown_option_is_told_with_the_usage(refuse: Refuse) -> None:
    told = refuse("--imput", "x.wav")
    assert told.code == 2
    assert told.stderr.startswith("usage: engine ")
    assert "unrecognized arguments: --imput x.wav" in told.stderr


CONFIGURATIONS = {
    "unknown profile": ('profile = "realtme"', "did you mean realtime?"),
    "broken TOML": ("[turns\n", "config.toml:1:7: this is not TOML: "),
    "unknown key": (
        "[turns]\nend_of_speach_ceiling_ms = 1\n",
        "config.toml:2: turns.end_of_speach_ceiling_ms is not a setting; did you",
    ),
    "impossible value": (
        "[turns]\nend_of_speech_ceiling_ms = 1\n",
        "config.toml:2: turns.end_of_speech_ceiling_ms must be ",
    ),
}


@pytest.mark.parametrize(("text", "expected"), CONFIGURATIONS.values(), ids=CONFIGURATIONS.keys())
def test_a_wrong_configuration_is_told_with_its_place(refuse: Refuse, tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    told = refuse("--input", str(QUESTION), "--config", str(path))
    assert told.code == 3
    assert told.stderr.startswith("engine: ")
    assert expected in told.stderr
    assert_one_line(told.stderr)


def test_an_unknown_profile_is_told_with_the_near_one(refuse: Refuse) -> None:
    told = refuse("--input", str(QUESTION), "--profile", "realtme")
    assert told.code == 2
    assert "did you mean realtime?" in told.stderr
    assert_one_line(told.stderr)


MODELS = {
    "no VAD model": ("vad.silero.model=/nowhere/silero.onnx", "vad", "/nowhere/silero.onnx"),
    "broken VAD model": (f"vad.silero.model={QUESTION}", "vad", str(QUESTION)),
    "no such voice": (
        "vocoder.flite.voice=nobody",
        "vocoder",
        "flite has no voice 'nobody'; set vocoder.flite.voice to",
    ),
    "broken ASR model": (f"asr.pocketsphinx.model={QUESTION.parent}", "asr", str(QUESTION.parent)),
}


@pytest.mark.parametrize(("setting", "stage", "expected"), MODELS.values(), ids=MODELS.keys())
def test_a_missing_or_broken_model_is_told_by_the_stage_that_needs_it(
    start: Start, setting: str, stage: str, expected: str
) -> None:
    engine = start("--input", str(QUESTION), "--set", setting)
    assert engine.end() == 6
    # The floor has the same voice, and says for itself that it cannot be had.
    told = "".join(line for line in engine.stderr.splitlines(keepends=True) if not line.startswith("engine:floor: "))
    assert told.startswith(f"engine:{stage}: ")
    assert expected in told
    assert "; " in told  # the remedy
    assert_one_line(told)


def test_an_interpreter_that_is_not_there_is_told_with_its_setting(start: Start) -> None:
    engine = start("--input", str(QUESTION), "--set", "llm.python=/nowhere/python")
    assert engine.end() == 6
    assert engine.stderr == (
        "engine: --set: llm.python: /nowhere/python: cannot be started: No such file or directory; correct it, or make "
        "that environment\n"
    )


def test_a_full_dev_shm_is_told_before_anything_starts(start: Start) -> None:
    mount = 'mount -t tmpfs -o size=1m none /dev/shm && exec "$@"'
    private = ["unshare", "-m", "sh", "-c", mount, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*private, "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small /dev/shm of its own (root)")
    engine = start("--input", str(QUESTION), wrapper=private)
    assert engine.end() == 7
    assert engine.stderr.startswith(f"engine: ring {engine.instance}.")
    assert "; make the ring smaller, remove what is left in /dev/shm, or enlarge it" in engine.stderr
    assert_one_line(engine.stderr)


def test_files_may_have_spaces_quotes_and_foreign_letters_in_their_names(start: Start, tmp_path: Path) -> None:
    stem, sound = str(tmp_path / "= [1]  \"b'c\\d ä 😀 "), silence(0.2)
    write(Path(stem), sound)
    engine = start("--input", stem, "--output", f"{stem}.wav", "--report", f"{stem}.json")
    assert engine.end() == 0
    assert len(recorded(Path(f"{stem}.wav"))) > len(sound)
    assert Path(f"{stem}.json").stat().st_size > 0


NAMES = {
    "newline": (b"a\nb", "a\\nb"),
    "control characters": (b"a\x1b\x7f", "a\\u001b\\u007f"),
    "not UTF-8": (b"a\xff", "a\\udcff"),
}


@pytest.mark.parametrize("option", ["--input", "--output"])
@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES.keys())
def test_a_name_that_no_setting_can_hold_is_told_in_one_line(
    refuse: Refuse, tmp_path: Path, option: str, name: bytes, shown: str
) -> None:
    told = refuse("--input", str(QUESTION), option, os.fsencode(tmp_path) + b"/" + name)
    assert told.code == 2
    assert told.stderr.startswith(f'engine: {option} "{tmp_path}/{shown}": control characters, or bytes that')
    assert told.stderr.endswith("in its name; rename it, or the directory that it is in\n")
    assert_one_line(told.stderr)


@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES.keys())
def test_the_report_may_have_any_name(refuse: Refuse, tmp_path: Path, name: bytes, shown: str) -> None:
    path = os.fsencode(tmp_path) + b"/absent/" + name
    told = refuse("--input", str(QUESTION), "--report", path)
    assert told.code == 5
    assert told.stderr == f'engine: "{tmp_path}/absent/{shown}": No such file or directory; choose another --report\n'


def test_a_disk_that_fills_up_while_recording_is_told(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    private = ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size=64k none '{folder}' && exec \"$@\"", "sh"]
    if shutil.which("unshare") is None or subprocess.run([*private, "true"], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system (root)")
    path = folder / "o.wav"
    engine = start(
        *("--input", str(write(tmp_path / "in.wav", silence(8))), "--output", str(path)),
        *("--set", "engine.restarts_per_minute=1", "--set", "engine.restart_backoff_ms=10"),
        wrapper=private,
    )
    assert engine.end() == 0  # nobody in front of it shall notice
    told = f"engine:recorder: {path}: No space left on device; make room there, or choose another --output"
    ended = "engine:recorder: ended with exit code 5; "
    *lines, last = engine.errors
    assert lines == [told, f"{ended}it is started again", told]
    assert last.startswith(f"{ended}deaths in the last minute: 2, allowed: 1")


def test_a_terminal_that_lacks_a_sign_does_not_end_the_conversation(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    sound = write(tmp_path / "q.wav", np.concatenate([question(), silence(0.1)]))
    options = ("--config", str(short_answers), "--show-words")
    engine = start("--input", str(sound), *options, environ={"PYTHONIOENCODING": "ascii"})
    assert engine.end() == 0
    assert "what time does the museum close" in engine.stdout
    assert engine.errors == []


def test_a_large_phrasebook_fits(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    entry = (
        '[[llm.phrasebook.entries]]\npatterns = ["* number {0} *"]\nanswers = ["Number {0}. ' + "Yes. " * 50 + '"]\n'
    )
    path.write_text("".join(entry.format(number) for number in range(1000)))
    assert path.stat().st_size > 1 << 18
    rings = Rings(load(config=path, environ={"ANTIPHON_SYSTEM_CONFIG": ""}))
    try:
        assert len(rings.seat("llm").config.llm.phrasebook.entries) >= 1000
    finally:
        rings.close()
