"""Where the time of a turn went: what each stage did in it against its budget, the parts that the response is the sum
of, and a drawing of both.

Everything is made from a turn's record (engine/story.py) and nothing else, live or years later. Times are in ms from
the end of the user's speech as the engine heard it; before it they are negative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TENTHS = 10
"""Records hold tenths of a ms. Parts are counted in whole ones, so that they sum exactly."""


@dataclass(frozen=True, slots=True)
class Span:
    """What one stage did in the turn. None: it never did. What begin, first and end are of each stage stands at
    `engine.story.Times`."""

    stage: str
    begin: float | None
    first: float | None
    """Its first output."""
    end: float | None
    took: float | None
    """How long the response waited for it: what counts against the budget. What it did on a guess, beside the wait,
    costs nothing. None: the response did not wait for it, or there was none."""
    budget: float | None
    """None: it has none."""
    over: bool
    """It took longer than that, or the engine did not wait for it any longer."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the response: it begins where the last one ended."""

    label: str
    stage: str
    begin: float
    ms: float
    budget: float | None
    over: bool

    @property
    def end(self) -> float:
        return round(self.begin + self.ms, 1)


@dataclass(frozen=True, slots=True)
class _Step:
    """What a part is called, whose it is, and the stage and mark with which it is over."""

    label: str
    stage: str
    until: str
    mark: str


_STEPS = (
    _Step("wait", "turns", "turns", "ended"),
    _Step("asr", "asr", "asr", "ended"),
    _Step("llm", "llm", "vocoder", "began"),  # its first clause is whole, and taken
    _Step("voice", "vocoder", "vocoder", "first"),
    _Step("play", "audio", "audio", "first"),
)
STAGES = ("vad", *(step.stage for step in _STEPS), "floor")
LABELS = {step.stage: step.label for step in _STEPS}
"""What a stage's part of the response is called."""
WHOLE = "response"
"""The budget of the whole."""


def parts(record: Mapping[str, Any]) -> list[Part]:
    """The response in its consecutive parts. They sum to `response_ms`; without one they go as far as the turn came."""
    response = record["response_ms"]
    whole = None if response is None else round(response * _TENTHS)
    now, found = 0, []
    for step in _STEPS:
        at = _mark(record, step.until, step.mark)
        last = step is _STEPS[-1]
        if (at is None or step.stage not in record["stages"]) and not (last and whole is not None):
            continue
        until = whole if last and whole is not None else max(now, round((at or 0.0) * _TENTHS))
        if whole is not None and not last:  # what came only after the first sound (of a phrase) was not waited for
            until = min(until, max(now, whole))
        ms, budget = (until - now) / _TENTHS, _budget(record, step.stage)
        over = (budget is not None and ms > budget) or step.stage in record["late"]
        found.append(Part(step.label, step.stage, now / _TENTHS, ms, budget, over))
        now = until
    return found


def spans(record: Mapping[str, Any]) -> list[Span]:
    """What each stage that had to do with the turn did, in the order in which sound goes through them."""
    took = {part.stage: part for part in parts(record)}
    found = []
    for stage in STAGES:
        times, part = record["stages"].get(stage), took.get(stage)
        if times is None and part is None and stage not in record["late"]:
            continue
        begin, first, end = (_mark(record, stage, mark) for mark in ("began", "first", "ended"))
        over = part.over if part else stage in record["late"]
        found.append(Span(stage, begin, first, end, part.ms if part else None, _budget(record, stage), over))
    return found


def whole(found: list[Part]) -> list[tuple[str, int]]:
    """Label and length of parts in whole ms, so that they sum to their rounded sum."""
    now, told, rounded = 0.0, 0, []
    for part in found:
        now += part.ms
        rounded.append((part.label, round(now) - told))
        told = round(now)
    return rounded


def late(record: Mapping[str, Any]) -> list[str]:
    """The stages that took longer than their budget, or were not waited for."""
    return [span.stage for span in spans(record) if span.over]


def _mark(record: Mapping[str, Any], stage: str, mark: str) -> float | None:
    at: float | None = record["stages"].get(stage, {}).get(mark)
    return at


def _budget(record: Mapping[str, Any], stage: str) -> float | None:
    budget: float | None = record.get("budgets", {}).get(stage)
    return budget


# The drawing.

_WAITED, _BESIDE, _OVER, _LIMIT = "█░▓┊"
LEGEND = f"{_WAITED} the answer waits for it   {_BESIDE} works beside   {_LIMIT} budget   {_OVER} beyond it"
_LABEL, _NUMBERS = 6, 18
NARROWEST = 48
_BEFORE = 1 / 3
"""So much of what follows the end of speech is shown of what came before it, at most."""
_BEYOND = 1.12
"""And of what comes after the first sound."""


def draw(record: Mapping[str, Any], width: int = 80) -> str:
    """The waterfall as lines of text, none longer than `width` (at least NARROWEST): a bar for each stage on one axis
    of time, 0 the end of the user's speech. Empty where no stage did anything that can be shown."""
    rows = spans(record)
    until = record["response_ms"] or max((at for row in rows for at in (row.first, row.end) if at), default=0.0)
    if until <= 0:
        return ""
    begun = [row.begin for row in rows if row.begin is not None and row.stage in ("llm", "vocoder")]
    axis = _Axis(max(min([0.0, *begun]), -until * _BEFORE), until * _BEYOND, max(width, NARROWEST) - _LABEL - _NUMBERS)
    found = parts(record)
    took, ms = {part.stage: part for part in found}, dict(whole(found))
    lines = [" " * _LABEL + axis.ticks()]
    for row in rows:
        label, bar = LABELS.get(row.stage, row.stage), axis.bar(row, took.get(row.stage))
        lines.append(f"{label:<{_LABEL}}{bar}{_numbers(row, ms.get(label))}")
    if record["response_ms"] is not None:
        budget = _budget(record, WHOLE)
        of = f" of {budget:.0f}" if budget is not None else ""
        lines.append(f"{'':{_LABEL}}heard after {record['response_ms']:.0f} ms{of}")
    return "\n".join(line.rstrip() for line in lines)


def _numbers(row: Span, ms: int | None) -> str:
    """ms: how long it was waited for, so that all of them sum to the whole."""
    took = "-" if ms is None else f"{ms}"
    of = "" if row.budget is None else f" of {row.budget:.0f}"
    return f" {took:>4}{of}{' late' if row.over else ''}" if ms is not None or row.over else ""


@dataclass(frozen=True, slots=True)
class _Axis:
    """Time from `begin` to `end` in ms on `cells` signs."""

    begin: float
    end: float
    cells: int

    def _at(self, ms: float) -> int:
        return int((ms - self.begin) / (self.end - self.begin) * self.cells)

    def _fill(self, signs: list[str], begin: float, end: float, sign: str) -> None:
        """At least one sign, if any of it is on the axis."""
        if end < self.begin or begin >= self.end:
            return
        first = max(0, self._at(begin))
        for cell in range(first, min(self.cells, max(self._at(end), first + 1))):
            signs[cell] = sign

    def bar(self, row: Span, part: Part | None) -> str:
        """Its work, and of that what was waited for."""
        signs = [" "] * self.cells
        begin = row.begin if row.begin is not None else row.first
        if begin is not None and row.stage != "audio":  # what is heard goes on for long after the response
            self._fill(signs, begin, self.end if row.end is None else row.end, _BESIDE)
        if part is None:
            return "".join(signs)
        limit = None if part.budget is None else part.begin + part.budget
        if part.ms:
            self._fill(signs, part.begin, part.end, _WAITED)
        if limit is not None:
            if part.end > limit:
                self._fill(signs, limit, part.end, _OVER)
            if self.begin <= limit < self.end:
                signs[self._at(limit)] = _LIMIT
        return "".join(signs)

    def ticks(self) -> str:
        """Numbers below which their moment begins."""
        step = next(step for step in _STEPS_MS if (self.end - self.begin) / step * 7 <= self.cells)
        signs = [" "] * (self.cells + 7)
        at = -(-self.begin // step) * step
        while at < self.end:
            label = f"{at:.0f}"
            cell = self._at(at)
            signs[cell : cell + len(label)] = label
            at += step
        return "".join(signs).rstrip() + " ms"


_STEPS_MS = tuple(base * 10**power for power in range(7) for base in (1, 2, 5))
