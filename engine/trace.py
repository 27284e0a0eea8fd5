"""Turns as a trace that opens in Perfetto (ui.perfetto.dev) or chrome://tracing: a track for each process, slices for
what its stage did, and arrows along which sound became text, text an answer, and that sound.

The format is the Trace Event Format's JSON object. What Perfetto asks of it beside its words: slices of one track lie
in each other or apart, never across; an arrow ends in the slice that is open at its time, so that its events come after
those; times are whole microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.channels import ENGINE
from engine.last_turns import WORDS
from engine.waterfall import STAGES, parts, spans

Event: TypeAlias = dict[str, Any]

_DOES = {
    "vad": ("speech", "said so"),
    "turns": ("waits: has the user finished?", ""),
    "asr": ("recognises", "first words"),
    "llm": ("answers", "first piece"),
    "vocoder": ("makes sound", "first sound"),
    "floor": ("holds the turn", "heard"),
    "audio": ("plays", ""),
}
"""What a stage's slice is called, and the moment of its first output; that of turns and audio is the slice itself."""
_ARROWS = ("vad", "asr", "llm", "vocoder", "audio")
"""Speech, text, answer, sound, and that is heard."""
_LEAST_US = 2
"""A slice is no shorter, or there would be nothing to click on."""
_SECOND_TRACK = 1 << 24
"""Above every process id: where a track has no more room, another one of the same process has its number from here."""
VISITOR, RESPONSE = "visitor", "response"
"""The engine's own tracks: when the user spoke, and what the response is the sum of."""


@dataclass(slots=True)
class _Track:
    """Slices that do not overlap."""

    tid: int
    until_us: int = 0


@dataclass(slots=True)
class _Tracks:
    found: dict[tuple[int, str], list[_Track]] = field(default_factory=dict)
    """Process and name → its tracks."""

    def free(self, pid: int, name: str, from_us: int) -> _Track:
        """One of these where nothing goes on by then."""
        first = not any(pid == other for other, _ in self.found)
        same = self.found.setdefault((pid, name), [])
        for track in same:
            if track.until_us <= from_us:
                return track
        same.append(_Track(pid if first else _SECOND_TRACK + sum(map(len, self.found.values()))))
        return same[-1]


def trace(turns: Sequence[Mapping[str, Any]], engine: str = "", words: bool = False) -> dict[str, Any]:
    """The trace of these turns' records, each with its `pids` (engine/last_turns.py). words: with what was said.

    Raises KeyError where a record lacks what older versions did not write.
    """
    tracks, events = _Tracks(), list[Event]()
    for number, turn in enumerate(sorted(turns, key=lambda turn: turn["at_ns"]), 1):
        events += _turn(turn, number, tracks, words)
    events.sort(key=lambda event: (event["ts"], _ORDER[event["ph"]], -event.get("dur", 0)))
    return {
        "traceEvents": [*_names(tracks), *events],
        "displayTimeUnit": "ms",
        "otherData": {"engine": engine, "clock": "CLOCK_MONOTONIC", "turns": len(turns)},
    }


_ORDER = {"X": 0, "i": 1, "s": 2, "t": 2, "f": 2, "C": 3}


def _turn(turn: Mapping[str, Any], number: int, tracks: _Tracks, words: bool) -> Iterable[Event]:
    pids, zero_us = turn["pids"], turn["at_ns"] // 1000
    whose = f"turn {turn['session']}.{turn['turn']}"
    slices: dict[str, Event] = {}
    for span in spans(turn):
        begin, end = span.begin if span.begin is not None else span.first, span.end
        if begin is None or span.stage not in pids:
            continue
        end = max([at for at in (end, span.first, begin) if at is not None])
        does, first = _DOES[span.stage]
        told = {"turn": whose, "took_ms": span.took, "budget_ms": span.budget, "late": span.over}
        made = _slice(tracks, pids[span.stage], span.stage, f"{whose}: {does}", zero_us, begin, end, told)
        slices[span.stage] = made
        yield made
        if first and span.first is not None:
            yield _moment(made, first, zero_us + _us(span.first))
    yield from _arrows(turn, slices, number, whose)
    yield from _engines(turn, tracks, pids.get(ENGINE, 0), zero_us, whose, words)


def _engines(
    turn: Mapping[str, Any], tracks: _Tracks, pid: int, zero_us: int, whose: str, words: bool
) -> Iterable[Event]:
    """The user's speech, the response and its parts, and the rungs."""
    spoke = (turn["speech"]["start_s"] - turn["speech"]["end_s"]) * 1000
    said = {name: turn[name] for name in WORDS} if words else {}
    about = {"outcome": turn["outcome"], "source": turn["source"], "late": turn["late"], "floor": turn["floor"]}
    if spoke < 0:
        yield _slice(tracks, pid, VISITOR, whose, zero_us, spoke, 0.0, {**about, **said})
    found, ms = parts(turn), turn["response_ms"]
    if ms is not None and ms > 0:
        whole = _slice(tracks, pid, RESPONSE, f"{whose}: heard after {ms:.0f} ms", zero_us, 0.0, ms, {**about, **said})
        yield whole
        for part in found:
            if part.ms > 0:
                args = {"ms": part.ms, "budget_ms": part.budget, "late": part.over}
                yield {
                    **whole,
                    "name": part.label,
                    "ts": zero_us + _us(part.begin),
                    "dur": _us(part.ms),
                    "args": args,
                }
    if turn["rungs"]:
        yield {"ph": "C", "name": "rung", "pid": pid, "tid": pid, "ts": zero_us, "args": dict(turn["rungs"])}


def _slice(
    tracks: _Tracks, pid: int, track: str, name: str, zero_us: int, begin: float, end: float, args: Event
) -> Event:
    ts, dur = zero_us + _us(begin), max(_us(end) - _us(begin), _LEAST_US)
    on = tracks.free(pid, track, ts)
    on.until_us = ts + dur
    return {
        "ph": "X",
        "name": name,
        "cat": track,
        "pid": pid,
        "tid": on.tid,
        "ts": ts,
        "dur": dur,
        "args": args,
    }


def _moment(made: Event, name: str, ts: int) -> Event:
    """A first output, inside its slice."""
    at = min(max(ts, made["ts"]), made["ts"] + made["dur"])
    return {"ph": "i", "s": "t", "name": name, "cat": made["cat"], "pid": made["pid"], "tid": made["tid"], "ts": at}


def _arrows(turn: Mapping[str, Any], slices: Mapping[str, Event], number: int, whose: str) -> Iterable[Event]:
    """From slice to slice: each leaves where the next stage got something of this one, if it lasted until then."""
    ends = [stage for stage in _ARROWS if stage in slices]
    if len(ends) < 2:
        return
    at = 0
    for place, stage in enumerate(ends):
        made = slices[stage]
        last = made["ts"] + made["dur"] - 1
        then = slices[ends[place + 1]]["ts"] if place + 1 < len(ends) else made["ts"]
        at = min(max(at, then, made["ts"]), last)
        phase = "s" if place == 0 else "f" if place == len(ends) - 1 else "t"
        bound = {"bp": "e"} if phase == "f" else {}
        common = {"name": "turn", "cat": "turn", "id": number, "args": {"turn": whose}}
        yield {"ph": phase, **common, "pid": made["pid"], "tid": made["tid"], "ts": at, **bound}


def _us(ms: float) -> int:
    return round(ms * 1000)


def _names(tracks: _Tracks) -> Iterable[Event]:
    """The processes in the order in which sound goes through them, and the names of their tracks."""
    order = {name: place for place, name in enumerate((VISITOR, RESPONSE, *STAGES))}
    told = set()
    for (pid, name), same in tracks.found.items():
        if pid not in told:
            told.add(pid)
            title = ENGINE if name in (VISITOR, RESPONSE) else f"{ENGINE}:{name}"
            yield _metadata("process_name", pid, pid, {"name": title})
            yield _metadata("process_sort_index", pid, pid, {"sort_index": order[name]})
        for track in same:
            yield _metadata("thread_name", pid, track.tid, {"name": name})
            yield _metadata("thread_sort_index", pid, track.tid, {"sort_index": order[name]})


def _metadata(name: str, pid: int, tid: int, args: Event) -> Event:
    return {"ph": "M", "name": name, "pid": pid, "tid": tid, "ts": 0, "args": args}
