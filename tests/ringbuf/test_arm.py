"""The machine code for ARM, without an ARM: where the C asks for an ordering, the instruction for it is there.

An emulator on x86 shows no weak ordering, so the code itself is looked at. For each function of the core a table says
which instructions it must have, and which of them no way through it may go around. That the orderings asked for are
enough is what the models show; that the machine keeps to them is ARM's architecture.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple, TypeAlias

import pytest

from tests.ringbuf.c import aarch64, build
from tests.ringbuf.c.aarch64 import ENTRY, RETURN
from tests.ringbuf.c.orderings import RELAXED
from tests.ringbuf.variants import Mutation, Variants

# Compiler and machine: Raspberry Pi 4 and older; Jetson Orin, Raspberry Pi 5; another compiler's opinion.
BUILDS = {
    "gcc": ("aarch64-linux-gnu-gcc", ["-march=armv8-a"]),
    "gcc-atomics": ("aarch64-linux-gnu-gcc", ["-march=armv8.2-a+rcpc"]),
    "clang": ("clang", ["--target=aarch64-linux-gnu"]),
}

pytestmark = pytest.mark.xdist_group("arm")

LOAD_ACQUIRE = r"lda(r|pr) x\d+"
LOAD_ACQUIRE_32 = r"lda(r|pr) w\d+"
STORE_RELEASE = r"stlr x\w+"
STORE_RELEASE_32 = r"stlr w\w+"
FENCE = r"dmb ish$"  # release and sequentially consistent fences
LOAD_FENCE = r"dmb ish(ld)?$"  # acquire fences
LOAD = r"ldr x\d+, \[x\d+"
LOAD_32 = r"ldr w\d+, \[x\d+"
STORE_32 = r"str w\d+, \[x\d+"
STORE_ZERO = r"str xzr, \[x\d+"
RING = r"bl __aarch64_ldadd4_rel$|ldaddl w"
SYSCALL = r"bl? syscall"
COPY = r"bl? memcpy"
SEEK = rf"bl? rb_history_seek|{STORE_RELEASE}"
ADD_ACQ_REL = r"bl __aarch64_ldadd8_acq_rel$|ldaddal x"
CAS_ACQ_REL = r"bl __aarch64_cas8_acq_rel$|casal x"
LEAVE = rf"bl rb_lease_leave|{CAS_ACQ_REL}"
CAS_RELEASE = r"bl __aarch64_cas8_rel$|casl x"
# Read-modify-writes may be calls that find out at run time what the machine can do; plain loads and stores never.
HELPER = r"bl? (__atomic|__sync|__aarch64|__ld|__st)"
HELPERS = r"bl? __aarch64_(ldadd[48]_(relax|rel|acq_rel)|cas8_(rel|acq_rel))$"


class Has(NamedTuple):
    """The function, with the local ones it calls, has at least so many such instructions."""

    least: int
    what: str


class Way(NamedTuple):
    """Every way from `start` to `stop` passes `via`; and there is one."""

    start: str
    stop: str
    via: str


Rule: TypeAlias = Has | Way
# After a position is published: B, C and D of bell.h.
RINGS: list[Rule] = [Way(ENTRY, RING, STORE_RELEASE), Way(STORE_RELEASE, RING, FENCE), Way(FENCE, RING, LOAD_32)]
# A check after use: F and G of history.h, E of latest.h.
CHECKS: list[Rule] = [Has(1, LOAD_FENCE), Way(LOAD_FENCE, RETURN, LOAD)]

RULES: dict[str, list[Rule]] = {
    "rb_stream_claim": [Has(1, LOAD_ACQUIRE)],
    "rb_stream_commit": [Has(1, STORE_RELEASE), *RINGS],
    "rb_stream_put": [Has(1, rf"{LOAD_ACQUIRE}|bl rb_stream_claim"), Has(1, rf"{STORE_RELEASE}|bl? rb_stream_commit")],
    "rb_stream_scrub": [Has(1, LOAD_ACQUIRE)],
    "rb_stream_acquire": [Has(1, LOAD_ACQUIRE), Has(1, STORE_RELEASE), *RINGS],
    "rb_stream_release": [Has(1, STORE_RELEASE), *RINGS],
    "rb_stream_writer_open": [Has(2, LOAD_ACQUIRE), Way(ENTRY, RING, FENCE)],
    "rb_stream_reader_open": [Has(2, LOAD_ACQUIRE), *RINGS],
    "rb_history_writer_open": [
        Has(1, LOAD_ACQUIRE),
        Has(2, FENCE),
        Way(ENTRY, RING, FENCE),
    ],  # B at open, and the ring's
    "rb_history_claim": [Has(1, STORE_RELEASE), Way(STORE_RELEASE, RETURN, FENCE)],
    "rb_history_put": [Has(1, STORE_RELEASE), Way(STORE_RELEASE, COPY, FENCE)],
    "rb_history_commit": [Has(2, STORE_RELEASE), *RINGS],
    "rb_history_reader_open": [Has(3, LOAD_ACQUIRE)],
    "rb_history_position": [Has(1, LOAD_ACQUIRE)],
    "rb_history_acquire": [Has(3, LOAD_ACQUIRE)],
    "rb_history_view": [Has(3, LOAD_ACQUIRE)],
    "rb_history_oldest": [Way(ENTRY, RETURN, LOAD_FENCE), *CHECKS],
    "rb_history_holds": [Way(ENTRY, RETURN, LOAD_FENCE), *CHECKS],
    "rb_history_release": [Way(ENTRY, SEEK, LOAD_FENCE), Way(LOAD_FENCE, SEEK, LOAD)],
    "rb_history_seek": [Has(1, LOAD_ACQUIRE), Way(ENTRY, RETURN, STORE_RELEASE)],
    "rb_history_want": [Has(1, LOAD_ACQUIRE)],
    "rb_history_capture_ns": [Has(2, LOAD_ACQUIRE)],
    "rb_history_flags": [Has(1, LOAD_ACQUIRE)],
    "rb_block_write": [
        Way(ENTRY, FENCE, STORE_ZERO),
        Way(ENTRY, STORE_RELEASE, FENCE),
        Way(FENCE, RETURN, STORE_RELEASE),
    ],
    "rb_block_read": [Has(1, LOAD_ACQUIRE), Way(LOAD_32, RETURN, LOAD_FENCE), *CHECKS],
    "rb_block_find": [Has(1, rf"{LOAD_ACQUIRE}|bl rb_block_read"), Has(1, rf"{LOAD_FENCE}|bl rb_block_read")],
    "rb_latest_writer_open": [Has(1, LOAD_ACQUIRE), Way(ENTRY, RING, FENCE)],
    "rb_latest_claim": [Has(1, STORE_RELEASE), Way(STORE_RELEASE, RETURN, FENCE)],
    "rb_latest_put": [Has(1, STORE_RELEASE), Way(STORE_RELEASE, COPY, FENCE)],
    "rb_latest_commit": [Has(2, STORE_RELEASE), *RINGS],
    "rb_latest_sequence": [Has(1, LOAD_ACQUIRE)],
    "rb_latest_acquire": [Has(3, LOAD_ACQUIRE), Has(1, LOAD_FENCE)],
    "rb_latest_read": [Has(3, LOAD_ACQUIRE), Way(COPY, RETURN, LOAD_FENCE)],
    "rb_latest_check": CHECKS,
    "rb_wait": [
        Has(2, LOAD_ACQUIRE),  # the inputs, before and after 2 and 3
        Way(ENTRY, FENCE, LOAD_ACQUIRE_32),  # 1 before 3
        Way(LOAD_ACQUIRE_32, FENCE, STORE_32),  # 2 between them
        Way(STORE_32, SYSCALL, FENCE),  # 3
        Way(FENCE, SYSCALL, LOAD_32),  # 4
    ],
    "rb_role_take": [Has(1, LOAD_ACQUIRE), Has(1, CAS_ACQ_REL)],
    "rb_role_give": [Has(1, CAS_RELEASE)],
    "rb_format": [Way(ENTRY, RETURN, STORE_RELEASE_32)],
    # The word is seen, and changed by one compare-and-swap; who is let in is rung for after that.
    "rb_lease_leave": [Has(1, CAS_ACQ_REL), Has(1, RING), Way(ENTRY, RING, CAS_ACQ_REL)],
    "rb_lease_open": [Has(1, LOAD_ACQUIRE), Way(ENTRY, LEAVE, LOAD_ACQUIRE)],
    "rb_lease_close": [Has(1, rf"{CAS_RELEASE}|bl? rb_role_give")],
    "rb_lease_join": [Has(1, LOAD_ACQUIRE), Has(1, CAS_ACQ_REL), Way(ENTRY, CAS_ACQ_REL, LOAD_ACQUIRE)],
    "rb_lease_wait": [
        Has(1, LOAD_ACQUIRE_32),
        Way(ENTRY, LOAD_ACQUIRE, LOAD_ACQUIRE_32),  # C before D
        Way(ENTRY, r"bl rb_wait", LOAD_ACQUIRE),
    ],
    "rb_lease_give": [Way(ENTRY, LEAVE, LOAD_ACQUIRE)],
    "rb_lease_reap": [Has(2, LOAD_ACQUIRE), Way(ENTRY, LEAVE, LOAD_ACQUIRE)],
    "lease_wanted": [Has(1, LOAD_ACQUIRE)],
    "bell_ring": [Has(1, RING), Way(RING, SYSCALL, FENCE), Way(FENCE, SYSCALL, LOAD_32)],
    "watch_ready": [Has(1, LOAD_ACQUIRE)],
    "cell_load": [Has(1, LOAD_ACQUIRE)],
    "cell_store": [Has(1, STORE_RELEASE)],
    "cell_add": [Has(1, ADD_ACQ_REL)],
    "cell_cas": [Has(1, CAS_ACQ_REL)],
    "cell_maximum": [Has(1, LOAD_ACQUIRE), Has(1, CAS_ACQ_REL)],
}


@functools.cache
def code(variants: Variants, which: str, mutation: Mutation | None = None) -> dict[str, aarch64.Function]:
    """Every function of the core, compiled as setup.py does."""
    compiler, flags = BUILDS[which]
    sources = variants.sources(mutation)
    if not mutation:
        flags = [*flags, *build.WARNINGS]
    found: dict[str, aarch64.Function] = {}
    for path in [*sorted((sources / "ringbuf/core").glob("*.c")), build.HERE / "inlines.c"]:
        if mutation and mutation.file.endswith(".c") and not mutation.file.endswith(f"/{path.name}"):
            continue
        text = build.compiled(
            sources, f"{path.stem}.s", ["-O2", "-S", *flags, str(path)], compiler=compiler
        ).read_text()
        found.update(aarch64.functions(text))
    return found


def count(functions: dict[str, aarch64.Function], name: str, what: str) -> int:
    one = functions[name]
    local = {line.split()[1] for line in one.code if line.startswith("bl ")} - set(RULES)
    return len(one.at(what)) + sum(len(functions[other].at(what)) for other in local if other in functions)


def broken(functions: dict[str, aarch64.Function], name: str) -> list[str]:
    """What is wrong with a function, a line for each rule that it breaks."""
    one, wrong = functions[name], []
    for rule in RULES[name]:
        if isinstance(rule, Has):
            found = count(functions, name, rule.what)
            if found < rule.least:
                wrong.append(f"{name} has `{rule.what}` {found} times, not {rule.least}")
        elif not one.way_around(rule.start, rule.stop, "(nothing)"):
            wrong.append(f"{name} has no way from `{rule.start}` to `{rule.stop}`")
        elif one.way_around(rule.start, rule.stop, rule.via):
            wrong.append(f"{name} goes from `{rule.start}` to `{rule.stop}` without `{rule.via}`")
    return wrong


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("which", BUILDS)
def test_function_orders_memory_as_the_c_asks(variants: Variants, which: str, name: str) -> None:
    assert broken(code(variants, which), name) == []


@pytest.mark.parametrize("which", BUILDS)
def test_loads_and_stores_are_instructions_not_calls(variants: Variants, which: str) -> None:
    for name, function in code(variants, which).items():
        assert set(function.at(HELPER)) == set(function.at(HELPERS)), name


@pytest.mark.parametrize("which", BUILDS)
def test_every_function_with_an_ordering_has_a_rule(variants: Variants, which: str) -> None:
    # Local ones are counted with those that call them, whether the compiler inlines them or not.
    public = {
        name: one for name, one in code(variants, which).items() if re.match("rb_|cell_|bell_|watch_|lease_", name)
    }
    assert {name for name, one in public.items() if one.at(r"lda|stl|dmb|cas|ldadd|bl __aarch64")} <= set(RULES)


RAISE = "atomic_store_explicit(&bell->sleeping, 1, memory_order_relaxed); /* 2 */"
LATE = Mutation(
    "core/wait.c", f"{RAISE}\n        RB_STEP();\n        rb_handshake();", f"rb_handshake();\n        {RAISE}"
)
WEAK = Mutation("core/bell.h", "fence(memory_order_seq_cst)", "fence(memory_order_acquire)")
SPOILT = {**RELAXED, "handshake too weak": WEAK, "sleeping raised too late": LATE}
# What is taken out, and a function that must then break a rule.
MUTANTS = [
    ("handshake", "rb_stream_commit"),
    ("handshake", "rb_wait"),
    ("handshake", "bell_ring"),
    ("handshake too weak", "rb_history_commit"),
    ("sleeping raised too late", "rb_wait"),
    ("ring", "rb_stream_commit"),
    ("bell", "rb_wait"),
    ("watch", "rb_wait"),
    ("watch", "watch_ready"),
    ("stream A", "rb_stream_claim"),
    ("stream A", "rb_stream_scrub"),
    ("stream B", "rb_stream_commit"),
    ("stream C", "rb_stream_acquire"),
    ("stream D", "rb_stream_release"),
    ("history A", "rb_history_claim"),
    ("history B", "rb_history_put"),
    ("history B at open", "rb_history_writer_open"),
    ("history D", "rb_history_commit"),
    ("history E", "rb_history_acquire"),
    ("history F", "rb_history_release"),
    ("blocks published", "rb_history_commit"),
    ("blocks seen", "rb_history_capture_ns"),
    ("block taken away", "rb_block_write"),
    ("block whole", "rb_block_write"),
    ("block read", "rb_block_read"),
    ("block read again", "rb_block_read"),
    ("latest A", "rb_latest_put"),
    ("latest B", "rb_latest_commit"),
    ("latest C", "rb_latest_commit"),
    ("latest D", "rb_latest_acquire"),
    ("latest E", "rb_latest_read"),
    ("slot taken away", "rb_latest_claim"),
    ("slot seen", "rb_latest_read"),
    ("header ready", "rb_format"),
    ("role seen", "rb_role_take"),
    ("role taken", "rb_role_take"),
    ("role given", "rb_role_give"),
    ("cell load", "cell_load"),
    ("cell store", "cell_store"),
    ("cell add", "cell_add"),
    ("cell swap", "cell_cas"),
    ("lease seen", "rb_lease_give"),
    ("lease changed", "rb_lease_join"),
    ("lease bell", "rb_lease_wait"),
    ("lease holder seen", "rb_lease_reap"),
    ("lease asked", "lease_wanted"),
]


# By turns: what is seen of one compiler's code is by the same rule of the other's.
@pytest.mark.parametrize(
    ("ordering", "function", "which"),
    [(*mutant, ("gcc", "clang")[at % 2]) for at, mutant in enumerate(MUTANTS)],
)
def test_an_ordering_that_is_missing_is_seen(variants: Variants, ordering: str, function: str, which: str) -> None:
    assert broken(code(variants, which, SPOILT[ordering]), function) != []


def test_every_ordering_has_a_mutant() -> None:
    assert {ordering for ordering, _ in MUTANTS} == set(SPOILT)
