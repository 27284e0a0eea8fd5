"""Builds the C core of `ringbuf`, and the callback of sound devices. All else about the project is in pyproject.toml.

RINGBUF_SANITIZE=address,undefined (or thread) builds it for -fsanitize=…; run Python with that library preloaded.
RINGBUF_CFLAGS adds flags.
"""

import os
import shlex
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

CORE, BINDING, CALLBACK = Path("ringbuf/core"), Path("ringbuf/binding"), Path("workers/drivers/native")
# The stable ABI: one wheel goes into every interpreter a worker may run under. A free-threaded one has no such ABI, and
# before 3.11 that ABI had no buffers: those get a build of their own.
STABLE = sys.version_info >= (3, 11) and not sysconfig.get_config_var("Py_GIL_DISABLED")
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-fvisibility=hidden"]

sanitize = os.environ.get("RINGBUF_SANITIZE")
sanitizer = [f"-fsanitize={sanitize}", "-fno-sanitize-recover=all", "-g"] if sanitize else []
if sanitize:
    # -Wno-tsan: it does not understand the fences; those are for the models to prove (tests/ringbuf/model).
    FLAGS += [*sanitizer, "-O1", "-fno-omit-frame-pointer", *(["-Wno-tsan"] if "thread" in sanitize else [])]


def extension(name: str, *parts: Path) -> Extension:
    """A module of all C files in these folders."""
    return Extension(
        name,
        sources=sorted(str(path) for part in parts for path in part.glob("*.c")),
        depends=sorted(str(path) for part in parts for path in part.glob("*.h")),
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
        py_limited_api=STABLE,
        extra_compile_args=FLAGS + shlex.split(os.environ.get("RINGBUF_CFLAGS", "")),
        extra_link_args=sanitizer,
    )


setup(
    # The callback has a core of its own: two modules cannot share one's functions, but they share its memory.
    ext_modules=[
        extension("ringbuf._core", CORE, BINDING),
        extension("workers.drivers._callback", CORE, CALLBACK),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
