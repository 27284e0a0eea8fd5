"""The builds that the mutants' tests rest on: a variant is what is tested, and a mutation that fits no more is said."""

from __future__ import annotations

import pytest

from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen, run, run_tests

WHERE = "import ringbuf, ringbuf._core; print(ringbuf.__file__, ringbuf._core.__file__, sep='\\n')"
HARMLESS = Mutation("core/role.c", "*holder = atomic_load_explicit", "*holder = 0, *holder = atomic_load_explicit")
TEST = "test_roles.py::test_role_taken_survives_pickling"


def test_what_runs_is_the_variant_also_under_pytest_and_in_children(variants: Variants) -> None:
    path = variants.build()
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WHERE!r}], check=True)"
    for script in (WHERE, child):
        ran = run(path, script)
        assert [line.startswith(str(path)) for line in ran.stdout.splitlines()] == [True, True], ran.stderr
    status, said = run_tests(path, TEST)
    assert status == 0, said


def test_the_same_variant_is_built_once_and_another_apart(variants: Variants) -> None:
    assert variants.build() == variants.build()
    other = variants.build(mutation=HARMLESS)
    assert other != variants.build()
    assert (other / "ringbuf/core/role.c").read_text().count(HARMLESS.replacement) == 1


@pytest.mark.parametrize(("file", "text"), [("core/role.c", "no such text"), ("core/role.c", "return"), ("no.c", "x")])
def test_a_mutation_that_does_not_fit_exactly_once_is_said(variants: Variants, file: str, text: str) -> None:
    with pytest.raises(AssertionError, match="the mutant no longer applies"):
        variants.sources(Mutation(file, text, ""))


def test_a_check_that_notices_nothing_or_cannot_be_run_is_said(
    variants: Variants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.ringbuf.variants.RUNS", 2)
    with pytest.raises(AssertionError, match="has not noticed: harmless"):
        is_seen(variants, "harmless", Mutant(HARMLESS, TEST, "."))
    with pytest.raises(AssertionError, match="failed otherwise"):
        is_seen(variants, "harmless", Mutant(HARMLESS, "test_roles.py::test_that_is_not_there", "Error in the ring"))
    with pytest.raises(AssertionError, match=r"^cc "):
        variants.build("not even C", mutation=Mutation("core/role.c", "void rb_role_give(", "not C"))
