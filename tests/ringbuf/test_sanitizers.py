"""Both extensions under AddressSanitizer and UndefinedBehaviorSanitizer, built as setup.py's switch builds them: what
the other tests do to a ring in one process, and to a device's callback, they do to this build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ringbuf.variants import ROOT, Mutation, Variants, run, run_tests, sanitizer

WANTED = "address,undefined"
FILES = ["test_stream.py", "test_history.py", "test_latest_and_cells.py", "test_damage.py", "test_strict.py"]
ODD_SIZES = "test_stream.py::test_records_of_odd_sizes_come_out_whole_and_in_order_over_many_wraps"
# Python's own allocator hides from the sanitizer what becomes of a block.
ENVIRONMENT = {"PYTHONMALLOC": "malloc"}


def test_the_extensions_make_no_bad_access_and_nothing_undefined(variants: Variants, tmp_path: Path) -> None:
    shutil.copytree(variants.sources() / "ringbuf", tmp_path / "ringbuf")
    shutil.copytree(ROOT / "workers", tmp_path / "workers", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    shutil.copy(ROOT / "setup.py", tmp_path)
    built = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"],
        cwd=tmp_path,
        env={**os.environ, "RINGBUF_SANITIZE": WANTED},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    environment = {**sanitizer("asan"), **ENVIRONMENT}
    for module in ("ringbuf._core", "workers.drivers._callback"):
        where = run(tmp_path, f"import sys, {module}; print(sys.modules[{module!r}].__file__)", env=environment)
        assert where.stdout.startswith(str(tmp_path)), where.stderr
        assert b"__asan_init" in Path(where.stdout.strip()).read_bytes()
    status, said = run_tests(tmp_path, *FILES, env=environment)
    assert status == 0, said
    status, said = run_tests(tmp_path, "test_callback.py", env=environment, folder=ROOT / "tests" / "sound")
    assert status == 0, said


MUTANTS = {
    "a view is handed out without a reference": (
        Mutation("binding/views.h", "    Py_INCREF(e->array);\n", ""),
        "heap-use-after-free",
    ),
    "the table of views is one short": (
        Mutation("binding/views.c", "PyMem_Calloc(entries, ", "PyMem_Calloc(entries - 1, "),
        "heap-buffer-overflow",
    ),
    "a tag is stored where none may lie": (
        Mutation(
            "core/stream.c",
            "    memcpy(at(w, write), tag, sizeof *tag);\n",
            "    *(struct rb_tag *)(void *)(at(w, write) + 4) = *tag;\n",
        ),
        "misaligned address",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_seen(variants: Variants, mutant: str) -> None:
    mutation, says = MUTANTS[mutant]
    path = variants.build(mutant, mutation=mutation, sanitize=WANTED, flags=["-fno-sanitize-recover=all"])
    status, said = run_tests(path, ODD_SIZES, env={**sanitizer("asan"), **ENVIRONMENT})
    assert status != 0, f"the sanitizers have not noticed: {mutant}"
    assert says in said, said
