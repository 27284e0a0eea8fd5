"""What it costs the engine that somebody looks at its page, or that Prometheus asks: the supervisor's processor time,
while an engine listens to silence.

    python bench/page.py [--seconds 20]
"""

from __future__ import annotations

import argparse
import http.client
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from engine.usage import cpu_ns  # noqa: E402
from tests.engine_run import Engine, silence, write  # noqa: E402


class Follower:
    """A browser that reads what the page is told."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._connection.request("GET", "/events")
        self._answer = self._connection.getresponse()
        self.messages = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while line := self._answer.readline():
            self.messages += line.startswith(b"data")

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)


def scrape(port: int) -> float:
    """Ask for the metrics as Prometheus does; how long the answer took, in ms."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics")
    connection.getresponse().read()
    connection.close()
    return (time.monotonic() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="each row")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = write(folder / "silence.wav", silence(given.seconds * 8 + 60))
        engine = Engine(folder, "--input", str(sound), "--http", "127.0.0.1:0")
        try:
            engine.until_ready()
            port = int(engine.stderr.split("page at http://127.0.0.1:")[1].split("/")[0])
            print(f"{'':24}supervisor, of one core")
            for label, followers, scrapes in (
                ("nobody looks", 0, False),
                ("one page", 1, False),
                ("three pages", 3, False),
                ("metrics every second", 0, True),
                ("nobody, again", 0, False),
            ):
                with ExitStack() as stack:
                    pages = [stack.enter_context(Follower(port)) for _ in range(followers)]
                    time.sleep(1)
                    before, began, took = cpu_ns(engine.process.pid) or 0, time.monotonic(), []
                    while (lasted := time.monotonic() - began) < given.seconds:
                        took += [scrape(port)] if scrapes else []
                        time.sleep(1)
                    used = (cpu_ns(engine.process.pid) or 0) - before
                    more = f"   an answer takes {sorted(took)[len(took) // 2]:.1f} ms" if took else ""
                    more += f"   {pages[0].messages / (lasted + 1):.0f} messages a second" if pages else ""
                    print(f"{label:24}{used / 1e9 / lasted:6.2%}{more}", flush=True)
        finally:
            engine.clean_up()


if __name__ == "__main__":
    main()
