"""What it costs the engine that somebody looks at its page, or that Prometheus asks: the supervisor's processor time,
while an engine listens to silence.

    python bench/page.py [--seconds 20] [--json FILE]

Asked for: less than 3 % of one core for a page that is open, beyond what the supervisor takes with nobody looking.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from allbench.results import Figure, as_json
from energy import mean_interval
from talkbench.files import check

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


@dataclass(slots=True)
class Row:
    """What happens, and what was found. cpu: the supervisor's, in percent of one core, in each second; answers_ms: how
    long each scrape took; told: messages to each page, a second."""

    label: str
    pages: int = 0
    scrapes: bool = False
    cpu: list[float] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)
    told: float = 0.0

    @property
    def mean(self) -> float:
        return sum(self.cpu) / len(self.cpu)

    def __str__(self) -> str:
        scraped = sorted(self.answers_ms)
        more = f"   an answer takes {scraped[len(scraped) // 2]:.1f} ms" if scraped else ""
        more += f"   {self.told:.0f} messages a second" if self.pages else ""
        return f"{self.label:24}{self.mean:6.2f} %{more}"


QUIET, PAGE = "nobody looks", "one page"
GOAL_PERCENT = 3.0


def rows() -> list[Row]:
    """In the order in which they are measured."""
    return [
        Row(QUIET),
        Row(PAGE, pages=1),
        Row("three pages", pages=3),
        Row("metrics every second", scrapes=True),
        Row("nobody, again"),
    ]


def measure(row: Row, pid: int, port: int, seconds: float) -> None:
    """The supervisor for so long, second by second."""
    with ExitStack() as stack:
        pages = [stack.enter_context(Follower(port)) for _ in range(row.pages)]
        time.sleep(1)
        began, before = time.monotonic(), [page.messages for page in pages]
        at, used = began, cpu_ns(pid) or 0
        while at - began < seconds:
            row.answers_ms += [scrape(port)] if row.scrapes else []
            time.sleep(1)
            now, by_now = time.monotonic(), cpu_ns(pid) or 0
            row.cpu.append((by_now - used) / (now - at) / 1e7)
            at, used = now, by_now
        if pages:
            row.told = (pages[0].messages - before[0]) / (at - began)


def figures(found: Sequence[Row]) -> dict[str, Figure]:
    """What each takes, and what one page takes beyond nobody."""
    every = {f"{row.label}: of one core": Figure(row.mean, "%", "lower", mean_interval(row.cpu)) for row in found}
    by_label = {row.label: row for row in found}
    page, quiet = by_label[PAGE], by_label[QUIET]
    more = tuple(cpu - quiet.mean for cpu in page.cpu)
    every["a page beyond nobody: of one core"] = Figure(
        page.mean - quiet.mean, "%", "lower", mean_interval(more), asked=GOAL_PERCENT
    )
    return every


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="each row")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    given = parser.parse_args()
    check(given.json)
    found = rows()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = write(folder / "silence.wav", silence(given.seconds * 8 + 60))
        engine = Engine(folder, "--input", str(sound), "--http", "127.0.0.1:0")
        try:
            engine.until_ready()
            port = int(engine.stderr.split("page at http://127.0.0.1:")[1].split("/")[0])
            print(f"{'':24}supervisor, of one core")
            for row in found:
                measure(row, engine.process.pid, port, given.seconds)
                print(row, flush=True)
        finally:
            engine.clean_up()
    if given.json:
        given.json.write_text(as_json(figures(found)))


if __name__ == "__main__":
    main()
