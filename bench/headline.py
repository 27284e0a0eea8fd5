"""Every bench by one command: the tables of each, one list of all figures, and one file of results.

    python bench/headline.py [--full] [--only start,rings] [--shared ../shared] [--json FILE] [--against OLD.json]

The headline takes some eighteen minutes on two cores, --full takes hours and measures the peers, too, where they are
installed (`make peers`). A bench that fails is said, and the others go on; the exit code is 1 then. The file is written
anew after each; bench/README.md describes it, and bench/compare.py compares two. Ratio: to what is asked for.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from allbench import noise
from allbench.machine import describe, was_busy
from allbench.results import Figure, Results, read
from allbench.run import BENCH, Order, run
from allbench.sections import SECTIONS, Section
from talkbench.figures import Table
from talkbench.files import check


def chosen(only: str, *, full: bool) -> dict[str, Section]:
    """What to run. SystemExit: nobody knows it, or it has no part in this."""
    known = {name: each for name, each in SECTIONS.items() if (each.full if full else each.headline) is not None}
    names = only.split(",") if only else list(known)
    if unknown := set(names) - set(known):
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    return {name: known[name] for name in names}


def shown(name: str, figure: Figure) -> dict[str, str]:
    """A line of the list."""
    spread = "" if figure.spread is None else f"{figure.spread[0]:.4g}..{figure.spread[1]:.4g}"
    return {
        "figure": name,
        "measured": f"{figure.value:.4g} {figure.unit}".strip(),
        "spread": spread,
        "asked for": "" if figure.asked is None else f"{figure.asked:g}",
        "ratio": "" if figure.ratio is None else f"{figure.ratio:.2f}",
        "better": figure.better,
        "": "MISSED" if figure.missed else "",
    }


def listed(results: Results) -> list[Table]:
    """What became of each bench, and all figures."""
    took = Table("What ran")
    for name, each in results.sections.items():
        cells = {"s": f"{each.seconds:.0f}", "stolen": f"{each.stolen:.1f} %", "failed": each.error}
        took.rows.append({"": name, **cells, "command": each.command})
    figures = Table("All figures; spread: 95 % intervals, or the least and the most of a few runs")
    figures.rows += [shown(name, figure) for name, figure in results.figures.items()]
    return [took, figures]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="all of it, in hours")
    parser.add_argument("--only", default="", help=f"of {', '.join(SECTIONS)}, with commas")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with these results at the end")
    arguments = parser.parse_args()
    check(arguments.json)
    (BENCH.parent / "run").mkdir(exist_ok=True)  # where the full run draws
    old = read(arguments.against) if arguments.against else None
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda number, _frame: sys.exit(128 + number))  # what runs is ended on the way out
    wanted, order = chosen(arguments.only, full=arguments.full), Order(arguments.full, arguments.shared.resolve())
    began = datetime.now(timezone.utc).isoformat(timespec="seconds")
    results = Results("full" if arguments.full else "headline", describe(), began)
    print(*(f"{name}: {value}" for name, value in results.machine.items()), sep="\n", flush=True)
    if was_busy(results.machine):
        print("NOT ALONE: something else runs on this machine, and these figures are of both", flush=True)
    for number, (name, section) in enumerate(wanted.items(), 1):
        print(f"\n== {name} ({number} of {len(wanted)}, {time.strftime('%H:%M:%S')})", flush=True)
        results.sections[name], figures = run(section, order)
        results.figures |= {f"{name}: {each}": figure for each, figure in figures.items()}
        if error := results.sections[name].error:
            print(f"{name} FAILED: {error}; the others go on", flush=True)
        if arguments.json:
            results.write(arguments.json)
    print(*listed(results), sep="\n")
    if old:
        print(noise.report(old, results))
    raise SystemExit(any(each.error for each in results.sections.values()))


if __name__ == "__main__":
    main()
