"""What is installed: the wheel's contents, that it runs without the checkout, and that imports go one way."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest

from engine import NAME
from tests.wheel import ROOT, built, checked, install, make_environment, site_packages

PACKAGES = ("engine", "workers", "ringbuf")
STABLE = sys.version_info >= (3, 11) and not sysconfig.get_config_var("Py_GIL_DISABLED")
SUFFIX = ".abi3.so" if STABLE else sysconfig.get_config_var("EXT_SUFFIX")
EXTENSIONS = {f"{name}{SUFFIX}" for name in ("ringbuf/_core", "workers/drivers/_callback")}
pytestmark = pytest.mark.xdist_group("packaging")  # one build for all of them


@dataclass(frozen=True)
class Installed:
    """A wheel built from the source distribution, and a virtual environment that has it."""

    wheel: Path
    environment: Path

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """A program of the environment, where neither a compiler nor the checkout is to be found."""
        clean: Mapping[str, str] = {"PATH": str(self.environment / "bin"), "HOME": "/nonexistent", "LANG": "C.UTF-8"}
        program = self.environment / "bin" / command[0]
        return subprocess.run(
            [program, *command[1:]], cwd="/", env=clean, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    place = tmp_path_factory.mktemp("packaging")
    wheel = built(tmp_path_factory)
    python = make_environment(place / "environment")
    install(python, "--no-deps", wheel)
    # What it needs is borrowed. A directory named in a .pth file does not have its own .pth files read, so this
    # environment does not see the editable install there.
    (site_packages(python) / "borrowed.pth").write_text(sysconfig.get_path("platlib") + "\n")
    yield Installed(wheel, place / "environment")
    shutil.rmtree(place)


def test_wheel_fits_every_python_from_3_11_on(installed: Installed) -> None:
    """Those that have no stable ABI with buffers, 3.10 and free-threaded ones, get a wheel of their own."""
    if STABLE:
        assert "-cp311-abi3-linux_" in installed.wheel.name
    else:
        assert f"-cp{sys.version_info.major}{sys.version_info.minor}-cp" in installed.wheel.name
    with ZipFile(installed.wheel) as wheel:
        assert {name for name in wheel.namelist() if ".so" in name} == EXTENSIONS


def test_wheels_for_both_machines_are_built_and_pass_their_checks(tmp_path: Path) -> None:
    printed = checked(sys.executable, ROOT / "tools" / "wheels.py", "--to", tmp_path).split()
    assert sorted(printed) == sorted(map(str, tmp_path.iterdir()))
    tag = "cp311-abi3" if STABLE else r"cp\d+-cp\d+t?"
    for name, machine in zip(printed, ("x86_64", "aarch64"), strict=True):
        assert re.search(rf"-{tag}-manylinux_2_\d+_{machine}(\.manylinux\w+)?\.whl$", name)


def test_wheel_holds_the_three_packages_and_nothing_else(installed: Installed) -> None:
    """Also what a plain list of packages forgets: data, types, sub-packages. No sources in C, no tests."""
    with ZipFile(installed.wheel) as wheel:
        held = set(wheel.namelist())
        assert wheel.read("engine/config.toml") == (ROOT / "config.toml").read_bytes()
    assert {name.split("/")[0] for name in held} == {*PACKAGES, f"{NAME}-{version(NAME)}.dist-info"}
    suffixes = {".py", ".pyi", ".onnx", ".wav", ".toml", ".typed", ".service", ".html", ".css", ".js", ".svg", ".txt"}
    wanted = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in suffixes}
    wanted |= {ROOT / package / "py.typed" for package in PACKAGES}
    expected = {str(path.relative_to(ROOT)) for path in wanted}
    assert {
        "engine/page/index.html",
        "engine/data/question.wav",
        "engine/partner/words/same.txt",
        "workers/drivers/virtual.py",
        "ringbuf/_core.pyi",
    } <= expected
    assert {name for name in held if ".dist-info/" not in name} == expected | EXTENSIONS
    assert f"{NAME}-{version(NAME)}.dist-info/licenses/LICENSE" in held


def test_installed_engine_is_not_the_checkout(installed: Installed) -> None:
    code = "import engine, ringbuf, workers; print(engine.__file__, ringbuf.__file__, workers.__file__, sep='\\n')"
    files = installed.run("python", "-c", code).stdout.split()
    assert len(files) == len(PACKAGES)
    assert all(Path(file).is_relative_to(installed.environment) for file in files)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--version"], f"{NAME} "),
        (["config", "check"], "ok: config.toml"),
        (["licences", "--permissive"], "the project"),
    ],
)
def test_command_runs_without_checkout_and_compiler(installed: Installed, arguments: list[str], says: str) -> None:
    done = installed.run("engine", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert says in done.stdout


def test_packaged_question_is_answered_without_checkout_and_compiler(installed: Installed, tmp_path: Path) -> None:
    (question,) = installed.environment.glob("lib/python*/site-packages/engine/data/question.wav")
    done = installed.run("engine", "run", "--input", question, "--output", tmp_path / "conversation.wav")
    assert done.returncode == 0, done.stderr
    assert "turn 1" in done.stdout
    assert (tmp_path / "conversation.wav").stat().st_size > question.stat().st_size


IMPORTS = {
    "ringbuf": {"ringbuf", "numpy", "posix_ipc"},
    "engine": {
        "engine",
        "h11",
        "huggingface_hub",
        "numpy",
        "packaging",
        "pulsectl",
        "pynvml",
        "rich",
        "ringbuf",
        "samplerate",
        "tomli",
        "tomllib",
        "uvloop",
    },
}
"""What a package may import beside the standard library. `workers` may import what it likes."""


@pytest.mark.parametrize("package", IMPORTS)
def test_imports_go_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    outside = {
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in files
        for line, name in _imports(file)
        if name not in IMPORTS[package] | sys.stdlib_module_names
    }
    assert outside == set()


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    """(line, top-level module) of every import in a file, those inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]


JOIN_ALONE = """
import sys

class Nothing:
    allowed = {"numpy", "posix_ipc", "ringbuf", "engine", "workers"} | sys.stdlib_module_names

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in self.allowed:
            raise ModuleNotFoundError(f"{name} is not installed", name=name)

sys.meta_path.insert(0, Nothing())
try:
    import packaging
except ModuleNotFoundError:
    import workers.join
    print("joined")
"""


def test_worker_joins_with_numpy_and_posix_ipc_alone() -> None:
    """A worker may run under a Python of its own, which has its model's library and little else."""
    done = subprocess.run([sys.executable, "-c", JOIN_ALONE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("joined\n", "")
