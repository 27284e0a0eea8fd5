"""What moved beyond noise between two results files of bench/headline.py.

    python bench/compare.py OLD.json NEW.json [--again OLD2.json ...] [--least 5] [--fail]

A figure has moved when its two intervals do not touch and its values differ by more than --least percent. Intervals
know what varies within a run; give --again with other runs of the old state, and theirs are taken in. The worse come
first, then the largest. What has no interval is shown when it differs, and not judged.

Exit codes with --fail: 1, something got worse, or a bench fails that did not; 2, nothing can be said, since the
machines differ or nothing was measured by the same command.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from allbench import noise
from allbench.machine import differences
from allbench.results import read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--again", type=Path, nargs="+", default=[], metavar="FILE", help="other runs of the old state")
    parser.add_argument("--least", type=float, default=100 * noise.LEAST, metavar="PERCENT")
    parser.add_argument("--fail", action="store_true", help="exit code 1 if something got worse")
    arguments = parser.parse_args()
    old, new, again = read(arguments.old), read(arguments.new), [read(path) for path in arguments.again]
    least = arguments.least / 100
    print(noise.report(old, new, again, least))
    if arguments.fail:
        found = noise.moves(old, new, again, least)
        if differences(old.machine, new.machine) or not found:
            raise SystemExit(2)
        raise SystemExit(bool(noise.broken(old, new)) or any(move.verdict == noise.WORSE for move in found))


if __name__ == "__main__":
    main()
