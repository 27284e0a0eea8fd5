"""docs/metrics.md, made from the table of metrics: `python -m engine.metrics_page > docs/metrics.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.channels import PROCESSES
from engine.metrics import BUCKETS, HIGHEST, LOWEST, METRICS, OF_EACH_STAGE, STATES, STEPS, UNITS, Metric

_TOP = f"""# Metrics

Made from `engine/metrics.py` by `python -m engine.metrics_page > docs/metrics.md`: change the table, not this page.

All of them are 64-bit cells of one page in shared memory (`/dev/shm/antiphon.NAME.PID.cells`), which workers write
without locks and anyone who may read it reads: `engine top`, `engine health`, the metrics endpoint, the report, the
governor. Names that begin alike belong to one stage.

A counter only grows, from 0 at the engine's start; it outlives its worker. A gauge is what was written last. A
histogram is {BUCKETS} cells, each of which counts the durations of one bucket: {STEPS} buckets for each doubling from
{(1 << LOWEST) / 1000:.0f} µs to {(1 << HIGHEST) / 1e9:.0f} s, so that a duration it tells is right to within 1/16. What
is shorter or longer is in the outermost. With `engine.telemetry = false` they stay empty.

How full a ring is, is not on the page: positions are in the rings themselves, and whoever wants to know looks there,
from outside (`engine rings`, `engine top`). There is no high-water mark: a writer would have to read where its reader
is at each record, which it does now only when the ring seems full. What found no room is counted (`dropped`).
"""


def page() -> str:
    """The whole of it."""
    stages = {process.name for process in PROCESSES}
    own = [metric for metric in METRICS if not _is_of_each(metric, stages)]
    parts = [
        _TOP,
        "## Of each stage\n\n"
        f"STAGE is one of {', '.join(process.name for process in PROCESSES)}.\n\n" + _table(OF_EACH_STAGE, "STAGE."),
        "## The others\n\n" + _table(own, ""),
        "## Units\n\nA unit that is not here is what is counted.\n\n"
        + "\n".join(["| unit | |", "|---|---|", *(f"| {unit} | {meaning} |" for unit, meaning in UNITS.items())]),
        "`turns.shown`: " + ", ".join(f"{number} {state}" for number, state in enumerate(STATES)) + ".",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _is_of_each(metric: Metric, stages: Iterable[str]) -> bool:
    stage, _, name = metric.name.partition(".")
    return stage in stages and any(name == each.name for each in OF_EACH_STAGE)


def _table(metrics: Iterable[Metric], prefix: str) -> str:
    return "\n".join(["| metric | kind | unit | |", "|---|---|---|---|", *_rows(metrics, prefix)])


def _rows(metrics: Iterable[Metric], prefix: str) -> Iterator[str]:
    for metric in metrics:
        yield f"| `{prefix}{metric.name}` | {metric.kind} | {metric.unit} | {metric.meaning} |"


if __name__ == "__main__":
    print(page(), end="")
