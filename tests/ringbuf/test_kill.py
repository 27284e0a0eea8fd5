"""kill -9 of writer and reader at every step of every operation: the other side goes on, a successor takes over, what
was committed arrives once, what was not does not, and whoever sleeps is woken. `kill/` says how.

A step is an RB_STEP() of the core (core/step.h): before, between and after the stores that another process can see."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.ringbuf.kill.run import SCENARIOS
from tests.ringbuf.variants import ROOT, Mutation, Variants, run

pytestmark = pytest.mark.xdist_group("kill")

STEPS = Path(__file__).parent / "kill" / "steps.h"
SCRIPT = "import sys; from tests.ringbuf.kill.run import main; main(sys.argv[2:], sys.argv[1])"
# A sleeper looks by itself once a second. Here it never does: whoever wakes was woken.
NEVER_LOOKS = [
    Mutation("core/wait.c", "#define LOOK_NS INT64_C(1000000000)", "#define LOOK_NS INT64_C(1000000000000000)"),
    Mutation("core/lease.c", "LOOK_NS INT64_C(50000000)", "LOOK_NS INT64_C(1000000000000000)"),
]


def kill(variants: Variants, *names: str, mutation: Mutation | None = None, patience: int = 20) -> dict[str, Any]:
    """Run these scenarios, or all; what broke, how many steps each operation had, and where processes were killed."""
    mutations = [*NEVER_LOOKS, mutation] if mutation else NEVER_LOOKS
    package = variants.build("steps", flags=["-DRB_STEPS", "-include", str(STEPS)], mutation=mutations)
    path = {"PYTHONPATH": f"{package}:{ROOT}", "KILL_PATIENCE": str(patience), "OPENBLAS_NUM_THREADS": "1"}
    ran = run(package, SCRIPT, str(package), *names, env=path)
    assert ran.returncode == 0, ran.stderr
    outcome: dict[str, Any] = json.loads(ran.stdout)
    outcome["stderr"] = ran.stderr
    return outcome


@pytest.fixture(scope="module")
def outcome(variants: Variants) -> dict[str, Any]:
    """Of all scenarios."""
    return kill(variants)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_any_step_it_leaves_a_ring_that_works(scenario: str, outcome: dict[str, Any]) -> None:
    assert outcome["broken"][scenario] is None, outcome["stderr"][-3000:]


def test_every_step_of_the_core_has_killed_somebody(outcome: dict[str, Any]) -> None:
    steps = set()
    for path in [*(ROOT / "ringbuf/core").glob("*.[ch]"), *(ROOT / "ringbuf/binding").glob("*.[ch]")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.match(r"[^/*]*\bRB_STEP\(\)", line) and path.name != "step.h":
                steps.add(f"{path.name}:{number}")
    assert len(steps) > 50
    assert steps - set(outcome["sites"]) == set()


# The scenario that must notice it, the file, and what becomes of what stands there.
MUTANTS = {
    "a stream's position before its record": (
        "stream writer commit",
        "core/stream.c",
        "    uint64_t write = w->write;\n    RB_STEP();\n",
        (
            "    uint64_t write = w->write;\n"
            "    const uint64_t all = write + w->padding + stride_of(tag->length);\n"
            "    atomic_store_explicit(&w->side->position, all, memory_order_release);\n"
            "    RB_STEP();\n"
        ),
    ),
    "a record given back when it is acquired": (
        "stream reader acquire",
        "core/stream.c",
        "            r->taken = stride;\n",
        (
            "            r->taken = stride;\n"
            "            atomic_store_explicit(&r->side->position, r->read + stride, memory_order_release);\n"
        ),
    ),
    "padding that is not written": (
        "stream writer put with padding",
        "core/stream.c",
        "memcpy(at(w, write), &pad, sizeof pad);",
        "(void)pad;",
    ),
    "a history's intent after its samples": (
        "history writer put",
        "core/history.c",
        "    const enum rb_status status = rb_history_claim(w, n, &place);\n",
        (
            "    memcpy(w->data + (w->position & (w->capacity - 1)) * w->item, samples, n * w->item);\n"
            "    const enum rb_status status = rb_history_claim(w, n, &place);\n"
        ),
    ),
    "a history's position before its block": (
        "history writer commit",
        "core/history.c",
        "    rb_block_write(w->table,",
        (
            "    atomic_store_explicit(&w->side->position, w->position + n, memory_order_release);\n"
            "    RB_STEP();\n"
            "    rb_block_write(w->table,"
        ),
    ),
    "a block that was never published stays": (
        "history writer put",
        "core/history.c",
        "    empty_unpublished_block(w);\n",
        "    (void)empty_unpublished_block;\n",
    ),
    "a successor forgets what was announced": (
        "history writer commit",
        "core/history.c",
        "w->intent = atomic_load_explicit(&w->side->intent, memory_order_relaxed);",
        "w->intent = w->position;",
    ),
    "a latest's position before its slot": (
        "latest writer put",
        "core/latest.c",
        "    tag->position = k;\n    RB_STEP();\n",
        (
            "    tag->position = k;\n"
            "    atomic_store_explicit(&w->side->position, k, memory_order_release);\n"
            "    RB_STEP();\n"
        ),
    ),
    "a slot that is overwritten before that is said": (
        "latest writer put",
        "core/latest.c",
        "    const enum rb_status status = rb_latest_claim(w, tag->length, &offset);\n",
        (
            "    memcpy(next_slot(w) + 1, payload, tag->length);\n"
            "    const enum rb_status status = rb_latest_claim(w, tag->length, &offset);\n"
        ),
    ),
    "a role taken in two stores": (
        "stream writer attach",
        "core/role.c",
        (
            "    } while (!atomic_compare_exchange_strong_explicit(&role->holder, holder, me, memory_order_acq_rel,\n"
            "                                                      memory_order_acquire));\n"
        ),
        (
            "        atomic_store_explicit(&role->holder, rb_holder_of((uint64_t)getppid()), memory_order_release);\n"
            "        RB_STEP();\n"
            "        atomic_store_explicit(&role->holder, me, memory_order_release);\n"
            "    } while (0);\n"
        ),
    ),
    "a successor that does not ring": (
        "waker, a stream is empty",
        "core/stream.c",
        "    rb_ring_sleepers(&w->bells);\n    return RB_OK;\n}\n\nuint64_t rb_stream_max",
        "    return RB_OK;\n}\n\nuint64_t rb_stream_max",
    ),
    "a cell raised in two stores": (
        "cell maximum",
        "core/cells.h",
        "    return seen < value ? value : seen;",
        (
            "    atomic_store_explicit(cell, 0, memory_order_relaxed);\n"
            "    RB_STEP();\n"
            "    atomic_store_explicit(cell, seen < value ? value : seen, memory_order_relaxed);\n"
            "    return seen < value ? value : seen;"
        ),
    ),
    "a commit that does not ring": (
        "waker, a history is short",
        "core/history.c",
        "    rb_ring_impatient(&w->bells, w->ring, w->position);\n    return RB_OK;\n}\n\nvoid rb_history_abort",
        "    return RB_OK;\n}\n\nvoid rb_history_abort",
    ),
    "a lease that a successor finds held": (
        "lease attach",
        "core/lease.c",
        "    while (w & BOTH(slot) && !rb_lease_leave(l, (uint32_t)slot, &w)) continue;\n    return RB_OK;",
        "    (void)w;\n    return RB_OK;",
    ),
    "a lease that is handed on without a ring": (
        "lease give while somebody waits",
        "core/lease.c",
        "    if (next >= 0) rb_bell_ring(&l->slots[next].bell); /* G */\n",
        "",
    ),
    "a lease that the dead keep": (
        "lease take",
        "core/lease.c",
        "if (!rb_holder_alive(holder))",
        "if (0)",
    ),
    "a ring that is taken before it is finished": (
        "ring format",
        "core/layout.c",
        "if (atomic_load_explicit(&h->ready, memory_order_relaxed) != RB_READY)",
        "if (0)",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_order_is_noticed(mutant: str, variants: Variants) -> None:
    scenario, *mutation = MUTANTS[mutant]
    broken = kill(variants, scenario, mutation=Mutation(*mutation), patience=3)["broken"]
    assert broken[scenario] is not None, "nothing was noticed"
