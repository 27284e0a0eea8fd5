"""Figures with their spread, and the one file that holds all of a run (bench/README.md describes it)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeAlias

from talkbench.figures import interval, wilson
from talkbench.files import replace

SCHEMA = 1
Better: TypeAlias = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured. unit: "ms", "%", … spread: the 95 % interval of `value`; None: the bench tells none. values:
    what it was worked out from, where that is known. asked: what is asked for, in the same unit."""

    value: float
    unit: str
    better: Better
    spread: tuple[float, float] | None = None
    values: tuple[float, ...] = ()
    asked: float | None = None

    @property
    def ratio(self) -> float | None:
        """To what is asked for; None: nothing is, or nothing of it."""
        return self.value / self.asked if self.asked else None

    @property
    def missed(self) -> bool:
        """It is not what is asked for."""
        short = self.asked is not None and self.value != self.asked
        return short and (self.value > (self.asked or 0)) == (self.better == "lower")


def measured(
    values: Sequence[float], unit: str, better: Better, rank: float = 50, asked: float | None = None
) -> Figure:
    """A percentile of values. values: one or more."""
    found, low, high = interval(values, rank)
    return Figure(found, unit, better, (low, high), tuple(values), asked)


def counted(count: int, better: Better = "lower", asked: float | None = None) -> Figure:
    """How often something happened that happens by itself: xruns, holes. The interval is Poisson's (Byar's)."""

    def byar(of: float, reach: float) -> float:
        return float(of * (1 - 1 / (9 * of) + reach / (3 * of**0.5)) ** 3)

    return Figure(count, "", better, (byar(count, -1.96) if count else 0.0, byar(count + 1, 1.96)), (), asked)


def share(hits: int, of: int, better: Better = "higher", asked: float | None = None) -> Figure:
    """Percent of `of` tries, which are 1 or more. The interval is Wilson's."""
    low, high = wilson(hits, of)
    return Figure(100 * hits / of, "%", better, (100 * low, 100 * high), (), asked)


def ranged(values: Sequence[float], unit: str, better: Better, asked: float | None = None) -> Figure:
    """The median of a few runs, each of which is a figure already; their least and most stand for the interval."""
    return Figure(median(values), unit, better, (min(values), max(values)), tuple(values), asked)


@dataclass(frozen=True, slots=True)
class Section:
    """What became of one bench. command: as it can be run again. error: why it has no figures, or not all; empty: it
    went well. stolen: percent of the processors' time that a virtual machine was not given meanwhile."""

    command: str
    seconds: float
    error: str = ""
    stolen: float = 0.0


@dataclass(slots=True)
class Results:
    """settings: "headline" or "full". machine: what a reader needs to judge the figures."""

    settings: str
    machine: dict[str, str]
    began: str
    sections: dict[str, Section] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """As a whole, so that a run that is cut off leaves what it has."""
        replace(path, json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n")


def figures_of(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
    """Figures as they stand in a file."""
    return {
        name: Figure(
            **{
                **each,
                "spread": None if each.get("spread") is None else tuple(each["spread"]),
                "values": tuple(each.get("values", ())),
            }
        )
        for name, each in found.items()
    }


def read(path: Path) -> Results:
    """SystemExit: there is no such file, or it is none of ours."""
    try:
        found = json.loads(path.read_text())
        if found["schema"] != SCHEMA:
            raise SystemExit(f"{path}: schema {found['schema']}, and this compares schema {SCHEMA}: measure anew")
        sections = {name: Section(**each) for name, each in found["sections"].items()}
        return Results(found["settings"], found["machine"], found["began"], sections, figures_of(found["figures"]))
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise SystemExit(f"{path}: not a results file of bench/headline.py ({error})") from None


def as_json(figures: Mapping[str, Figure]) -> str:
    """What a bench of its own writes for --json: figures, as they stand in the file of all."""
    return json.dumps({"figures": {name: asdict(figure) for name, figure in figures.items()}}, indent=1) + "\n"
