"""What ends a command from outside: Ctrl-C, SIGTERM, a terminal that is closed. Each has its exit code
(engine/errors.py)."""

from __future__ import annotations

import signal
from collections.abc import Callable

_CODES = {signal.SIGINT: 128 + signal.SIGINT, signal.SIGHUP: 128 + signal.SIGHUP, signal.SIGTERM: 0}


def on_signal(end: Callable[[int], object]) -> None:
    """From now on a signal calls `end` with its exit code, in the main thread, wherever that is just then.

    What whoever started us had Ctrl-C or a closed terminal ignored for (`nohup`, a script's background job) stays
    ignored.
    """
    for number, code in _CODES.items():
        if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _calling(end, code))


def _calling(end: Callable[[int], object], code: int) -> Callable[..., None]:
    def called(*_: object) -> None:
        end(code)

    return called


def ignore() -> None:
    """From now on no signal changes how the command ends."""
    for number in _CODES:
        signal.signal(number, signal.SIG_IGN)
