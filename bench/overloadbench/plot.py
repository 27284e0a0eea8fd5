"""A run under load as a picture: SVG, written by hand, so that nothing has to be installed for it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .ride import Ride
from .verdict import Answer, answers

WIDTH, LEFT, RIGHT, TOP = 900, 90, 30, 34
LANE, LANES_GAP, RESPONSES, BOTTOM = 34, 12, 220, 46
COLOURS = {"asr": "#2471a3", "ending": "#7d6608", "llm": "#c0392b", "vocoder": "#1e8449"}
LOAD, GOOD, DEGRADED, MISSED = "#f5cba7", "#c0392b", "#b9770e", "#000000"
GOAL_MS, MOST_MS = 800.0, 2000.0
"""The line that a response shall stay under, and where the axis ends. What lies beyond is drawn at the edge, hollow."""


def draw(ride: Ride, title: str) -> str:
    """Over the time of the track: the load, the rung of each stage that has moved, the response to each utterance."""
    stages = [stage for stage in COLOURS if any(move.stage == stage for move in ride.moves)] or list(COLOURS)[:1]
    height = TOP + len(stages) * LANE + LANES_GAP + RESPONSES + BOTTOM
    full = LEFT + WIDTH + RIGHT
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{full}" height="{height}" font-family="sans-serif" '
            'font-size="12">'
        ),
        f'<rect width="{full}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20">{escape(title)}</text>',
        *_load(ride, height),
    ]
    for number, stage in enumerate(stages):
        parts += _rungs(ride, stage, TOP + number * LANE)
    parts += _responses(ride, answers(ride), TOP + len(stages) * LANE + LANES_GAP)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(ride: Ride, at_s: float) -> float:
    return LEFT + WIDTH * min(max(at_s, 0.0), ride.seconds) / ride.seconds


def _load(ride: Ride, height: int) -> list[str]:
    if ride.load is None:
        return []
    begin, end = (_x(ride, each) for each in ride.load)
    return [
        (
            f'<rect x="{begin:.1f}" y="{TOP}" width="{end - begin:.1f}" height="{height - TOP - BOTTOM}" '
            f'fill="{LOAD}" fill-opacity="0.5"/>'
        ),
        f'<text x="{(begin + end) / 2:.1f}" y="{TOP - 4}" text-anchor="middle" fill="#a04000">load</text>',
    ]


def _rungs(ride: Ride, stage: str, top: float) -> list[str]:
    """A line in steps: the best rung is above."""
    moves = [move for move in ride.moves if move.stage == stage]
    worst = max([move.rung for move in ride.moves], default=1) or 1
    step = (LANE - 14) / worst
    at, y = _x(ride, 0), float(top) + 6
    path, parts = [f"M{at:.1f},{y:.1f}"], []
    for move in moves:
        at, y = _x(ride, move.at_s), top + 6 + step * move.rung
        path.append(f"H{at:.1f}V{y:.1f}")
        parts.append(
            f'<circle cx="{at:.1f}" cy="{y:.1f}" r="2.5" fill="{COLOURS[stage]}"><title>'
            f"{escape(f'{move.at_s:.0f} s: rung {move.rung}, {move.reason}')}</title></circle>"
        )
    path.append(f"H{_x(ride, ride.seconds):.1f}")
    return [
        f'<text x="{LEFT - 8}" y="{top + LANE / 2 + 2:.0f}" text-anchor="end">{stage}</text>',
        f'<path d="{"".join(path)}" fill="none" stroke="{COLOURS[stage]}" stroke-width="2"/>',
        *parts,
    ]


def _responses(ride: Ride, found: Sequence[Answer], top: float) -> list[str]:
    base = top + RESPONSES
    parts = [f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{RESPONSES}" fill="none" stroke="#888"/>']
    for ms in range(0, int(MOST_MS) + 1, 400):
        y = base - RESPONSES * ms / MOST_MS
        dashed = ' stroke-dasharray="6 3" stroke="#555"' if ms == GOAL_MS else ' stroke="#eee"'
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"{dashed}/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{ms}</text>')
    for seconds in range(0, int(ride.seconds) + 1, 30):
        parts.append(f'<text x="{_x(ride, seconds):.0f}" y="{base + 18:.0f}" text-anchor="middle">{seconds}</text>')
    legend = "response to each utterance, ms (orange: a phrase instead of an answer; cross: none), over seconds"
    parts.append(f'<text x="{LEFT + WIDTH / 2}" y="{base + 38:.0f}" text-anchor="middle">{legend}</text>')
    return parts + [_mark(ride, each, base) for each in found]


def _mark(ride: Ride, answer: Answer, base: float) -> str:
    x = _x(ride, answer.at_s)
    if answer.response_ms is None:
        y = base - RESPONSES + 8
        return (
            f'<g><title>{answer.at_s:.0f} s: no answer</title><path d="M{x - 4:.1f},{y - 4:.1f}l8,8m0,-8l-8,8" '
            f'stroke="{MISSED}" stroke-width="1.5"/></g>'
        )
    y = base - RESPONSES * min(answer.response_ms / MOST_MS, 1)
    colour = DEGRADED if answer.degraded or answer.held else GOOD
    fill = "none" if answer.response_ms > MOST_MS else colour
    title = f"{answer.at_s:.0f} s: {answer.response_ms:.0f} ms"
    return f'<g><title>{title}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="4" stroke="{colour}" fill="{fill}"/></g>'
