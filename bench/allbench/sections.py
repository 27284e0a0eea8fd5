"""The benches that bench/headline.py runs, how, and what becomes a figure: their own tables and numbers, nothing worked
out anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import cells
from .cells import Column
from .results import Figure, figures_of, measured, ranged

Figures: TypeAlias = dict[str, Figure]
MS, COUNT, RATE = Column("ms"), Column("count"), Column("%")
MORE = Column("%", "higher")

RESPONSES = {"response p50": MS, "p95": MS, "cut-ins": RATE, "misses": COUNT, "holes": COUNT, "xruns": COUNT}
INTERRUPTIONS = {
    "silent p50": MS,
    "certain p50": MS,
    "certain p95": MS,
    "resumed p50": MS,
    "resumed p95": MS,
    "talked over": Column("of", "lower", "of"),
    "silenced": Column("of", "lower", "of"),
    "holes": COUNT,
    "misses": COUNT,
    "p95": MS,
}
LOADED = {
    "answered": Column("of", "higher", "turns"),
    "by a phrase": Column("of", "lower", "turns"),
    "response p50": MS,
    "p95": MS,
    "holes": COUNT,
    "xruns": COUNT,
    "late p99": MS,
    "p50 before": MS,
    "p50 after": MS,
}
STAGES = {
    "load s": Column("s"),
    "warm-up s": Column("s"),
    "first ms": MS,
    "all ms": MS,
    "rate": Column("times or pieces/s", "higher"),
    "cancel ms": MS,
    "memory MB": Column("MB"),
}
ASKED = {
    "default: response p50": 220.0,
    "default: p95": 370.0,
    "speech, on: p95": 120.0,
    "speech, on: certain p95": 300.0,
    "noises, on: resumed p95": 700.0,
    "governor on, real-time: p95": 800.0,
    "governor on, none: p95": 800.0,
}
"""As the documents have it (docs/measured.md)."""


def conversation(found: Mapping[str, Any]) -> Figures:
    """Of each table of bench/conversation.py."""
    columns = {
        "turn_taking": RESPONSES,
        "interruptions": INTERRUPTIONS,
        "hall": {**RESPONSES, "false turns": COUNT},
        "machinery": {"response p50": MS, "p95": MS, "machinery p50": MS, "misses": COUNT},
        "curve": {**RESPONSES, "right": MORE},
    }
    every: Figures = {}
    for name, table in found.items():
        keys = ("system", "setting") if name == "curve" else ("",)
        own = cells.figures(table, keys, columns[name], ASKED)
        every |= {f"{name}: {each}": figure for each, figure in own.items()}
    return every | beside(every)


PEERS = ("pipecat", "livekit")
BESIDE: Mapping[str, Callable[[str], str]] = {
    "curve": lambda _: "engine, patience-0.6",
    "machinery": lambda _: "engine, speculation off",
    "overload": lambda rights: f"governor on{rights}",
    "lock": lambda burden: f"engine, in asr{burden}",
}
"""The engine's row that a peer's row of a table is compared with, by what that has after the peer's name."""


def beside(every: Figures) -> Figures:
    """How many times as long as the engine peers take."""
    found: Figures = {}
    for name, figure in every.items():
        table, row, column = name.split(": ")
        for peer in PEERS:
            if row.startswith(peer) and column in ("response p50", "p95"):
                engine = every.get(f"{table}: {BESIDE[table](row.removeprefix(peer))}: {column}")
                if engine is not None and engine.value > 0:
                    found[f"{name}, times the engine's"] = Figure(figure.value / engine.value, "x", "higher")
    return found


def overload(found: Mapping[str, Any]) -> Figures:
    """Of each table of bench/overload.py."""
    every: Figures = {}
    for name, table in found["tables"].items():
        own = cells.figures(table, ("", "rights", "burden", "fault"), LOADED, ASKED)
        every |= {f"{name}: {each}": figure for each, figure in own.items()}
    return every | beside(every)


OURS = "ring_"
TIMES = {("iceoryx2", "640"): 5.0}
"""As bench/rings.py has it."""


def rings(found: Mapping[str, Any]) -> Figures:
    """One way of each ring, how many times as long others take, and what calls cost."""
    every: Figures = {
        f"{system}, {size} B: one way p50": Figure(at["p50"], "us", "lower", (at["p50_min"], at["p50_max"]))
        for system, sizes in found["one_way_us"].items()
        for size, at in sizes.items()
        if system.startswith(OURS)
    }
    every |= {
        f"{system}, {size} B: times the ring": ranged(times, "x", "higher", TIMES.get((system, size)))
        for system, sizes in found["times_the_ring"].items()
        for size, times in sizes.items()
        if times and not system.startswith(OURS)
    }
    for name, asked in (("four_calls_ns", 100.0), ("four_calls_tagged_ns", None), ("four_calls_history_ns", None)):
        every[name.removesuffix("_ns").replace("_", " ")] = Figure(found[name], "ns", "lower", asked=asked)
    if (over := found["sleep_over_futex_floor"]) is not None:
        every["asleep, times the futex alone"] = Figure(over, "x", "lower", asked=1.3)
    return every


def stages(found: Mapping[str, Any]) -> Figures:
    """Of each backend."""
    return cells.figures(found["stages"], ("stage", "backend", "rung"), STAGES)


def partner(found: Mapping[str, Any]) -> Figures:
    """Of each set of questions: what was right, and how soon it was there."""
    from partner import TARGETS

    every: Figures = {}
    for name, kinds in found.items():
        for kind, value in kinds.items():
            if isinstance(value, list) and value[1]:
                row = {kind: f"{value[0]} of {value[1]}"}
                every |= cells.figures({"rows": [{**row, "": name}]}, ("",), {kind: MORE}, _named(name, kind, TARGETS))
            elif kind.startswith("first_ms_"):
                every[f"{name}: {kind.replace('_', ' ')}"] = Figure(value, "ms", "lower")
    return every


def _named(row: str, kind: str, targets: Mapping[str, float]) -> dict[str, float]:
    return {f"{row}: {kind}": targets[kind]} if kind in targets else {}


def faults(found: list[Mapping[str, Any]]) -> Figures:
    """Of each table of bench/faults.py."""
    columns = {"back after": Column("s"), "xruns": COUNT, "that turn": MS, "the next turn": MS}
    columns |= {"back, p95": Column("s"), "audio, longest": Column("s"), "next turn answered": MORE}
    columns |= {"killed after": Column("s"), "answered after": Column("s"), "all MB": Column("MB")}
    columns |= {"nothing left after, longest": Column("s")}
    every: Figures = {}
    for table in found:
        own = cells.figures(table, ("", "kill -9 of", "when"), columns)
        every |= {f"{table['title']}: {each}": figure for each, figure in own.items()}
    return every


def door(found: list[Mapping[str, Any]]) -> Figures:
    """An event at a client."""
    return {
        f"{each['clients']} clients: event p{rank}": measured(each["latencies"], "ms", "lower", rank, asked)
        for each in found
        if each["latencies"]
        for rank, asked in ((50, None), (99, 2.0))
    }


def lease(found: list[Mapping[str, Any]]) -> Figures:
    """The first clause of an answer, in each scene with each arm."""
    return {
        f"{each['scene']['title']}, {arm}: first clause {rank}": ranged(
            [ran[arm][rank] for ran in each["rounds"]], "ms", "lower"
        )
        for each in found
        for arm in each["rounds"][0]
        for rank in ("p50", "p95")
    }


def telemetry(found: Mapping[str, Any]) -> Figures:
    """What each kind of record costs. Asked for: of those that a worker makes."""
    from telemetry import GOAL_NS, RECORDS

    return {
        name: measured(values, "ns", "lower", asked=GOAL_NS if name in RECORDS else None)
        for name, values in found["ns"].items()
    }


def idle(found: Mapping[str, Any]) -> Figures:
    """What an engine takes that nobody speaks to, as bench/idle.py sums it up: it may tell parts of a process, too."""
    from idle import GOAL_PERCENT, GOAL_WAKES

    from engine.channels import ENGINE, PROCESSES
    from engine.snapshot import FORKS

    taken = found["processes"]
    whole = [name for name in (ENGINE, FORKS, *(process.name for process in PROCESSES)) if name in taken]
    cpu = sum(taken[name]["cpu"] for name in whole)
    beyond = sum(taken[name]["wakes"] for name in whole if name != "audio")
    every = {f"{name}: of one core": Figure(each["cpu"], "%", "lower") for name, each in taken.items()}
    every["all: of one core"] = Figure(cpu, "%", "lower", asked=GOAL_PERCENT)
    every["all but audio: wake-ups a second"] = Figure(beyond, "/s", "lower", asked=GOAL_WAKES)
    return every


def top(found: Mapping[str, Any]) -> Figures:
    """What `engine top` takes."""
    from top import GOAL_PERCENT

    return {
        "of one core": Figure(found["cpu_percent"], "%", "lower", asked=GOAL_PERCENT),
        "written": Figure(found["bytes_per_s"], "bytes/s", "lower"),
    }


def own(found: Mapping[str, Any]) -> Figures:
    """Of a bench that writes figures itself."""
    return figures_of(found["figures"])


@dataclass(frozen=True, slots=True)
class Section:
    """program: in bench/. headline, full: its options; None: it has no part in that. limit_s: a headline that takes
    longer hangs; `full` may take half a day. read: the figures of what it writes for --json; None: it only prints.
    shared: it takes --shared."""

    program: str
    headline: str | None
    full: str | None
    read: Callable[[Any], Figures] | None
    limit_s: float = 300
    shared: bool = True


FULL_LIMIT_S = 12 * 3600.0

SECTIONS: Mapping[str, Section] = {
    "start": Section("start.py", "--times 3", "--times 10", own, shared=False),
    "rings": Section("rings.py", "--quick", "", rings, shared=False),
    "stages": Section("stages.py", "--config config.toml", "", stages, shared=False),
    "partner": Section("partner.py", "--seeds 1", "", partner, shared=False),
    "telemetry": Section("telemetry.py", "", "--rounds 100", telemetry, shared=False),
    "energy": Section("energy.py", "--turns 6 --idle 20", "--turns 40 --idle 120", own),
    "turn-taking": Section("conversation.py", "--quick --only turn_taking --sessions 3", None, conversation, 420),
    "interruptions": Section("conversation.py", "--quick --only interruptions", None, conversation, 420),
    "conversation": Section("conversation.py", None, "--plot run/curve.svg", conversation),
    "overload": Section("overload.py", "--quick --only overload --rows real-time", None, overload, 420),
    "hanging": Section("overload.py", "--quick --only faults --rows hangs", None, overload, 420),
    "overload, all": Section("overload.py", None, "--plot run/overload.svg", overload),
    "endurance": Section("endurance.py", "--turns 20", "--turns 200", own, 420),
    "uptime": Section("uptime.py", "--turns 18", "--turns 120", own, 420),
    "waterfall": Section("waterfall.py", None, "--sessions 3", own),
    "idle": Section("idle.py", None, "--seconds 60", idle, shared=False),
    "top": Section("top.py", None, "--seconds 60", top, shared=False),
    "page": Section("page.py", None, "--seconds 20", own, shared=False),
    "faults": Section("faults.py", None, "", faults),
    "door": Section("door.py", None, "", door, shared=False),
    "lease": Section("lease.py", None, "", lease, shared=False),
    "devices": Section("devices.py", None, "", None),
    "echo": Section("echo.py", None, "", None),
}
