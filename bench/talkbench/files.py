"""Files that are written anew while a bench runs."""

from __future__ import annotations

from pathlib import Path


def check(*paths: Path | None) -> None:
    """SystemExit: one of these lies in a folder that is not there."""
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise SystemExit(f"{path}: there is no such folder")


def replace(path: Path, text: str) -> None:
    """Write it as a whole: a run that is cut off leaves the last one."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)
