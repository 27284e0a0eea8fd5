"""The kernel's small files, of which any may be missing or unreadable."""

from __future__ import annotations

from pathlib import Path


def text(path: Path) -> str:
    """What it holds; empty where it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """The whole number that it holds; None where it cannot be read or holds none."""
    try:
        return int(text(path))
    except ValueError:
        return None
