"""A picture of the page during a real conversation, for the README and for whoever changes the page.

    python tools/screenshot.py FILE.png [--width 1920 --height 1080] [--scheme dark] [--phone] [--turns 3]

It converses as `make run` does, and takes the picture while the last answer is heard. Needs Chromium (`make dev`).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser import Browser  # noqa: E402

QUESTIONS = (
    "What time does the museum shop close?",
    "How much is a ticket?",
    "And for children?",
    "Where are the toilets?",
    "When do the guided tours start?",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--scale", type=float, default=1, help="pixels of the picture for each of the screen")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    parser.add_argument("--phone", action="store_true")
    parser.add_argument("--turns", type=int, default=3, help=f"questions that are asked, at most {len(QUESTIONS)}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        visit = folder / "visit.wav"
        asked = QUESTIONS[: given.turns]
        subprocess.run([sys.executable, ROOT / "tools" / "visit.py", visit, *asked], check=True)
        command = [
            "-m",
            "engine",
            "run",
            "--http",
            "127.0.0.1:0",
            "--set",
            "http.transcript=true",
            "--input",
            str(visit),
        ]
        with (folder / "err").open("w+") as errors:
            engine = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=errors, cwd=ROOT)
            try:
                given.file.write_bytes(picture(engine, folder, given))
            finally:
                engine.terminate()
                engine.wait()


def picture(engine: subprocess.Popen[bytes], folder: Path, given: argparse.Namespace) -> bytes:
    """What is to be seen when the last answer is well under way."""
    with Browser(folder, given.width, given.height) as browser:
        while "page at " not in (said := (folder / "err").read_text()):
            if engine.poll() is not None:
                raise SystemExit(f"the engine ended: {said}")
        browser.looks(
            given.width, given.height, scale=given.scale, phone=given.phone, prefers_color_scheme=given.scheme
        )
        browser.open(said.split("page at ")[1].splitlines()[0])
        ended, words = given.turns - 1, "return document.querySelectorAll('#exchanges .answer').length"
        browser.until(lambda: browser.run(words) > ended, "the last answer")
        browser.until(lambda: len(browser.text("#exchanges li:last-child .answer").split()) > 5, "some words of it")
        if problems := browser.complaints():
            raise SystemExit("\n".join(problems))
        return browser.picture(whole=given.phone)


if __name__ == "__main__":
    main()
