"""Every ordering in the C core that a mutant takes out: by the letter it has in the headers, or by what it is for."""

from __future__ import annotations

from tests.ringbuf.variants import Mutation


def _relaxed(file: str, text: str) -> Mutation:
    replacement = text
    for order in ("acquire", "release", "acq_rel", "seq_cst"):
        replacement = replacement.replace(f"memory_order_{order}", "memory_order_relaxed")
    assert replacement != text
    return Mutation(f"core/{file}", text, replacement)


RELAXED = {
    "stream A": _relaxed("stream.c", "memory_order_acquire); /* A */"),
    "stream B": _relaxed("stream.c", "memory_order_release); /* B */"),
    "stream C": _relaxed("stream.c", "memory_order_acquire); /* C */"),
    "stream D": _relaxed("stream.c", "memory_order_release); /* D */"),
    "history A": _relaxed("history.c", "memory_order_release); /* A */"),
    "history B": _relaxed("history.c", "memory_order_release); /* B */"),
    "history B at open": _relaxed("history.c", "memory_order_release); /* B, at open */"),
    "history D": _relaxed("history.c", "memory_order_release); /* D */"),
    "history E": _relaxed("history_reader.c", "memory_order_acquire); /* E */"),
    "history F": _relaxed("history_reader.c", "memory_order_acquire); /* F */"),
    "blocks published": _relaxed("history.c", "blocks, memory_order_release);\n    RB_STEP();\n    /*"),
    "blocks seen": _relaxed("history_reader.c", "writer->blocks, memory_order_acquire)"),
    "block taken away": _relaxed("blocks.c", "atomic_thread_fence(memory_order_release)"),
    "block whole": _relaxed("blocks.c", "k + 1, memory_order_release)"),
    "block read": _relaxed("blocks.c", "number, memory_order_acquire)"),
    "block read again": _relaxed("blocks.c", "atomic_thread_fence(memory_order_acquire)"),
    "latest A": _relaxed("latest.c", "memory_order_release); /* A */"),
    "latest B": _relaxed("latest.c", "memory_order_release); /* B */"),
    "latest C": _relaxed("latest.c", "memory_order_release); /* C */"),
    "latest D": _relaxed("latest.c", "memory_order_acquire); /* D */"),
    "latest E": _relaxed("latest.c", "memory_order_acquire); /* E */"),
    "slot taken away": _relaxed("latest.c", "(w->sequence + 1) + 1, memory_order_release)"),
    "slot seen": _relaxed("latest.c", "slot->sequence, memory_order_acquire) == 2 * k + 2"),
    "handshake": _relaxed("bell.h", "atomic_thread_fence(memory_order_seq_cst)"),
    "ring": _relaxed("bell.h", "memory_order_release); /* D */"),
    "bell": _relaxed("wait.c", "memory_order_acquire); /* 1 */"),
    "watch": _relaxed("wait.h", "word, memory_order_acquire)"),
    "header ready": _relaxed("layout.c", "RB_READY, memory_order_release)"),
    "role given": _relaxed("role.c", "0, memory_order_release, memory_order_relaxed)"),
    "role seen": _relaxed("role.c", "role->holder, memory_order_acquire)"),
    "role taken": _relaxed("role.c", "me, memory_order_acq_rel,\n" + " " * 54 + "memory_order_acquire)"),
    "cell load": _relaxed("cells.h", "{ return atomic_load_explicit(cell, memory_order_acquire)"),
    "cell store": _relaxed("cells.h", "value, memory_order_release)"),
    "cell add": _relaxed("cells.h", "d, memory_order_acq_rel)"),
    "cell swap": _relaxed(
        "cells.h", "int was = atomic_compare_exchange_strong_explicit(cell, &expected, value, memory_order_acq_rel,\n"
        + " " * 60 + "memory_order_acquire)",
    ),
    "lease seen": _relaxed("lease.c", "memory_order_acquire); /* A, D, E */"),
    "lease changed": _relaxed(
        "lease.c", "memory_order_acq_rel, memory_order_acquire); /* B, F */",
    ),
    "lease bell": _relaxed("lease.c", "memory_order_acquire); /* C */"),
    "lease holder seen": _relaxed("lease.c", "role.holder, memory_order_acquire)"),
    "lease asked": _relaxed("lease.h", "word, memory_order_acquire)"),
}  # fmt: skip
