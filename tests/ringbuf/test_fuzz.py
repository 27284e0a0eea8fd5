"""Coverage-guided fuzzing of the C core: hostile bytes in header, positions, tables, records and slots, between calls
and in the middle of one. What may come out is right data, or a status that says what is wrong. The harness: `fuzz/`.

By hand, for as long as wanted: `python -m tests.ringbuf.test_fuzz stream 900` (seconds)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.ringbuf.variants import ROOT, Mutation, Variants

HARNESS = Path(__file__).with_name("fuzz")
TARGETS = ["header", "stream", "history", "latest"]
# In a bounded run. A mutant must be found within MUTANT_RUNS; the fixed seed makes them the same ones every time.
SECONDS, RUNS, MUTANT_RUNS = 3, 500_000, 60_000
SANITIZE = "-fsanitize=fuzzer,address,undefined"
FLAGS = f"-std=gnu11 -O1 -gline-tables-only -DRB_STEPS {SANITIZE} -fno-sanitize-recover=undefined"
LINK = f"{SANITIZE} -Wl,--wrap=mmap,--wrap=munmap"
# Memory is limited by what is asked for, not by the most that was resident: that is inherited from who starts it,
# which may be a large process.
MEMORY = ["-rss_limit_mb=0", "-malloc_limit_mb=2048"]
# Numbers seen in comparisons (use_cmp) would be addresses, too, which are others in every run.
LIMITS = ["-seed=1", "-max_len=1600", "-len_control=0", "-use_cmp=0", "-timeout=20", *MEMORY]

pytestmark = pytest.mark.xdist_group("fuzz")


def cc(compiler: str, *arguments: str, cwd: Path) -> None:
    """Compile or link."""
    try:
        made = subprocess.run([compiler, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.fail(f"{compiler} is not here; install it: apt-get install {compiler}", pytrace=False)
    assert made.returncode == 0, made.stderr


def compile_all(sources: Sequence[Path], core: Path, into: Path) -> list[Path]:
    """The objects of these C files, for the fuzzer."""
    into.mkdir()
    cc("clang", *FLAGS.split(), f"-I{core.parent}", f"-I{core}", "-c", *map(str, sources), cwd=into)
    return sorted(into.glob("*.o"))


class Fuzzer:
    """The fuzzer in a folder of its own, and the objects it was linked of."""

    def __init__(self, folder: Path, objects: Sequence[Path]) -> None:
        self.folder, self.objects = folder, objects
        cc("clang", *map(str, objects), *LINK.split(), "-o", "fuzzer", cwd=folder)

    def run(self, target: str, *limits: str, hangs_after: float | None = 150) -> subprocess.CompletedProcess[str]:
        """Run from a corpus of rows of operations chosen at random: from nothing it takes longer to get deep."""
        corpus = self.folder / target
        corpus.mkdir()
        for seed in range(64):
            rng = random.Random(seed)
            (corpus / str(seed)).write_bytes(rng.randbytes(8 * rng.randrange(1, 100)))
        return subprocess.run(
            [str(self.folder / "fuzzer"), str(corpus), *LIMITS, *limits, f"-artifact_prefix={corpus}/found-"],
            env={**os.environ, "FUZZ_TARGET": target},
            capture_output=True,
            text=True,
            check=False,
            timeout=hangs_after,
        )


def fuzzer_of(sources: Path, folder: Path) -> Fuzzer:
    """The fuzzer over the core in `sources`/ringbuf."""
    core = sources / "ringbuf" / "core"
    harness = [HARNESS / "world.c", *sorted(HARNESS.glob("fuzz_*.c"))]
    objects = compile_all(harness, core, folder / "harness") + compile_all(
        sorted(core.glob("*.c")), core, folder / "core"
    )
    return Fuzzer(folder, objects)


@pytest.fixture(scope="module")
def fuzzer(variants: Variants, tmp_path_factory: pytest.TempPathFactory) -> Fuzzer:
    """The fuzzer over the core as it is."""
    return fuzzer_of(variants.sources(), tmp_path_factory.mktemp("fuzzer"))


@pytest.mark.parametrize("target", TARGETS)
def test_hostile_bytes_give_right_data_or_an_error(target: str, fuzzer: Fuzzer) -> None:
    ran = fuzzer.run(target, f"-runs={RUNS}", f"-max_total_time={SECONDS}")
    assert ran.returncode == 0, ran.stderr[-6000:]


# Each takes one check away that stands between the shared bytes and their reader.
MUTANTS = {
    "a layout is believed": (
        "header",
        "layout.c",
        "if (memcmp(&expected, &h->layout, sizeof expected) != 0)",
        "if (0)",
    ),
    "a file's size is believed": ("header", "layout.c", "if (file_size != expected.total)", "if (0)"),
    "any reader slot is taken": ("header", "map.c", "g->kind != RB_LATEST && slot >= g->readers", "0"),
    "a stream's positions are believed": ("stream", "stream.c", "return write - read <= capacity &&", "return 1 ||"),
    "positions may be odd": ("stream", "stream.c", " && (write | read) % RB_TAG == 0", ""),
    "a record may be longer than what is published": ("stream", "stream.c", "stride > r->write - r->read ||", ""),
    "a record may go over the end": ("stream", "stream.c", " || stride > rest)", ")"),
    "a record may be of any length": ("stream", "stream.c", "tag->length <= r->capacity / 4 - RB_TAG &&", ""),
    "a record may have half an item": ("stream", "stream.c", " && tag->length % r->item == 0", ""),
    "a history's positions are believed": (
        "history",
        "history_reader.c",
        "if (forward && intent - position <= r->capacity &&",
        "if (",
    ),
    "a history's position may go back": (
        "history",
        "history_reader.c",
        "const int forward = (int64_t)(position - r->seen) >= 0;",
        "const int forward = 1;",
    ),
    "the block table has no end": (
        "history",
        "blocks.c",
        "const struct rb_block *e = &table[k & (size - 1)];",
        "const struct rb_block *e = &table[k & (2 * size - 1)];",
    ),
    "a value may be of any length": ("latest", "latest.c", "tag->length <= r->capacity &&", ""),
    "a replaced value is called valid": (
        "latest",
        "latest.c",
        "atomic_load_explicit(&slot_of(r, k)->sequence, memory_order_relaxed) == 2 * k + 2",
        "1",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_fuzzer_finds_a_check_that_is_missing(
    mutant: str, fuzzer: Fuzzer, variants: Variants, tmp_path: Path
) -> None:
    target, file, text, replacement = MUTANTS[mutant]
    core = variants.sources(Mutation(f"core/{file}", text, replacement)) / "ringbuf" / "core"
    changed = compile_all([core / file], core, tmp_path / "core")
    same = [path for path in fuzzer.objects if path.parent.name != "core" or path.stem != Path(file).stem]
    ran = Fuzzer(tmp_path, [*same, *changed]).run(target, f"-runs={MUTANT_RUNS}")
    assert ran.returncode != 0, f"nothing was noticed:\n{ran.stderr[-2000:]}"
    assert "found-" in ran.stderr, f"not found, but failed:\n{ran.stderr[-2000:]}"


def race(
    variants: Variants, mutation: Mutation | None, kind: str, looks: int, folder: Path
) -> subprocess.CompletedProcess[str]:
    """A reader against a writer that changes what it looks at, in two threads, built as shipped."""
    core = variants.sources(mutation) / "ringbuf" / "core"
    sources = [HARNESS / "race.c", *core.glob("*.c")]
    flags = ["-std=gnu11", "-O2", "-pthread", f"-I{core.parent}", f"-I{core}"]
    cc("cc", *flags, *map(str, sources), "-o", "race", cwd=folder)
    return subprocess.run([str(folder / "race"), kind, str(looks)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["stream", "latest"])
def test_what_was_checked_is_what_is_used_even_if_the_writer_changes_it_meanwhile(
    kind: str, variants: Variants, tmp_path: Path
) -> None:
    ran = race(variants, None, kind, 10_000_000, tmp_path)
    assert ran.returncode == 0, ran.stderr


SECOND_LOOKS = {
    "stream": Mutation(
        "core/stream.c",
        "const uint64_t stride = check_record(r, tag);",
        "const uint64_t stride = check_record(r, (const void *)(r->data + place));"
        "memcpy(tag, r->data + place, sizeof *tag);",
    ),
    "latest": Mutation(
        "core/latest.c",
        "if (tag->position == k && tag->length <= r->capacity && tag->length % r->item == 0)",
        "const int good = slot->tag.position == k && slot->tag.length <= r->capacity;"
        "memcpy(tag, &slot->tag, sizeof *tag);"
        "if (good)",
    ),
}


@pytest.mark.parametrize("kind", SECOND_LOOKS)
def test_a_second_look_at_shared_memory_is_found(kind: str, variants: Variants, tmp_path: Path) -> None:
    ran = race(variants, SECOND_LOOKS[kind], kind, 1_000_000_000, tmp_path)
    assert ran.returncode == 1, "nothing was noticed"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        found = fuzzer_of(ROOT, Path(where)).run(sys.argv[1], f"-max_total_time={sys.argv[2]}", hangs_after=None)
        print(found.stderr)
        sys.exit(found.returncode)
