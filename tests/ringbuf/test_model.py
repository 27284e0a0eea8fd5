"""The protocols as exhaustive models: every interleaving, every answer C11 allows a load, and mutants that must fail.

What each model covers, and which line stands for which in the C, is said at its top (model/*.pml). Spin turns a model
into a C program that visits all its states; switches choose the size of the configuration, or a mutant.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

MODELS = Path(__file__).parent / "model"
CORE = Path(__file__).parents[2] / "ringbuf" / "core"

# What holds, in every state. `all reached`: no statement of this configuration may be left unvisited; the other ones
# are larger, or have fewer features.
HOLDS = [
    ("wake", "PRODUCERS=2", ""),
    ("wake", "PRODUCERS=1 ITEMS=2 KILLS=1 INTERRUPTIONS=1", "all reached"),
    ("wake", "PRODUCERS=1 ITEMS=0 ANY_RING", ""),
    ("wake", "PRODUCERS=1 ITEMS=2 PATIENCE", ""),
    ("wake", "PRODUCERS=1 ITEMS=1 INTERRUPTIONS=1 PATIENCE", ""),
    ("wake", "BUFFERS PRODUCERS=2 PATIENCE", ""),
    ("wake", "BUFFERS PRODUCERS=1 ITEMS=2 KILLS=1 INTERRUPTIONS=1 PATIENCE", ""),
    ("wake", "BUFFERS PRODUCERS=3", ""),
    ("wake", "BUFFERS PRODUCERS=2 ITEMS=2", ""),
    ("wake", "BUFFERS PRODUCERS=2 KILLS=1", ""),
    ("wake", "BUFFERS PRODUCERS=1 KILLS=1 INTERRUPTIONS=1 ANY_RING", "all reached"),
    ("stream", "RECORDS=4", ""),
    ("stream", "KILLS=1", "all reached"),
    ("stream", "KILLS=1 LATEST", "all reached"),
    ("stream", "RECORDS=4 SCRUBS=2", ""),
    ("stream", "KILLS=1 SCRUBS=1", "all reached"),
    ("history", "SAMPLES=5", ""),
    ("history", "SAMPLES=4 KILLS=1", "all reached"),
    ("latest", "VALUES=6", ""),
    ("latest", "SLOTS=3 KILLS=1", "all reached"),
    ("latest", "KILLS=1", "all reached"),
    ("blocks", "BLOCKS=3", ""),
    ("blocks", "BLOCKS=2 KILLS=1", "all reached"),
    ("blocks", "BLOCKS=3 KILLS=1 LONGEST=1", ""),
]

# A model without the named thing, or with the named fault, must lose the property.
MUTANTS = [
    ("wake", "PRODUCERS=1 NO_PRODUCER_FENCE", "lost"),
    ("wake", "BUFFERS NO_PRODUCER_FENCE", "lost"),
    ("wake", "PRODUCERS=1 NO_CONSUMER_FENCE", "lost"),
    ("wake", "BUFFERS NO_CONSUMER_FENCE", "lost"),
    ("wake", "PRODUCERS=1 SEQ_AFTER_RECHECK", "lost"),
    ("wake", "BUFFERS SEQ_AFTER_RECHECK", "lost"),
    ("wake", "BUFFERS RECHECK_ONE_RING", "lost"),
    ("wake", "BUFFERS ITEMS=2 PRODUCER_CLEARS_SLEEPING", "lost"),
    ("wake", "PRODUCERS=1 WAKE_BEFORE_SEQ", "lost"),
    ("wake", "PRODUCERS=1 WAIT_DOES_NOT_COMPARE", "lost"),
    ("wake", "PRODUCERS=1 KILLS=1 OPEN_DOES_NOT_RING", "lost"),
    ("wake", "PRODUCERS=1 ITEMS=2 KILLS=1 OPEN_RINGS_FIRST", "lost"),
    ("wake", "PRODUCERS=1 ITEMS=1 INTERRUPTIONS=1 PATIENCE UPTO_AFTER_FENCE", "lost"),
    ("wake", "BUFFERS PRODUCERS=1 ITEMS=1 INTERRUPTIONS=1 PATIENCE UPTO_AFTER_FENCE", "lost"),
    ("wake", "PRODUCERS=1 ITEMS=2 PATIENCE TOO_PATIENT", "lost"),
    ("wake", "PRODUCERS=1 ITEMS=2 PATIENCE NO_PRODUCER_FENCE", "lost"),
    ("wake", "PRODUCERS=1 ITEMS=0 ANY_RING RING=RELAXED", "lost"),
    ("wake", "BUFFERS PRODUCERS=1 ANY_RING RING_WITHOUT_FENCE", "lost"),
    ("wake", "BUFFERS PRODUCERS=1 ANY_RING RING_ONLY_SLEEPERS", "lost"),
    ("stream", "A=RELAXED", "raced"),
    ("stream", "B=RELAXED", "raced"),
    ("stream", "C=RELAXED", "raced"),
    ("stream", "D=RELAXED", "raced"),
    ("stream", "PUBLISH_FIRST", "corrupt"),
    ("stream", "RELEASE_FIRST", "raced"),
    ("stream", "ROOM=5", "raced"),
    ("stream", "PADDING_NOT_WRITTEN", "corrupt"),
    ("stream", "POSITIONS_COMPARED", "corrupt"),
    ("stream", "SCRUBS=1 SCRUBS_UNREAD", "raced"),
    ("stream", "KILLS=1 SUCCESSOR_SKIPS", "invalid end state"),
    ("history", "SAMPLES=4 INTENT_AFTER_DATA", "torn"),
    ("history", "SAMPLES=4 NO_RELEASE_FENCE", "torn"),
    ("history", "SAMPLES=4 NO_ACQUIRE_FENCE", "torn"),
    ("history", "SAMPLES=4 JUDGED_BY_POSITION", "torn"),
    ("history", "SAMPLES=4 D=RELAXED", "torn"),
    ("history", "SAMPLES=4 E=RELAXED", "torn"),
    ("history", "SAMPLES=4 SLACK=1", "torn"),
    ("history", "SAMPLES=4 KILLS=1 INTENT_GOES_BACK", "torn"),
    ("history", "SAMPLES=4 KILLS=1 NO_FENCE_AT_OPEN", "torn"),
    ("latest", "CLAIM_AFTER_DATA", "torn"),
    ("latest", "NO_RELEASE_FENCE", "torn"),
    ("latest", "NO_ACQUIRE_FENCE", "torn"),
    ("latest", "NOT_CHECKED_AFTER_USE", "torn"),
    ("latest", "CLAIM=RELAXED", "corrupt"),
    ("latest", "C=RELAXED", "corrupt"),
    ("latest", "D=RELAXED", "corrupt"),
    ("latest", "POSITION_FIRST", "corrupt"),
    ("latest", "SLOTS=1", "corrupt"),
    ("blocks", "NUMBER_NOT_CLEARED", "wrong"),
    ("blocks", "NO_RELEASE_FENCE", "wrong"),
    ("blocks", "NO_ACQUIRE_FENCE", "wrong"),
    ("blocks", "NOT_CHECKED_AGAIN", "wrong"),
    ("blocks", "D=RELAXED", "missing"),
    ("blocks", "E=RELAXED", "missing"),
    ("blocks", "POSITION_BEFORE_BLOCKS", "missing"),
    ("blocks", "LONGEST=1 KILLS=1 COUNT_GOES_BACK", "missing"),
]

# The models get to where it matters: the assertion that this place is never reached must fail.
WITNESSES = [
    ("wake", "PRODUCERS=1 WITNESS", "woken"),  # a consumer slept, was woken and found something
    ("wake", "BUFFERS WITNESS", "woken"),
    ("stream", "KILLS=1 WITNESS", "reached"),  # a record was written twice, and the positions wrapped
    ("history", "SAMPLES=4 KILLS=1 WITNESS", "reached"),  # the reader saw a sample that was overwritten, and said so
    ("latest", "KILLS=1 WITNESS", "reached"),  # a value was replaced while it was used, and the reader said so
    ("blocks", "LONGEST=1 KILLS=1 WITNESS", "reached"),  # a capture time was found in a table that had wrapped
]

# What C11 says of the programs in litmus.pml: is their outcome allowed?
LITMUS = [
    ("SB", True),
    ("SB STORE=RELEASE LOAD=ACQUIRE", True),
    ("SB FENCE=fence_seq_cst", False),
    ("SB_ADD", True),
    ("MP", True),
    ("MP STORE=RELEASE", True),
    ("MP LOAD=ACQUIRE", True),
    ("MP STORE=RELEASE LOAD=ACQUIRE", False),
    ("MP FENCE_STORES=fence_release", True),
    ("MP FENCE_LOADS=fence_acquire", True),
    ("MP FENCE_STORES=fence_release FENCE_LOADS=fence_acquire", False),
    ("MP_ADD STORE=RELEASE", True),
    ("MP_ADD STORE=RELEASE LOAD=ACQUIRE", False),
    ("COHERENCE", False),
    ("WRC", True),
    ("WRC STORE=RELEASE LOAD=ACQUIRE", False),
    ("IRIW STORE=RELEASE LOAD=ACQUIRE", True),
    ("IRIW FENCE=fence_seq_cst", False),
    ("LB", False),  # C11 allows it: the limit that memory.pml admits
    ("BUFFERS SB", True),
    ("BUFFERS SB FENCE=fence_seq_cst", False),
    ("BUFFERS SB_ADD", True),
    ("BUFFERS MP", True),
    ("BUFFERS MP STORE=RELEASE", False),
]

# The lines of the C that the models stand for. One that changes here is to be changed in its model, too.
SAYS = [
    ("bell.h", "rb_handshake(); /* B */"),
    ("bell.h", "if (atomic_load_explicit(&bell->sleeping, memory_order_relaxed)) { /* C */"),
    ("bell.h", "if (rb_is_patient(bell, ring, position)) continue;"),
    ("bell.h", "atomic_fetch_add_explicit(&bell->seq, 1, memory_order_release); /* D */"),
    ("wait.c", "atomic_load_explicit(&bell->seq, memory_order_acquire); /* 1 */"),
    ("wait.c", "atomic_store_explicit(&bell->sleeping, 1, memory_order_relaxed); /* 2 */"),
    ("wait.c", "rb_handshake(); /* 3 */"),
    ("stream.c", "atomic_load_explicit(&w->other->position, memory_order_acquire); /* A */"),
    ("stream.c", "atomic_store_explicit(&w->side->position, write, memory_order_release); /* B */"),
    ("stream.c", "atomic_load_explicit(&r->other->position, memory_order_acquire); /* C */"),
    ("stream.c", "atomic_store_explicit(&r->side->position, r->read, memory_order_release); /* D */"),
    ("history.c", "atomic_store_explicit(&w->side->intent, w->intent, memory_order_release); /* A */"),
    ("history.c", "atomic_thread_fence(memory_order_release); /* B */"),
    ("history.c", "atomic_store_explicit(&w->side->position, w->position, memory_order_release); /* D */"),
    ("history_reader.c", "atomic_load_explicit(&r->writer->position, memory_order_acquire); /* E */"),
    ("history_reader.c", "atomic_thread_fence(memory_order_acquire); /* F */"),
    ("history_reader.c", "atomic_load_explicit(&r->writer->intent, memory_order_relaxed)); /* G */"),
    ("latest.c", "atomic_store_explicit(&slot->sequence, 2 * (w->sequence + 1) + 1, memory_order_release);"),
    ("latest.c", "atomic_thread_fence(memory_order_release); /* A */"),
    ("latest.c", "atomic_store_explicit(&w->side->position, k, memory_order_release); /* C */"),
    ("latest.c", "atomic_load_explicit(&r->side->position, memory_order_acquire); /* D */"),
    ("latest.c", "atomic_thread_fence(memory_order_acquire); /* E */"),
    ("blocks.c", "atomic_store_explicit(&e->number, 0, memory_order_relaxed);"),
    ("blocks.c", "atomic_thread_fence(memory_order_release);"),
    ("blocks.c", "atomic_thread_fence(memory_order_acquire);"),
    # Found by the models, see NO_FENCE_AT_OPEN and COUNT_GOES_BACK.
    ("history.c", "atomic_thread_fence(memory_order_release); /* B, at open */"),
    ("history.c", "->count, 0, memory_order_relaxed)"),
]


@dataclass(frozen=True)
class Report:
    """What Spin's verifier said."""

    text: str
    errors: int
    failed: str  # the property that was lost: what a failed assert(!name) names, or "invalid end state"; empty: none
    complete: bool  # every state was visited
    unreached: list[str]  # statements, without the end of a process that has none


def run(command: list[str], directory: Path) -> str:
    """Run a tool in a directory: what it printed. A failure of the tool fails the test."""
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
    return done.stdout


def verify(model: str, switches: str, directory: Path, *optimise: str) -> Report:
    """Visit all states of a model, or those up to its first error."""
    # What runs for a moment is compiled by the compiler that takes a moment, too: pan.c has 16,000 lines.
    compiler = shutil.which("cc") if optimise else shutil.which("tcc") or shutil.which("cc")
    if shutil.which("spin") is None or compiler is None:
        pytest.fail("the models need Spin and a C compiler: apt-get install spin gcc tcc")
    run(["spin", "-a", *(f"-D{switch}" for switch in switches.split()), str(MODELS / f"{model}.pml")], directory)
    # SAFETY: no cycles are looked for. COLLAPSE: states are kept compressed, without loss.
    flags = [*optimise, "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048"]
    run([compiler, *flags, "-o", "pan", "pan.c"], directory)
    # 2^23 places: of the largest ones, with three million states, each still finds its own at once.
    text = run(["./pan", "-m100000", "-w23" if optimise else "-w20"], directory)
    errors = re.search(r"errors: (\d+)$", text, re.MULTILINE)
    lost = re.search(r"^pan:\d+: (?:assertion violated +!\((\w+)\)|(invalid end state)|(.*))", text, re.MULTILINE)
    assert errors, text
    return Report(
        text=text,
        errors=int(errors[1]),
        failed=(lost[1] or lost[2] or lost[3]) if lost else "",
        complete=not re.search(r"not completed|too small|out of memory|truncated|aborted", text),
        unreached=re.findall(r"^\t(\S+, state \d+, \"(?!-end-).*)$", text, re.MULTILINE),
    )


@pytest.mark.parametrize(("model", "switches", "also"), HOLDS)
def test_a_protocol_holds_in_every_state(model: str, switches: str, also: str, tmp_path: Path) -> None:
    # Only the largest ones run for longer than an optimising compiler takes.
    large = model == "wake" or any(part in switches for part in ("SCRUBS", "KILLS=1 LATEST", "SAMPLES=4 KILLS"))
    report = verify(model, switches, tmp_path, *(["-O1"] if large else []))
    assert report.errors == 0, report.text
    assert report.complete, report.text
    if also == "all reached":
        assert report.unreached == []


@pytest.mark.parametrize(("model", "switches", "lost"), MUTANTS)
def test_a_mutant_of_a_protocol_fails(model: str, switches: str, lost: str, tmp_path: Path) -> None:
    report = verify(model, switches, tmp_path)
    assert report.failed == lost, report.text


@pytest.mark.parametrize(("model", "switches", "reached"), WITNESSES)
def test_a_model_gets_to_where_it_matters(model: str, switches: str, reached: str, tmp_path: Path) -> None:
    report = verify(model, switches, tmp_path)
    assert report.failed == reached, report.text


@pytest.mark.parametrize(("program", "allowed"), LITMUS)
def test_the_models_memory_allows_what_c11_allows(program: str, allowed: bool, tmp_path: Path) -> None:
    report = verify("litmus", program, tmp_path)
    assert report.failed == ("seen" if allowed else ""), report.text
    assert allowed or report.complete, report.text


def test_every_mutant_of_every_model_has_a_row() -> None:
    rows = [(model, switches) for model, switches, _ in [*HOLDS, *MUTANTS, *WITNESSES]]
    for model in {model for model, _ in rows}:
        text = (MODELS / f"{model}.pml").read_text()
        switches = set(re.findall(r"^#(?:ifn?def|elif defined\()\s*(\w+)", text, re.MULTILINE))
        with_default = set(re.findall(r"^#ifndef (\w+)\n#define \1 ", text, re.MULTILINE))
        used = {switch for of, line in rows if of == model for switch in line.split()}
        assert switches - with_default - used == set(), model


@pytest.mark.parametrize(("file", "line"), SAYS)
def test_the_core_still_says_what_the_models_say(file: str, line: str) -> None:
    assert line in (CORE / file).read_text(), f"{file} has changed: compare it with its model, then mend this table"
