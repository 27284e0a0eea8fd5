"""A stage under an interpreter of its own: another environment, another NumPy, the same conversation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from engine import NAME, own_python
from engine.config import load
from engine.doctor import stages
from engine.doctor.finding import Visit
from engine.errors import BackendError
from engine.worker import environment
from tests.conftest import Start
from tests.engine_run import QUESTION, UNHURRIED, WORKERS, report, silence, understood, write
from tests.wheel import ROOT, built, checked, make_environment, once, site_packages, with_other_numpy

LOOK = "import json, sys, os; print(json.dumps([sys.path, sys.flags.no_user_site, os.environ['PATH']]))"


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel and another NumPy."""
    wheel = built(tmp_path_factory)
    return once(tmp_path_factory, "other-numpy", lambda place: with_other_numpy(wheel, place))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The interpreter of an environment with nothing in it."""
    return make_environment(tmp_path / "bare")


def troubles(*sets: str) -> list[own_python.Trouble]:
    return own_python.troubles(load(sets=sets, environ={"ANTIPHON_SYSTEM_CONFIG": ""}))


def trouble(python: Path | str) -> BackendError:
    (found,) = troubles(f"llm.python={python}")
    assert found.sections == ("llm",)
    assert found.error.remedy
    assert "\n" not in str(found.error)
    return found.error


def script(path: Path, text: str) -> Path:
    """A program that is called where an interpreter is expected."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def patched(bare: Path, other: Path, code: str) -> Path:
    """The environment `bare` with everything that `other` has, and with something in it changed."""
    own = site_packages(bare)
    (own / "other.pth").write_text(f"{site_packages(other)}\n")
    (own / "sitecustomize.py").write_text(code)
    return bare


# A conversation.


def test_stages_under_another_numpy_take_part_in_a_conversation(start: Start, tmp_path: Path, other: Path) -> None:
    theirs = checked(other, "-c", "import numpy; print(numpy.__version__)").strip()
    assert theirs != version("numpy")
    written = tmp_path / "r.json"
    own = {"ending": other, "llm": other, "vocoder": other}  # sound in, words, sound out
    sets = [part for stage, python in own.items() for part in ("--set", f"{stage}.python={python}")]
    engine = start("--input", str(QUESTION), "--report", str(written), *UNHURRIED, *sets)
    engine.until_ready()
    mapped = {name: Path(f"/proc/{pid}/maps").read_text() for name, pid in engine.pids().items()}
    assert engine.end() == 0
    assert engine.errors == []
    (turn,) = report(written)["turns"]
    assert understood(turn)
    assert turn["outcome"] == "answered"
    assert turn["stages"]["vocoder"]["first"] is not None
    theirs_at, ours_at = str(site_packages(other)), str(Path(sys.prefix).resolve())
    assert set(mapped) == set(WORKERS) - {"recorder"}
    for name, files in mapped.items():
        if name in own:
            assert f"{theirs_at}/ringbuf/_core" in files
            assert f"{theirs_at}/numpy" in files
            assert f"{ours_at}/" not in files
            assert f"{ROOT}/ringbuf" not in files
        else:
            assert f"{theirs_at}/" not in files


def test_interpreter_is_named_from_where_the_engine_is_started_and_told_of_when_it_is_gone_at_a_restart(
    start: Start, tmp_path: Path, other: Path
) -> None:
    """The engine does without that stage then."""
    (tmp_path / "own").symlink_to(other.parents[1])
    python = script(tmp_path / "python", 'exec own/bin/python "$@"')
    sound = write(tmp_path / "q.wav", silence(60))
    engine = start("--input", str(sound), "--set", "vocoder.python=own/bin/python", "--set", f"llm.python={python}")
    engine.until_ready()
    arguments = Path(f"/proc/{engine.pids()['vocoder']}/cmdline").read_bytes().decode().split("\0")
    assert arguments[:2] == ["own/bin/python", "-I"]
    python.unlink()
    engine.kill("llm")
    told = f"engine:llm: cannot be started: {python}: No such file or directory; correct llm.python; "
    gone = "it could not be loaded 3 times in a row; the engine does without it; it is tried again in 60 s"
    engine.until(lambda: told + gone in engine.errors, "it was done without")
    engine.process.terminate()
    assert engine.end() == 0


# Nothing of the engine's own environment.


def test_nothing_of_the_engines_own_environment_is_on_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "user"))
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin:/usr/bin:/bin")
    monkeypatch.chdir(ROOT)  # the checkout, whose packages have the same names
    env = environment(1, str(other))
    assert not {"PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "VIRTUAL_ENV"} & set(env)
    done = subprocess.run(
        own_python.command(str(other), "-c", LOOK), env=env, capture_output=True, text=True, check=True
    )
    path, no_user_site, programs = json.loads(done.stdout)
    assert no_user_site
    strangers = [sys.prefix, str(ROOT), str(tmp_path / "path"), str(tmp_path / "user")]
    mine = str(other.parents[1])
    assert [part for part in path if not part.startswith(mine) and any(part.startswith(s) for s in strangers)] == []
    assert str(site_packages(other)) in path
    assert programs == f"{other.parent}:/usr/bin:/bin"  # as if it was activated


def test_programs_of_the_system_are_found_where_the_engine_is_installed_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    assert own_python.cleaned({"PATH": "/usr/bin:/bin"}, "/opt/x/bin/python")["PATH"] == "/opt/x/bin:/usr/bin:/bin"
    assert own_python.cleaned({"PATH": "/usr/bin:/bin"}, "python3.12")["PATH"] == "/usr/bin:/bin"


def test_engines_own_interpreter_keeps_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert environment(1)["PYTHONPATH"] == "/somewhere"
    assert own_python.command("", "-m", "workers") == [sys.executable, "-m", "workers"]


def test_no_worker_looks_for_models_in_the_network() -> None:
    for python in ("", "/opt/python"):
        env = environment(1, python)
        assert (env["HF_HUB_OFFLINE"], env["TRANSFORMERS_OFFLINE"]) == ("1", "1")


# What can be wrong with it.


def test_good_interpreters_are_no_trouble(other: Path) -> None:
    assert troubles() == []
    assert troubles(f"llm.python={other}", f"asr.python={sys.executable}") == []


def test_interpreter_that_is_not_there_is_told_with_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert trouble("own/bin/python").what == (
        f"own/bin/python: cannot be started: No such file or directory (seen from {tmp_path})"
    )
    assert trouble("/nowhere/python").what == "/nowhere/python: cannot be started: No such file or directory"
    assert "No such file" in trouble("python-that-nobody-has").what


def test_file_that_cannot_be_executed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_text("text")
    assert "cannot be started: Permission denied" in trouble(path).what
    path.chmod(0o755)
    assert "cannot be started: Exec format error" in trouble(path).what


@pytest.mark.parametrize("text", ["exit 3", "echo hello", "echo '[1]'", "echo '{}'", "kill -9 $$"])
def test_program_that_is_no_python_is_told(tmp_path: Path, text: str) -> None:
    assert "is no Python that works" in trouble(script(tmp_path / "python", text)).what


def test_interpreter_that_hangs_is_given_up(tmp_path: Path) -> None:
    python = script(tmp_path / "python", "exec sleep 60")
    (found,) = troubles(f"llm.python={python}", "engine.start_timeout_s=1")
    assert "does not answer within 1 s" in found.error.what


def test_environment_without_the_wheel_is_told_with_how_to_install_it(bare: Path) -> None:
    error = trouble(bare)
    assert error.code == 6
    assert f"{bare}: {NAME} is not installed there (Python 3." in error.what
    assert f"{bare} -m pip install" in error.remedy


def test_another_version_is_told_with_both(bare: Path) -> None:
    metadata = site_packages(bare) / f"{NAME}-0.0.1.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 0.0.1\n")
    assert trouble(bare).what == f"{bare}: has {NAME} 0.0.1, and this is {version(NAME)}"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.modules['numpy'] = None", "cannot join: ModuleNotFoundError: import of numpy halted"),
        (
            "import ringbuf\ndef no(name): raise ringbuf.RingError('ABI 2.0')\nringbuf.LatestReader = no",
            "cannot join: RingError: ABI 2.0",
        ),
        ("import engine.wire; engine.wire.fingerprint = lambda: 'old'", "another state of"),
    ],
    ids=["NumPy is missing", "another layout of rings", "other messages"],
)
def test_wheel_that_does_not_fit_is_told(bare: Path, other: Path, code: str, says: str) -> None:
    assert says in trouble(patched(bare, other, code)).what


def test_one_interpreter_for_two_stages_is_asked_once(tmp_path: Path) -> None:
    python = script(tmp_path / "python", f"echo asked >>{tmp_path}/asked; exit 1")
    (found,) = troubles(f"llm.python={python}", f"asr.python={python}", f"turns.python={python}")
    assert found.sections == ("asr", "turns", "llm")
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_stage_that_does_not_run_needs_no_interpreter() -> None:
    assert troubles("ending.python=/nowhere/python", "ending.backend=off") == []


def test_nothing_is_left_in_shared_memory(bare: Path) -> None:
    trouble(bare)
    assert list(Path("/dev/shm").glob(f"{NAME}.python.{os.getpid()}*")) == []


# Where it is told.


def test_run_tells_before_anything_starts_and_where_it_was_set(start: Start, tmp_path: Path, bare: Path) -> None:
    config = tmp_path / "kiosk.toml"
    config.write_text(f'[llm]\npython = "{bare}"\n')
    engine = start("--input", str(QUESTION), "--config", str(config))
    assert engine.end() == 6
    assert engine.stderr.startswith(f"engine: {config}:2: llm.python: {bare}: {NAME} is not installed there")
    assert len(engine.stderr.splitlines()) == 1


@pytest.mark.usefixtures("packaged_settings")
def test_doctor_tells_once_and_loads_what_is_well(bare: Path, other: Path) -> None:
    config = load(sets=[f"llm.python={bare}", f"turns.python={bare}", f"ending.python={other}"])
    found = list(stages.backends(Visit(config, 0)))
    (ill,) = [one for one in found if one.level == "problem"]
    assert ill.what.startswith(f"turns, llm: {bare}: {NAME} is not installed there")
    assert ill.code == 6
    well = [one.what for one in found if one.level == "ok"]
    assert [what.split(":")[0] for what in well] == ["vad", "asr", "ending", "vocoder"]
    assert [what for what in well if what.endswith(f", by {other}")] == well[2:3]


# What is agreed upon.


CHANGES = [
    "channels.CHANNELS = channels.CHANNELS[1:]",
    "import dataclasses; messages.KINDS[1] = dataclasses.make_dataclass('Joined', ['other'])",
    "telemetry.METRICS = telemetry.METRICS[1:]",
    "import dataclasses; settings.Settings = dataclasses.make_dataclass('Settings', [('profile', str)])",
]


def test_fingerprint_knows_every_change_that_matters() -> None:
    assert fingerprint_of("") == fingerprint_of("")
    different = [fingerprint_of(change) for change in ("", *CHANGES)]
    assert len(set(different)) == len(different)


def fingerprint_of(change: str) -> str:
    """That of an engine with something changed before it is looked at."""
    code = f"from engine import channels, messages, telemetry, settings\n{change}\nimport engine.wire as w"
    return checked(sys.executable, "-c", f"{code}\nprint(w.fingerprint())")
