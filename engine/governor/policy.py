"""Which stage goes to another rung, and when. Observations in, moves out: no clock, no files, nothing to wait for.

Down: a stage that was late in `misses` of the last FEW turns, or, while there is pressure or on a rung that it has only
just gone up to, once; and while pressure lasts another one each time that `pressure_s` has passed: the one that is late
most, else the one whose step saves most. Up: one rung with each turn, once `calm_turns` turns in a row had room to
spare and no pressure; and while nobody speaks, one each IDLE_S.

It would swing for ever on a load that a lower rung cures and a higher one brings back. So what had to come down soon
after it went up waits twice as long the next time, and so on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.governor.pressure import Pressure
from engine.governor.settings import FEW, Governor

MANY = 20
"""Turns that a p95 is taken of, once there are so many."""
IDLE_S = 30.0
"""While nobody speaks, so long without pressure counts like a run of calm turns."""
SOON = 12
"""Turns: what comes down before then was not fit to go up."""
MOST_PATIENCE = {"late": 16, "pressure": 4}
"""How many times as long it waits then, at most. What others do to the machine may be over any time."""
DEATHS, DEATHS_S = 2, 60.0
"""A worker that dies so often within so long on one rung is taken off it."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """A stage that can move. gpu: which of its rungs, the best first, compute on a GPU."""

    stage: str
    gpu: tuple[bool, ...]

    @property
    def bottom(self) -> int:
        return len(self.gpu) - 1


@dataclass(frozen=True, slots=True)
class Part:
    """What a stage took of a response, against its budget; and its processor time in the turn, ms; 0: not known."""

    took_ms: float
    budget_ms: float
    cpu_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn that is over. late: steps that missed their deadline. whole: the response, against its budget; None:
    there was none. rungs: on which rung each stage was in it."""

    at_s: float
    parts: Mapping[str, Part]
    late: frozenset[str] = frozenset()
    whole: Part | None = None
    rungs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Move:
    """A stage goes to another rung; 0 is the best. reason: for people."""

    stage: str
    before: int
    to: int
    reason: str

    @property
    def down(self) -> bool:
        return self.to > self.before


class _Stage:
    """What is known of a stage on its present rung."""

    def __init__(self, ladder: Ladder) -> None:
        self.ladder, self.at = ladder, 0
        self.patience = 1
        self.raised: int | None = None
        """The turn after which it went up, while that is a trial."""
        self.deaths: deque[float] = deque(maxlen=DEATHS)
        self.cpu_ms: dict[int, float] = {}
        """What a turn costs on each rung, learnt."""
        self.forget()

    def forget(self) -> None:
        """On another rung nothing of it counts."""
        self.stands = self.at
        """Where it was in the last turn: lower than `at` while its worker leaves that rung alone."""
        self.late: deque[bool] = deque(maxlen=FEW)
        self.took: deque[float] = deque(maxlen=MANY)
        """In parts of the budget."""
        self.deaths.clear()

    @property
    def saves_ms(self) -> float:
        """What the next step down saves, of a turn's processor time: as was learnt, or half."""
        here = self.cpu_ms.get(self.at, 0.0)
        return here - self.cpu_ms.get(self.at + 1, here / 2)

    @property
    def p95(self) -> float:
        """Of what it took, in parts of its budget; 0 while there is too little to tell."""
        if len(self.took) < MANY:
            return 0.0
        return sorted(self.took)[math.ceil(0.95 * len(self.took)) - 1]

    @property
    def urgency(self) -> tuple[int, float, float]:
        """The higher, the sooner it is to give way."""
        return sum(self.late), max(self.took, default=0.0) if any(self.late) else 0.0, self.saves_ms


class Policy:
    """For the stages that have more than one rung. limits: [governor], as it is at present."""

    def __init__(self, ladders: Sequence[Ladder], limits: Governor) -> None:
        self.limits = limits
        self._stages = {ladder.stage: _Stage(ladder) for ladder in ladders}
        self._turns = self._calm = 0
        """How many there were, and how many of the last had room to spare."""
        self._whole: deque[bool] = deque(maxlen=FEW)
        """Whether the whole response was late though no stage was."""
        self._pressures: Sequence[Pressure] = ()
        self._since_s: float | None = None
        """When the present pressure began."""
        self._lowered_s = self._busy_s = -math.inf
        """When pressure last took a stage down; when there was pressure, a turn or an idle move last."""

    @property
    def rungs(self) -> dict[str, int]:
        """Where each stage is to be."""
        return {name: stage.at for name, stage in self._stages.items()}

    @property
    def at_top(self) -> bool:
        return not any(stage.at for stage in self._stages.values())

    # What is observed.

    def turn(self, turn: Turn) -> list[Move]:
        """A turn is over."""
        self._turns += 1
        self._busy_s = turn.at_s
        for name, stage in self._stages.items():
            self._learn(stage, turn, name)
        self._whole.append(turn.whole is not None and turn.whole.took_ms > turn.whole.budget_ms and not turn.late)
        self._calm = self._calm + 1 if self._has_room(turn) else 0
        moves = [self._down(name, "late", why) for name, why in self._too_late()]
        if not moves:
            moves += self._up(turn.at_s, f"{self._calm} turns in a row had room to spare")
        self._settle()
        return moves

    def sample(self, at_s: float, pressures: Sequence[Pressure]) -> list[Move]:
        """The sensors were read."""
        self._pressures = pressures
        if not pressures:
            self._since_s = None
            if at_s - self._busy_s < IDLE_S * max((s.patience for s in self._stages.values() if s.at), default=1):
                return []
            self._busy_s = at_s
            return self._up(at_s, "nothing presses, and nobody speaks", idle=True)
        self._calm, self._busy_s = 0, at_s
        self._since_s = at_s if self._since_s is None else self._since_s
        lasts_s = self.limits.pressure_s
        if at_s - self._since_s < lasts_s or at_s - self._lowered_s < lasts_s:
            return []
        for pressure in pressures:
            if (name := self._yielding(pressure)) is not None:
                self._lowered_s = at_s
                return [self._down(name, "pressure", pressure.reason)]
        return []

    def blind(self) -> None:
        """The sensors tell nothing any more: what they told last is over, as far as anybody knows."""
        self._pressures, self._since_s = (), None

    def died(self, at_s: float, name: str) -> list[Move]:
        """The worker of a stage has ended by a fault."""
        stage = self._stages.get(name)
        if stage is None or stage.at == stage.ladder.bottom:
            return []
        stage.deaths.append(at_s)
        if len(stage.deaths) < DEATHS or at_s - stage.deaths[0] > DEATHS_S:
            return []
        stage.raised = stage.raised or self._turns
        return [self._down(name, "late", f"its process ended {DEATHS} times within a minute")]

    def fix(self, rungs: Mapping[str, int]) -> list[Move]:
        """Every stage goes to its rung in there, or, where it has none, to its last."""
        moves = []
        for name, stage in self._stages.items():
            to = min(rungs.get(name, stage.ladder.bottom), stage.ladder.bottom)
            if to != stage.at:
                moves.append(self._move(name, to, "governor.mode is off"))
        return moves

    # Down.

    def _learn(self, stage: _Stage, turn: Turn, name: str) -> None:
        rung = turn.rungs.get(name, stage.at)
        if rung < stage.at:
            return  # it has gone down since
        # Who is late on a lower rung is not going to be in time on this one.
        stage.stands = rung
        stage.late.append(name in turn.late)
        if (part := turn.parts.get(name)) is not None:
            if rung == stage.at:
                stage.took.append(part.took_ms / part.budget_ms)
            if part.cpu_ms:
                known = stage.cpu_ms.get(rung, part.cpu_ms)
                stage.cpu_ms[rung] = known + (part.cpu_ms - known) / 4

    def _too_late(self) -> Iterator[tuple[str, str]]:
        """The stages that have to go down, and why."""
        found = False
        for name, stage in self._stages.items():
            if stage.at == stage.ladder.bottom:
                continue
            count = sum(stage.late)
            enough = 1 if self._pressures or stage.raised is not None else self.limits.misses
            if count and stage.late[-1] and count >= enough:
                found = True
                also = f"; {self._pressures[0].reason}" if self._pressures else ""
                yield (
                    name,
                    (f"it was late in {count} of {len(stage.late)} turns" if count > 1 else "it was late") + also,
                )
            elif stage.p95 > 1:
                found = True
                yield name, f"p95 is {100 * stage.p95:.0f} % of its budget"
        if not found and sum(self._whole) >= self.limits.misses and self._whole[-1]:
            movable = [name for name, stage in self._stages.items() if stage.at < stage.ladder.bottom]
            if movable:
                self._whole.clear()
                yield self._first(movable), "the whole answer was late"

    def _yielding(self, pressure: Pressure) -> str | None:
        """The stage that gives way to this pressure; None: none can."""
        movable = [
            name
            for name, stage in self._stages.items()
            if stage.at < stage.ladder.bottom
            and (not pressure.gpu or stage.ladder.gpu[stage.at])
            and pressure.stage in ("", name)
        ]
        return self._first(movable) if movable else None

    def _first(self, names: Collection[str]) -> str:
        return max(names, key=lambda name: self._stages[name].urgency)

    def _down(self, name: str, kind: str, reason: str) -> Move:
        stage = self._stages[name]
        if stage.raised is not None:  # it was tried in vain
            stage.patience = max(stage.patience, min(2 * stage.patience, MOST_PATIENCE[kind]))
        stage.raised, self._calm = None, 0
        return self._move(name, min(max(stage.at, stage.stands) + 1, stage.ladder.bottom), reason)

    # Up.

    def _has_room(self, turn: Turn) -> bool:
        spare = self.limits.spare_percent / 100
        parts = [*turn.parts.values(), *([turn.whole] if turn.whole else [])]
        calm = not self._pressures and not turn.late
        return calm and all(part.took_ms <= spare * part.budget_ms for part in parts)

    def _up(self, at_s: float, reason: str, idle: bool = False) -> list[Move]:
        """One stage goes up, the one that costs least there: of those that have waited long enough."""
        if self._pressures:
            return []
        ready = [
            name
            for name, stage in self._stages.items()
            if stage.at and (idle or self._calm >= self.limits.calm_turns * stage.patience)
        ]
        if not ready:
            return []
        name = min(ready, key=lambda name: self._costs_more(self._stages[name]))
        self._stages[name].raised = self._turns
        self._busy_s = at_s
        return [self._move(name, self._stages[name].at - 1, reason)]

    def _costs_more(self, stage: _Stage) -> float:
        here = stage.cpu_ms.get(stage.at, 0.0)
        return stage.cpu_ms.get(stage.at - 1, 2 * here) - here

    def _settle(self) -> None:
        """What has stayed up for long enough has passed its trial."""
        for stage in self._stages.values():
            if stage.raised is not None and self._turns - stage.raised >= SOON:
                stage.raised, stage.patience = None, max(1, stage.patience // 2)

    def _move(self, name: str, to: int, reason: str) -> Move:
        stage = self._stages[name]
        before, stage.at = stage.at, to
        stage.forget()
        return Move(name, before, to, reason)
