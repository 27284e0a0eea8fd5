"""Programs in C from `c/`, with the callbacks and the core of the rings around them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tests.ringbuf.c import build
from tests.ringbuf.variants import ROOT, Variants

HERE = Path(__file__).parent / "c"
CALLBACK = ROOT / "workers" / "drivers" / "native"


def program(variants: Variants, name: str, flags: Sequence[str], *, with_callback: bool = True) -> Path:
    """The program `name`.c, made once."""
    files = [HERE / f"{name}.c", build.HERE / "segment.c", *([CALLBACK / "callback.c"] if with_callback else [])]
    read = [*sorted(HERE.glob("*.h")), *sorted(CALLBACK.glob("*.[ch]")), *files]
    version = hashlib.sha256(b"".join(path.read_bytes() for path in read)).hexdigest()[:12]
    sources = variants.sources()
    core = sorted(str(path) for path in (sources / "ringbuf/core").glob("*.c"))
    arguments = [*flags, f"-I{CALLBACK}", f"-I{HERE}", *core, *map(str, files)]
    return build.compiled(sources, f"callback-{name}-{version}", arguments)
