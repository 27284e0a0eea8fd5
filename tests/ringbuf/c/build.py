"""Compiles the C core alone, with a program in C from this folder around it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
STANDARD = ["-std=gnu11", "-pthread"]
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
# Not built in: a memcpy or memset that the compiler expands by itself is seen by nobody.
THREAD_SANITIZER = ["-O1", "-g", "-fsanitize=thread", "-fno-builtin", "-Wno-tsan", *WARNINGS]
REPORTED = 66
PACKAGES = {
    "cc": "gcc",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "clang": "clang",
    "qemu-aarch64-static": "qemu-user-static",
    "setarch": "util-linux",
}
# TEST_MAPPED: not with plain memory.
TESTS = {
    name: (path.name, bool(mapped))
    for path in sorted(HERE.glob("test_*.c"))
    for mapped, name in re.findall(r"^TEST(_MAPPED)?\((\w+)\)", path.read_text(), re.MULTILINE)
}


def tool(name: str) -> str:
    path = shutil.which(name)
    assert path, f"{name} is missing; mend it with: apt-get install {PACKAGES[name]}"
    return path


def compiled(sources: Path, output: str, arguments: Sequence[str], *, compiler: str = "cc") -> Path:
    """The result of compiling something against the core below `sources` (as Variants.sources gives it); made once."""
    command = [tool(compiler), *STANDARD, f"-I{sources / 'ringbuf/core'}", f"-I{HERE}", *arguments]
    content = b"".join(path.read_bytes() for path in sorted(HERE.glob("*.[ch]")))
    key = hashlib.sha256(content + "\0".join(command).encode()).hexdigest()[:12]
    path = sources / f"{key}-{output}"
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            done = subprocess.run([*command, "-o", f"{path}.new"], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
            Path(f"{path}.new").rename(path)
    return path


def run_with_thread_sanitizer(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program that was built with -fsanitize=thread; it ends with REPORTED at the first race."""
    environment = {**os.environ, "TSAN_OPTIONS": f"halt_on_error=1:exitcode={REPORTED}"}

    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
        )

    ran = run(command)
    if "unexpected memory mapping" in ran.stdout:  # more address randomisation than this ThreadSanitizer knows
        ran = run([tool("setarch"), "--addr-no-randomize", *command])
    return ran


def program(sources: Path, name: str, files: Sequence[str], flags: Sequence[str], *, compiler: str = "cc") -> Path:
    """A program made of the core and `files` from this folder."""
    core = sorted(str(path) for path in (sources / "ringbuf/core").glob("*.c"))
    return compiled(sources, name, [*flags, *core, *(str(HERE / file) for file in files)], compiler=compiler)
