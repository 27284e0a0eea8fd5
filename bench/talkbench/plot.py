"""The curve as a picture: SVG, written by hand, so that nothing has to be installed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, GAP = 420, 320, 60, 50, 40, 40
COLOURS = {"engine": "#c0392b", "pipecat": "#2471a3", "livekit": "#1e8449"}
_MS, _RATE = 1000.0, 0.6
"""Where the axes end. What lies beyond is drawn at the edge, hollow."""


def draw(points: Sequence[Mapping[str, Any]]) -> str:
    """Two panels, p50 and p95 against the rate of cut-ins; a dot for each setting of each system."""
    width, height = 2 * (LEFT + WIDTH + GAP), TOP + HEIGHT + BOTTOM
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
            'font-size="12">'
        ),
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, rank in enumerate(("p50", "p95")):
        parts += _panel(number * (LEFT + WIDTH + GAP) + LEFT, rank, points)
    for number, (system, colour) in enumerate(COLOURS.items()):
        x = LEFT + 12 + number * 90
        parts += [_dot(x, 18, colour, hollow=False), f'<text x="{x + 9}" y="22">{escape(system)}</text>']
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(left: float, rank: str, points: Sequence[Mapping[str, Any]]) -> list[str]:
    base = TOP + HEIGHT
    parts = [f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>']
    for ms in range(0, int(_MS) + 1, 200):
        x = left + WIDTH * ms / _MS
        parts.append(f'<text x="{x:.0f}" y="{base + 18}" text-anchor="middle">{ms}</text>')
    for percent in range(0, int(100 * _RATE) + 1, 10):
        y = base - HEIGHT * percent / 100 / _RATE
        parts.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{percent} %</text>')
        parts.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{y:.0f}" y2="{y:.0f}" stroke="#eee"/>')
    label = f"response {rank}, ms; upwards: turns taken from the user"
    parts.append(f'<text x="{left + WIDTH / 2}" y="{base + 38}" text-anchor="middle">{label}</text>')
    for point in points:
        ms, cut = point[f"{rank}_ms"], point["cut_in_rate"]
        x, y = left + WIDTH * min(ms / _MS, 1), base - HEIGHT * min(cut / _RATE, 1)
        title = escape(f"{point['system']} {point['setting']}: {ms:.0f} ms, {cut:.1%}")
        dot = _dot(x, y, COLOURS[point["system"]], hollow=ms > _MS or cut > _RATE)
        parts.append(f"<g><title>{title}</title>{dot}</g>")
    return parts


def _dot(x: float, y: float, colour: str, *, hollow: bool) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" stroke="{colour}" fill="{"none" if hollow else colour}"/>'
