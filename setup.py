"""Builds the C core of `ringbuf`. Everything else about the project is in pyproject.toml."""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup

CORE = Path("ringbuf/core")
# The stable ABI: one wheel goes into every interpreter a worker may run under. A free-threaded one has no such ABI.
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    ext_modules=[
        Extension(
            "ringbuf._core",
            sources=sorted(str(path) for path in CORE.glob("*.c")),
            depends=sorted(str(path) for path in CORE.glob("*.h")),
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE else [],
            py_limited_api=STABLE,
            extra_compile_args=["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-fvisibility=hidden"],
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
