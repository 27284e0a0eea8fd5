"""The C core alone, by unit tests in C (c/test_*.c), built in four ways. Each of them is one test here.

aarch64 runs under qemu's user emulation: that shows that the code is right on that machine, its ABI and its atomics'
widths included. It does not show weak ordering, as the emulator orders memory like its host: see test_arm.py for that.
"""

from __future__ import annotations

import functools
import re
import subprocess
from typing import NamedTuple

import pytest

from tests.ringbuf.c import build
from tests.ringbuf.variants import Mutation, Variants

SANITIZE = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


class Way(NamedTuple):
    compiler: str
    flags: list[str]
    runner: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


WAYS = {
    "optimised": Way("cc", ["-O2", *build.WARNINGS]),
    "sanitized": Way("cc", SANITIZE),
    # Plain memory has no second image of the data, but red zones on both sides.
    "plain-memory": Way("cc", SANITIZE, arguments=("--plain",)),
    "aarch64": Way("aarch64-linux-gnu-gcc", ["-O2", "-static", *build.WARNINGS], runner=("qemu-aarch64-static",)),
}
CASES = [
    pytest.param(way, name, marks=pytest.mark.xdist_group(f"c-core-{way}"))
    for way in WAYS
    for name, (_, mapped) in build.TESTS.items()
    if not (mapped and way == "plain-memory")
]


@functools.cache
def results(
    variants: Variants, way: str, mutation: Mutation | None = None, only: str = ""
) -> dict[str, tuple[bool, str]]:
    """Whether each test passed, and what was said on its way. A mutant is compiled with what it needs, and quickly."""
    compiler, flags, runner, arguments = WAYS[way]
    if mutation:
        flags = [*(flag for flag in flags if flag not in build.WARNINGS), "-O0"]
    files = [build.TESTS[only][0]] if only else sorted({file for file, _ in build.TESTS.values()})
    binary = build.program(
        variants.sources(mutation), f"unit-{compiler}", [*files, "runner.c", "segment.c"], flags, compiler=compiler
    )
    command = [*map(build.tool, runner), str(binary), *arguments, *([only] if only else [])]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    lines = re.findall(r"((?:.*\n)*?)(not )?ok \d+ - (\w+)\n", text)
    return {name: (not failed, said) for said, failed, name in lines}


@pytest.mark.parametrize(("way", "name"), CASES)
def test_c(variants: Variants, way: str, name: str) -> None:
    passed, said = results(variants, way).get(name, (False, "it was not run"))
    assert passed, said


def test_every_c_test_is_listed_once() -> None:
    found = sum(len(re.findall(r"^TEST", path.read_text(), re.MULTILINE)) for path in build.HERE.glob("test_*.c"))
    assert found == len(build.TESTS) > 90


# What is spoilt, how it is built, and the test that must see it.
MUTANTS = {
    "padding of any length is believed": (
        "optimised",
        Mutation("core/stream.c", "return stride == rest && rest != r->capacity ? stride : 0;", "return stride;"),
        "stream_reader_refuses_padding_that_does_not_reach_to_the_end",
    ),
    "a position too far ahead is believed": (
        "optimised",
        Mutation("core/stream.c", "return write - read <= capacity &&", "return write - read <= 2 * capacity &&"),
        "stream_reader_refuses_impossible_positions_of_the_writer",
    ),
    "positions are compared as numbers": (
        "optimised",
        Mutation(
            "core/stream.c", "return write - read <= capacity &&", "return write >= read && write - read <= capacity &&"
        ),
        "stream_wraps_at_64_bits",
    ),
    "a successor keeps the claim of the killed": (
        "optimised",
        Mutation("core/history.c", "    empty_unpublished_block(w);\n", ""),
        "a_writer_killed_before_its_position_published_nothing",
    ),
    "samples are judged by what is published": (
        "optimised",
        Mutation(
            "core/history_reader.c",
            "return oldest_of(r, atomic_load_explicit(&r->writer->intent, memory_order_relaxed));",
            "return oldest_of(r, atomic_load_explicit(&r->writer->position, memory_order_relaxed));",
        ),
        "history_judges_by_what_is_announced_not_by_what_is_published",
    ),
    "the block search goes the wrong way": (
        "optimised",
        Mutation("core/blocks.c", "low = middle + 1; /* only", "high = middle; /* only"),
        "blocks_are_found_while_the_oldest_are_being_overwritten",
    ),
    "the second image is not mapped": (
        "optimised",
        Mutation("core/map.c", "map_part(m, fd, l->total, l->data, image, data, later)", "0"),
        "history_windows_are_contiguous_over_the_end_of_the_data",
    ),
    "every role may write everything": (
        "optimised",
        Mutation("core/map.c", "const int own = m->access == RB_WRITE ? rw : ro;", "const int own = rw;"),
        "map_gives_each_role_its_rights_and_no_more",
    ),
    "the header's layout is believed": (
        "optimised",
        Mutation("core/layout.c", "memcmp(&expected, &h->layout, sizeof expected) != 0", "0"),
        "header_of_an_honest_liar_is_refused",
    ),
    "a late look is not counted": (
        "optimised",
        Mutation("core/wait.c", "*missed += ready != 0;", ""),
        "sleeper_finds_by_itself_what_a_killed_producer_published",
    ),
    "a zombie holds its roles": (
        "aarch64",
        Mutation("core/role.c", "at[2] == 'Z'", "0"),
        "holder_is_dead_before_it_is_waited_for",
    ),
    "slots do not lie on whole lines": (
        "sanitized",  # UndefinedBehaviorSanitizer: x86 does not mind
        Mutation("core/layout.h", "rb_round_up(capacity, RB_LINE)", "capacity + 1"),
        "latest_gives_the_newest_value_as_often_as_asked",
    ),
    "a record may be longer than the ring": (
        "plain-memory",  # AddressSanitizer
        Mutation("core/stream.c", "const uint64_t padding = padding_before(w, length);", "const uint64_t padding = 0;"),
        "stream_wraps_at_the_end_of_the_data",
    ),
    "what is not read yet is scrubbed": (
        "optimised",
        Mutation("core/stream.c", "overwrite(w, oldest + done, w->read);", "overwrite(w, oldest + done, w->write);"),
        "stream_scrub_takes_what_was_given_back_and_leaves_what_was_not",
    ),
    "what is claimed is scrubbed": (
        "optimised",
        Mutation("core/stream.c", "w->open ? w->padding + stride_of(w->claimed) : 0;", "0;"),
        "stream_scrub_leaves_what_is_claimed_behind_padding",
    ),
    "a claim that was given up is not scrubbed": (
        "optimised",
        Mutation("core/stream.c", "    if (w->open) soil(w);\n", ""),
        "stream_scrub_takes_claims_that_were_given_up",
    ),
    "the rest of a claim is not scrubbed": (
        "optimised",
        Mutation("core/stream.c", "    if (stride_of(tag->length) < stride_of(w->claimed)) soil(w);\n", ""),
        "stream_scrub_takes_claims_that_were_given_up",
    ),
    "a successor does not scrub what it finds": (
        "optimised",
        Mutation("core/stream.c", "    w->open = 0;\n    soil(w);\n", "    w->open = 0;\n    w->clean = w->read;\n"),
        "stream_scrub_of_a_successor_takes_what_its_predecessor_left",
    ),
    "a scrubbing believes any position": (
        "optimised",
        Mutation("core/stream.c", "return write - read <= capacity &&", "return 1 ||"),
        "stream_scrub_does_nothing_by_an_impossible_position",
    ),
}
SAYS = {"sanitized": "runtime error: ", "plain-memory": "AddressSanitizer"}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_seen(variants: Variants, name: str) -> None:
    way, mutation, test = MUTANTS[name]
    passed, said = results(variants, way, mutation, test)[test]
    assert not passed
    assert SAYS.get(way, "") in said
