"""Builds of `ringbuf` that are not the installed one: with other flags, under a sanitizer, or with one line spoilt.

A mutant is the package with one mutation. It shows that a check can fail: the check is run against it and must. All
lies in the test session's temporary folder; what two tests need alike is built once, in whichever worker comes first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED") and sys.version_info >= (3, 11)
SUFFIX = ".abi3.so" if STABLE else sysconfig.get_config_var("EXT_SUFFIX")
# As in setup.py, but quick to compile.
FLAGS = ["-std=gnu11", "-O1", "-fPIC", "-fvisibility=hidden", f"-I{sysconfig.get_path('include')}"]
FLAGS += ["-DPy_LIMITED_API=0x030B0000"] if STABLE else []
# The checkout, for the tests' own helpers, comes behind the variant: the tests meet that and nothing else.
PYTEST = f"import sys, pytest; sys.path.insert(2, {str(ROOT)!r}); sys.exit(pytest.main(sys.argv[1:]))"


class Mutation(NamedTuple):
    """In `file` (below ringbuf/) `text` becomes `replacement`. It must stand there exactly once."""

    file: str
    text: str
    replacement: str


Mutations = Mutation | Sequence[Mutation] | None


class Variants:
    """What was built, below `root`. Every path it gives is a folder with the package `ringbuf` in it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(exist_ok=True)

    def sources(self, mutation: Mutations = None) -> Path:
        """A copy of the sources alone, C and Python."""
        return self._once("sources", _mutated(mutation), lambda at, files: _write(at / "ringbuf", files))

    def build(
        self, name: str = "plain", *, flags: Sequence[str] = (), mutation: Mutations = None, sanitize: str | None = None
    ) -> Path:
        """The package with its extension. `name` is for people; `sanitize` as in -fsanitize=…, see `sanitizer`."""
        options = [*FLAGS, *flags, *([f"-fsanitize={sanitize}", "-g", "-fno-omit-frame-pointer"] if sanitize else [])]

        def make(at: Path, files: dict[str, bytes]) -> None:
            _write(at / "ringbuf", files)
            headers = b"".join(files[file] for file in sorted(files) if file.endswith(".h"))
            objects = [
                self._object(at / "ringbuf" / file, headers + files[file], options)
                for file in sorted(files)
                if file.endswith(".c")
            ]
            _cc([*options, "-shared", *map(str, objects), "-o", str(at / "ringbuf" / f"_core{SUFFIX}")])

        return self._once(name, _mutated(mutation), make, options)

    def _object(self, source: Path, content: bytes, options: list[str]) -> Path:
        """One compiled file; a mutant compiles only what it changed."""
        path = self._root / f"{_hash([str(source.name).encode(), content, *map(str.encode, options)])}.o"
        with _locked(path):
            if not path.exists():
                _cc([*options, "-c", str(source), f"-I{source.parent}", f"-I{source.parents[1]}", "-o", f"{path}.new"])
                Path(f"{path}.new").rename(path)
        return path

    def _once(
        self,
        name: str,
        files: dict[str, bytes],
        make: Callable[[Path, dict[str, bytes]], None],
        options: Sequence[str] = (),
    ) -> Path:
        key = _hash(
            [*(part for file in sorted(files) for part in (file.encode(), files[file])), *map(str.encode, options)]
        )
        path = self._root / f"{name.replace(' ', '-').replace('/', '-')}-{key}"
        with _locked(path):
            if not path.exists():
                unfinished = Path(f"{path}.new")
                shutil.rmtree(unfinished, ignore_errors=True)
                make(unfinished, files)
                unfinished.rename(path)
        return path


def run(
    path: Path, script: str, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python code with the package at `path` (as Variants gives it) in front of every other."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=path,  # it stands first in sys.path
        env={**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def sanitizer(library: str) -> dict[str, str]:
    """The environment in which Python can load an extension built with a sanitizer; library: "asan", "ubsan", …"""
    found = subprocess.run(["cc", f"-print-file-name=lib{library}.so"], capture_output=True, text=True, check=True)
    return {"LD_PRELOAD": found.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0"}


RUNS = 6
"""So often a mutant is looked for at most."""


class Mutant(NamedTuple):
    """A mutation, and the check that must see it: `test` is `file.py::name[…]`, `says` what its failure must tell."""

    mutation: Mutations
    test: str
    says: str


def run_tests(path: Path, *tests: str, env: dict[str, str] | None = None, folder: Path = HERE) -> tuple[int, str]:
    """Run tests (`file.py` or `file.py::name[…]`) against the package at `path`: how pytest ended, and what it said."""
    options = ["-c", str(ROOT / "pyproject.toml"), f"--confcutdir={folder}", "-p", "no:cacheprovider", "-vvs"]
    # Its setting is in the file. To load all other plugins takes longer than most tests.
    options += ["-p", "pytest_timeout"]
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **(env or {})}
    ran = run(path, PYTEST, *options, *(str(folder / test) for test in tests), env=env)
    return ran.returncode, ran.stdout + ran.stderr


def is_seen(variants: Variants, name: str, mutant: Mutant) -> None:
    """The mutant's check must fail, and for the right reason; in one of some runs, since what goes wrong may take two
    processes that meet."""
    path = variants.build(name, mutation=mutant.mutation)
    for _ in range(RUNS):
        status, said = run_tests(path, mutant.test)
        if status != 0:
            break
    assert status != 0, f"{mutant.test} has not noticed: {name}"
    assert re.search(mutant.says, said), f"{mutant.test} failed otherwise:\n{said}"


def _mutated(mutation: Mutations) -> dict[str, bytes]:
    package = ROOT / "ringbuf"
    files = {
        str(path.relative_to(package)): path.read_bytes()
        for path in package.rglob("*")
        if path.suffix in (".c", ".h", ".py", ".pyi", ".typed")
    }
    for one in [mutation] if isinstance(mutation, Mutation) else mutation or ():
        found = files[one.file].count(one.text.encode()) if one.file in files else 0
        assert found == 1, f"the mutant no longer applies: {one.text!r} stands {found} times in ringbuf/{one.file}"
        files[one.file] = files[one.file].replace(one.text.encode(), one.replacement.encode())
    return files


def _write(package: Path, files: dict[str, bytes]) -> None:
    for file, content in files.items():
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_bytes(content)


def _cc(arguments: Sequence[str]) -> None:
    done = subprocess.run(["cc", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"cc {shlex.join(arguments)}\n{done.stderr}"


def _hash(parts: Sequence[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
