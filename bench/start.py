"""How long the engine takes to be ready: from the command until every stage is loaded and warm.

    python bench/start.py [--times 5] [--set KEY=VALUE] [--json FILE]

Warm: as it is started again, its files in the page cache. Cold: after that was dropped, as after the machine's own
start; only root may do that (/proc/sys/vm/drop_caches), and a virtual machine's host may still have the files. They
take turns. What Python has compiled (.pyc) stays. Beside the whole stands the stage that was ready last.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from allbench.results import Figure, as_json, ranged
from faultbench.target import Target
from faults import silence
from talkbench.figures import Table
from talkbench.files import check

DROP = Path("/proc/sys/vm/drop_caches")
WHOLE = "all"


def drop() -> str:
    """Drop the page cache; why not, where that may not be."""
    os.sync()
    try:
        DROP.write_text("3")
    except OSError as error:
        return f"{DROP}: {error.strerror}"
    return ""


def start(options: list[str]) -> dict[str, float]:
    """How long after the command each stage was ready, and all of them: seconds."""
    with tempfile.TemporaryDirectory() as work:
        quiet = silence(Path(work) / "quiet.wav", 60)
        with Target(Path(work), "--input", str(quiet), *options) as engine:
            return engine.ready_s


def last(starts: list[dict[str, float]]) -> str:
    """The stage that most often was the last one to be ready."""
    lasts = [max((stage for stage in each if stage != WHOLE), key=each.__getitem__) for each in starts]
    return max(set(lasts), key=lasts.count)


def row(name: str, starts: list[dict[str, float]]) -> tuple[dict[str, str], Figure]:
    figure = ranged([each[WHOLE] for each in starts], "s", "lower")
    low, high = figure.spread or (0.0, 0.0)
    shown = {"ready after, s": f"{figure.value:.2f} ({low:.2f} to {high:.2f})", "times": str(len(starts))}
    return {"": name, **shown, "last to be ready": last(starts)}, figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5, help="of each kind")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    arguments = parser.parse_args()
    check(arguments.json)
    options = [part for each in arguments.set for part in ("--set", each)]
    start(options)  # what nobody has read since the machine's start is read now
    warm, cold, why = [], [], ""
    for _ in range(arguments.times):
        warm.append(start(options))
        if not (why := why or drop()):
            cold.append(start(options))
    table, figures = Table("Start: from the command to ready"), {}
    for name, starts in (("warm", warm), ("cold", cold)):
        if starts:
            shown, figures[f"{name}: ready after"] = row(name, starts)
            table.rows.append(shown)
    if why:
        table.rows.append({"": "cold", "ready after, s": f"not run: {why}"})
    print(table)
    if arguments.json:
        arguments.json.write_text(as_json(figures))


if __name__ == "__main__":
    main()
