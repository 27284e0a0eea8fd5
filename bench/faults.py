"""The engine under fault: `kill -9` of each worker in the middle of a question and of an answer, of a hundred workers
in a row and of the supervisor, and a call that hangs.

    python bench/faults.py [--shared ../shared] [--kills 100] [--only conversation,many,supervisor,hang] [--json FILE]

Converses in real time through the virtual sound card, with recorded utterances; takes some seven minutes. Back: from
the kill to the worker's being loaded, warm and at work again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import wave
from pathlib import Path

from faultbench.kills import PARTS, Scene
from talkbench.figures import Table
from talkbench.tracks import RATE, Builder


def silence(path: Path, seconds: int) -> Path:
    """A microphone that hears nothing."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * RATE * seconds))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine under fault.")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="the folder of recordings and tools")
    parser.add_argument("--kills", type=int, default=100, help="how many in a row")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, help="write the tables there")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    tables: list[Table] = []
    for part in arguments.only.split(","):
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work)
            quiet = silence(folder / "quiet.wav", 1800)
            made = PARTS[part](Scene(folder, Builder(arguments.shared, folder), quiet, arguments.kills))
        tables += made
        print(*made, sep="\n", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([{"title": table.title, "rows": table.rows} for table in tables]))


if __name__ == "__main__":
    main()
