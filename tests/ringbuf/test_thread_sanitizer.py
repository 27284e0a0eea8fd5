"""Two threads on one mapping under ThreadSanitizer (c/threads.c): every payload is ordered by an acquire and a release.

What it cannot show, because it ignores fences and because a seqlock's reader races on purpose, the models show: the
handshake of a sleeper, and the readers of a history and a latest whom the writer laps.
"""

from __future__ import annotations

import subprocess

import pytest

from tests.ringbuf.c import build
from tests.ringbuf.c.orderings import RELAXED
from tests.ringbuf.variants import Mutations, Variants

PROGRAMS = ["stream", "wait", "latest", "history", "cells", "role", "lease"]

pytestmark = pytest.mark.xdist_group("thread-sanitizer")


def threads(variants: Variants, which: str, mutation: Mutations = None) -> subprocess.CompletedProcess[str]:
    files = ["threads.c", "threads_words.c", "segment.c"]
    program = build.program(variants.sources(mutation), "threads", files, build.THREAD_SANITIZER)
    return build.run_with_thread_sanitizer([str(program), which])


@pytest.mark.parametrize("which", PROGRAMS)
def test_nothing_races(variants: Variants, which: str) -> None:
    ran = threads(variants, which)
    assert (ran.returncode, ran.stdout) == (0, "done\n")


# The orderings that are taken out, and which program must see it. Two at once where either alone still orders the
# payload. The others have nothing that ThreadSanitizer could see: fences, or what another ordering does as well.
MUTANTS = {
    ("stream A",): "stream",
    ("stream B",): "stream",
    ("stream C",): "stream",
    ("stream D",): "stream",
    ("watch",): "wait",
    ("latest B", "latest C"): "latest",
    ("latest D", "slot seen"): "latest",
    ("history D",): "history",
    ("history E",): "history",
    ("role given",): "role",
    ("role seen", "role taken"): "role",
    ("cell load",): "cells",
    ("cell store",): "cells",
    ("cell add",): "cells",
    ("cell swap",): "cells",
    ("lease seen", "lease changed"): "lease",
}


@pytest.mark.parametrize("orderings", MUTANTS, ids=" and ".join)
def test_an_ordering_that_is_missing_is_reported(variants: Variants, orderings: tuple[str, ...]) -> None:
    ran = threads(variants, MUTANTS[orderings], [RELAXED[ordering] for ordering in orderings])
    assert ran.returncode == build.REPORTED, ran.stdout
    assert "ThreadSanitizer: data race" in ran.stdout
