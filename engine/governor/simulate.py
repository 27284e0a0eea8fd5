"""The policy against a machine that is made up: traces of load in, moves out.

    python -m engine.governor.simulate [TRACE...]      a line for each turn; without names all traces

Three stages with two or three rungs each share two cores. A load of n is n busy threads of somebody else's, which slow
everything down; a turn comes every five seconds and the sensors are read once a second.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.config import load
from engine.governor.policy import Ladder, Move, Part, Policy, Turn
from engine.governor.pressure import Pressures
from engine.governor.reading import Gpu, Heat, Reading
from engine.governor.settings import Governor

CORES, TURN_S = 2, 5
STAGES = {"asr": (80, (55, 30)), "llm": (180, (110, 60, 30)), "vocoder": (80, (45, 15))}
"""Budget, and what each rung takes on a machine that has nothing else to do: ms."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The machine at one time. load: busy threads of others. slow: by how much a stage is slower than it should be.
    hot_c: the GPU's temperature, which has 83 °C for its limit."""

    load: float = 0.0
    slow: dict[str, float] = field(default_factory=dict)
    hot_c: float = 60.0


Trace = Callable[[float], Moment]
TRACES: dict[str, tuple[str, int, Trace]] = {
    "idle": ("nothing else runs", 40, lambda s: Moment()),
    "step": ("four busy threads from 50 s to 150 s", 60, lambda s: Moment(4.0 if 50 <= s < 150 else 0.0)),
    "ramp": ("more and more, up to four threads, then all gone", 60, lambda s: Moment(s / 40 if s < 160 else 0.0)),
    "spike": (
        "four threads for 1.5 s, twice",
        40,
        lambda s: Moment(4.0 if 52 <= s < 53.5 or 122 <= s < 123.5 else 0.0),
    ),
    "flapping": ("four threads, on for 15 s and off for 15 s", 120, lambda s: Moment(4.0 if s % 30 < 15 else 0.0)),
    "hot": (
        "a GPU that heats up and cools down",
        60,
        lambda s: Moment(hot_c=min(86.0, 60 + s / 2) if s < 150 else 70.0),
    ),
    "slow": (
        "a language model four times as slow, 50 s to 150 s",
        60,
        lambda s: Moment(slow={"llm": 4.0 if 50 <= s < 150 else 1.0}),
    ),
    "endless": ("a recogniser that is too slow on its best rung, for ever", 200, lambda s: Moment(slow={"asr": 2.0})),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of a simulation."""

    at_s: float
    load: float
    rungs: dict[str, int]
    response_ms: float
    late: tuple[str, ...]
    moves: tuple[Move, ...]
    """Since the turn before."""


def simulate(trace: Trace, turns: int, limits: Governor) -> list[Line]:
    """Run a trace for so many turns."""
    policy, pressures = (
        Policy([Ladder(name, (True,) * len(rungs)) for name, (_, rungs) in STAGES.items()], limits),
        Pressures(),
    )
    lines: list[Line] = []
    moves: list[Move] = []
    for second in range(1, turns * TURN_S + 1):
        moment = trace(second)
        moves += policy.sample(second, pressures.judge(_reading(moment), limits))
        if second % TURN_S == 0:
            turn = _turn(second, moment, policy.rungs)
            rungs = policy.rungs
            moves += policy.turn(turn)
            response = sum(part.took_ms for part in turn.parts.values())
            lines.append(Line(second, moment.load, rungs, response, tuple(sorted(turn.late)), tuple(moves)))
            moves = []
    return lines


def _reading(moment: Moment) -> Reading:
    others = min(1.0, moment.load / CORES)
    gpu = Gpu("GPU 0", heat=Heat("GPU 0", moment.hot_c, 83.0))
    return Reading(cpu=min(1.0, others + 0.35), others=others, memory=0.4, gpus=(gpu,))


def _turn(at_s: float, moment: Moment, rungs: dict[str, int]) -> Turn:
    slower = 1 + moment.load / CORES
    parts = {}
    for name, (budget, costs) in STAGES.items():
        took = costs[rungs[name]] * slower * moment.slow.get(name, 1.0)
        parts[name] = Part(took, budget, costs[rungs[name]])
    late = frozenset(name for name, part in parts.items() if part.took_ms > part.budget_ms)
    whole = Part(sum(part.took_ms for part in parts.values()), 700)
    return Turn(at_s, parts, late, whole, rungs)


def text(name: str, limits: Governor) -> str:
    """A trace for people: time, load, the rung of each stage, the response, what was late, and the moves."""
    what, turns, trace = TRACES[name]
    lines = [f"{name}: {what}", f"{'s':>5} {'load':>5}  {' '.join(STAGES)}  response"]
    for line in simulate(trace, turns, limits):
        rungs = " ".join(f"{line.rungs[stage]:>{len(stage)}}" for stage in STAGES)
        late = f"  late: {', '.join(line.late)}" if line.late else ""
        lines.append(f"{line.at_s:5.0f} {line.load:5.1f}  {rungs}  {line.response_ms:5.0f} ms{late}")
        lines += [f"{'':14}{move.stage} {move.before} → {move.to}: {move.reason}" for move in line.moves]
    return "\n".join(lines)


def main() -> int:
    """Print the traces that the command line names."""
    limits = load(environ={}).governor
    names = sys.argv[1:] or list(TRACES)
    if unknown := [name for name in names if name not in TRACES]:
        print(f"there is no trace {unknown[0]}; the traces are {', '.join(TRACES)}", file=sys.stderr)
        return 2
    print("\n\n".join(text(name, limits) for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
