"""What each backend costs on this machine, by itself: one process for each, one line for each.

    python bench/stages.py                      # what is installed, and the tests' tiny models for what needs a model
    python bench/stages.py --config kiosk.toml  # the backends of a configuration of your own
    python bench/stages.py --gpu --models DIR   # shapes of models that people run, random weights, on an NVIDIA GPU

The models of `--gpu` are written into DIR (60 GB) unless they are there. They say nothing that means anything; how long
they take does not depend on that.

load and warm-up: in s. first: from the beginning of the sound to the first words, of the question to the first piece,
of the clause to its first sound. all: from the end of the sound to the final text, of the question to the last piece,
of the clause to the last sound. rate: for sound, how many times quicker than it lasts; for answers, pieces a second.
cancel: until a job that is at work has ended, the slowest of five. memory: PSS of the process.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for the tests' models

from stagebench import subjects
from stagebench.child import run
from talkbench.figures import Table
from talkbench.files import check


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--config", type=Path, help="measure what this configuration names")
    chosen.add_argument("--gpu", action="store_true", help="measure full-size shapes on an NVIDIA GPU")
    parser.add_argument("--models", type=Path, help="where the models of --gpu are kept")
    parser.add_argument("--only", help="stages or backends, with commas between them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table")
    arguments = parser.parse_args()
    check(arguments.json)
    if arguments.gpu and arguments.models is None:
        parser.error("--gpu needs --models DIR")
    with tempfile.TemporaryDirectory(prefix="stages.") as folder:
        if arguments.config is not None:
            wanted = subjects.configured(arguments.config)
        elif arguments.gpu:
            if why := subjects.no_gpu():
                sys.exit(f"not run: {why}")
            wanted = subjects.full_size(arguments.models)
        else:
            wanted = subjects.at_hand(Path(folder))
        only = set((arguments.only or "").split(",")) - {""}
        table = Table("what each backend costs here", note=f"{subjects.machine()}; in brackets: what is asked for")
        for each in wanted:
            if not only or only & {each.stage, each.backend}:
                table.rows.append(run(each))
                print(*table.rows[-1].values(), sep=", ", file=sys.stderr, flush=True)
    print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps({"stages": asdict(table)}, indent=1))


if __name__ == "__main__":
    main()
