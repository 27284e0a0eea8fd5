"""Builds the wheels that are handed out, for x86-64 and, with Debian's cross-compiler, for aarch64, and checks them.

    python tools/wheels.py [--to dist]

From CPython 3.11 on one wheel fits every version (stable ABI, `cp311-abi3`); under 3.10 it is one for 3.10. The
headers of the Python that runs this serve both machines: what the C core uses of them is the same on each. A warning
of the compiler is an error. Nothing of the checkout is written; what is checked is said at `check`.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]
NOT_SOURCE = (".git", ".venv", "build", "dist", "run", "*.egg-info", "*.so", "__pycache__", ".*_cache", ".hypothesis")
MACHINES = {"x86_64": 62, "aarch64": 183}
"""Machines by Python's name, and their number in an ELF header."""
EXTENSIONS = ["ringbuf/_core", "workers/drivers/_callback"]
"""The modules in C, without what follows their names."""

# In the process that builds: the compiler of the other machine in place of the one this Python was built with, and none
# of the flags that were meant for this one.
_BUILD = """
import sys, sysconfig
import setuptools.build_meta
known = sysconfig.get_config_vars()
cc, flags, suffix = sys.argv[2:]
known.update(CC=cc, CXX=cc, LDSHARED=f"{cc} -shared", CFLAGS=flags, OPT="", CCSHARED="-fPIC", EXT_SUFFIX=suffix)
setuptools.build_meta.build_wheel(sys.argv[1])
"""


def build(machine: str, folder: Path) -> Path:
    """A wheel for a machine, named for plain Linux, in `folder`."""
    source = folder / "source"  # a copy: setuptools writes beside the sources, and takes what an old build has left
    shutil.copytree(ROOT, source, symlinks=True, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    cc = "gcc" if machine == platform.machine() else f"{machine}-linux-gnu-gcc"
    if shutil.which(cc) is None:
        sys.exit(f"wheels: {cc} is missing; install it: sh tools/system-packages.sh dev")
    suffix = f".cpython-{sys.version_info.major}{sys.version_info.minor}-{machine}-linux-gnu.so"
    run(
        *(sys.executable, "-c", _BUILD, folder, cc, f"-DNDEBUG -I{headers(machine, folder)}", suffix),
        cwd=source,
        env={**os.environ, "_PYTHON_HOST_PLATFORM": f"linux-{machine}", "RINGBUF_CFLAGS": "-Werror"},
    )
    shutil.rmtree(source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def headers(machine: str, folder: Path) -> Path:
    """A folder with what Debian's headers look for under the machine's name: this Python's own configuration."""
    include = folder / "include"
    python = Path(sysconfig.get_path("include"))
    for own in python.parent.glob(f"{platform.machine()}-linux-gnu/{python.name}/pyconfig.h"):
        (include / f"{machine}-linux-gnu" / python.name).mkdir(parents=True)
        shutil.copy(own, include / f"{machine}-linux-gnu" / python.name)
    return include


def check(wheel: Path, machine: str, to: Path) -> Path:
    """Name a wheel after the oldest C library that it runs with, found in the symbols it wants; put it into `to`.

    It must hold its extensions, for the right machine, and, if it says abi3, use nothing outside that.
    """
    before = set(to.iterdir())
    # auditwheel refuses one for another machine, one that needs a C library newer than it knows a name for, and one
    # that needs any library which is not on every Linux.
    run("auditwheel", "repair", "--plat", "auto", "--only-plat", "--wheel-dir", to, wheel)
    (named,) = {path for path in to.iterdir() if path.suffix == ".whl"} - before
    with ZipFile(named) as opened:
        numbers = {
            name: struct.unpack_from("<H", opened.read(name), 18)[0] for name in opened.namelist() if ".so" in name
        }
    if sorted(name.partition(".")[0] for name in numbers) != EXTENSIONS:
        sys.exit(f"wheels: {named.name} holds {', '.join(numbers) or 'no extension'}, not {', '.join(EXTENSIONS)}")
    for name, number in numbers.items():
        if number != MACHINES[machine]:
            sys.exit(f"wheels: {named.name} holds {name} for another machine ({number})")
    if "-abi3-" in named.name:
        run("abi3audit", "--strict", "--assume-minimum-abi3", "3.11", named)
    return named


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run a program; when it fails, end with what it said."""
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit(f"wheels: {command[0]} is missing; install it: pip install --group wheels")
    if done.returncode:
        said = (done.stdout + done.stderr).splitlines()
        sys.exit("\n".join([f"wheels: {Path(command[0]).name} failed:", *said[-20:]]))


def main() -> None:
    """Build and check all wheels."""
    parser = argparse.ArgumentParser(description="Build the wheels that are handed out, and check them.")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="the folder for them (dist)")
    to = parser.parse_args().to.resolve()
    to.mkdir(parents=True, exist_ok=True)
    # The checking programs are installed beside the interpreter.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    for old in to.glob("*.whl"):
        old.unlink()
    for machine in MACHINES:
        with tempfile.TemporaryDirectory() as folder:
            print(check(build(machine, Path(folder)), machine, to), flush=True)


if __name__ == "__main__":
    main()
