"""How grave a line is, for journals that ask: systemd's reads a number in angle brackets in front of each line that a
service prints (sd-daemon(3)).

JOURNAL_STREAM says which stream leads there (systemd.exec(5)). A terminal, a file or a pipe is shown no numbers.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TextIO

ERROR, WARNING, NOTICE, INFO, DEBUG = 3, 4, 5, 6, 7
"""As in syslog(3)."""


@functools.lru_cache(maxsize=8)
def _leads_to(number: int, journal: str) -> bool:
    try:
        status = os.fstat(number)
    except OSError:
        return False
    return journal == f"{status.st_dev}:{status.st_ino}"


def is_journal(stream: TextIO) -> bool:
    """What is written to this stream is read by a journal."""
    journal = os.environ.get("JOURNAL_STREAM", "")
    try:
        return bool(journal) and _leads_to(stream.fileno(), journal)
    except (OSError, ValueError):  # it has no number, or is closed
        return False


def marked(text: str, level: int, stream: TextIO) -> str:
    """The text as it is printed there: for a journal it is one line, whatever is in it, and says how grave it is."""
    return f"<{level}>{' '.join(text.split())}" if is_journal(stream) else text


def say(text: str, level: int = ERROR) -> None:
    """A line on stderr, at once."""
    print(marked(text, level, sys.stderr), file=sys.stderr, flush=True)
