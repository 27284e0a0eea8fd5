"""What an hour of talk takes: CPU time, energy where the machine tells it, and what that costs by the prices given.

    python bench/energy.py [--turns 8] [--idle 20] [--core-hour EUR] [--kwh EUR] [--shared ../shared] [--json FILE]

Talk: recorded utterances in real time through the virtual sound card, 5 s from the end of one to the beginning of the
next. Idle: the engine hears silence. CPU time is that of all processes of the engine, in seconds of one core for each
hour. Energy is the processor's package (RAPL, /sys/class/powercap), of the whole machine: run nothing else beside it.
Where no price is given, or the machine tells no energy, no cost is worked out:

    by the price of a core   CPU-seconds / 3600 x price of a core-hour   (what is used: a rented core is paid whole)
    by the meter             Wh / 1000 x price of a kWh                  (without the rest of the machine)
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from allbench.results import Figure, as_json
from faultbench.target import Target
from faults import silence
from overloadbench.sections import names
from talkbench.figures import Table
from talkbench.files import check
from talkbench.sections import ECHOES
from talkbench.tracks import Builder

POWERCAP = Path("/sys/class/powercap")
HOUR_S = 3600.0
SLICE_S = 5.0
"""About a turn: one costs more than another, and that is the spread."""
_SETTLE_S = 3.0
"""After the start, until the engine only listens."""


class Meter:
    """The energy of all processor packages, where it can be read: since Linux 5.10 only root may."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self._zones = [zone for zone in sorted(folder.glob("intel-rapl:*")) if zone.name.count(":") == 1]
        self.why = "" if self._zones else f"{folder}: no intel-rapl (a virtual machine, or another processor)"
        self._last, self._wh = dict[Path, int](), 0.0
        self.read()

    def read(self) -> float | None:
        """Wh since it was made; None: it cannot be known. At least once in the time that a counter takes round: on a
        large processor some minutes."""
        try:
            for zone in self._zones:
                now, most = (int((zone / name).read_text()) for name in ("energy_uj", "max_energy_range_uj"))
                self._wh += (now - self._last.get(zone, now)) % (most + 1) / 3.6e9
                self._last[zone] = now
        except (OSError, ValueError) as error:
            self.why = str(error)
        return None if self.why else self._wh


@dataclass(frozen=True, slots=True)
class Use:
    """What so many seconds took: CPU time of the engine in s, energy of the machine in Wh (None: not known). rates: CPU
    time by time, in each slice of SLICE_S."""

    seconds: float
    cpu_s: float
    wh: float | None
    rates: Sequence[float] = ()

    @property
    def cpu_s_an_hour(self) -> float:
        return self.cpu_s / self.seconds * HOUR_S

    @property
    def watts(self) -> float | None:
        return None if self.wh is None else self.wh / self.seconds * HOUR_S


def use(engine: Target, meter: Meter, seconds: float) -> Use:
    """From now on."""
    cpu_s, wh, began = [engine.cpu_s()], meter.read(), time.monotonic()
    at = [began]
    while (left := began + seconds - time.monotonic()) > 0:
        time.sleep(min(left, SLICE_S))
        cpu_s.append(engine.cpu_s())
        at.append(time.monotonic())
        meter.read()
    wh_then = meter.read()
    used = None if wh is None or wh_then is None else wh_then - wh
    rates = tuple((np.diff(cpu_s) / np.diff(at)).tolist())
    return Use(at[-1] - began, cpu_s[-1] - cpu_s[0], used, rates)


def talk(builder: Builder, meter: Meter, turns: int) -> Use:
    """Of a conversation, from the beginning of the first utterance to the end of the last gap."""
    track = builder.build(names(turns), 1)
    said = track.labels["utterances"]
    with Target(builder.work, "--input", str(track.path), sets=ECHOES) as engine:
        engine.until_second(said[0]["start"])
        return use(engine, meter, said[-1]["end"] - said[0]["start"])


def idle(builder: Builder, meter: Meter, seconds: float) -> Use:
    """Of silence."""
    quiet = silence(builder.work / "quiet.wav", int(seconds + _SETTLE_S + 10))
    with Target(builder.work, "--input", str(quiet), sets=ECHOES) as engine:
        engine.until_second(_SETTLE_S)
        return use(engine, meter, seconds)


def row(name: str, used: Use, core_hour: float | None, kwh: float | None) -> dict[str, str]:
    """A line of the table."""
    watts = used.watts
    cells = {
        "": name,
        "measured for, s": f"{used.seconds:.0f}",
        "CPU-seconds an hour": f"{used.cpu_s_an_hour:.0f}",
        "of one core": f"{used.cpu_s / used.seconds:.1%}",
        "W, whole machine": "not known" if watts is None else f"{watts:.1f}",
    }
    if core_hour is not None:
        cells["cost an hour, by core-hours"] = f"{used.cpu_s_an_hour / HOUR_S * core_hour:.4f}"
    if kwh is not None and watts is not None:
        cells["cost an hour, by kWh"] = f"{watts / 1000 * kwh:.4f}"
    return cells


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a mean, by drawing anew. values: one or more."""
    draws = np.random.default_rng(0).choice(np.asarray(values), (2000, len(values))).mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def figures(uses: Sequence[tuple[str, Use]]) -> dict[str, Figure]:
    found = {}
    for name, used in uses:
        spread = mean_interval([rate * HOUR_S for rate in used.rates])
        found[f"{name}: CPU time an hour"] = Figure(used.cpu_s_an_hour, "s", "lower", spread)
        if (watts := used.watts) is not None:
            found[f"{name}: energy an hour, whole machine"] = Figure(watts, "Wh", "lower")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--idle", type=float, default=20.0, metavar="SECONDS")
    parser.add_argument("--core-hour", type=float, metavar="PRICE", help="what a core costs for an hour")
    parser.add_argument("--kwh", type=float, metavar="PRICE", help="what a kilowatt hour costs")
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    arguments = parser.parse_args()
    check(arguments.json)
    meter = Meter()
    with tempfile.TemporaryDirectory() as work:
        builder = Builder(arguments.shared, Path(work))
        uses = [("talk", talk(builder, meter, arguments.turns)), ("idle", idle(builder, meter, arguments.idle))]
    table = Table("What an hour takes")
    table.rows += [row(name, used, arguments.core_hour, arguments.kwh) for name, used in uses]
    if meter.why:
        table.note = f"energy: not known: {meter.why}"
    print(table)
    if arguments.json:
        arguments.json.write_text(as_json(figures(uses)))


if __name__ == "__main__":
    main()
