"""When a worker is taken for hanging: one rule for the supervisor, which kills it, and for those who look on."""

from __future__ import annotations


def hangs_at(bound_ns: int, beat_ns: int, apart_ns: int, heartbeat_ns: int) -> tuple[int, bool]:
    """When it hangs if it shows no sign of life before, CLOCK_MONOTONIC (0: never), and whether the hard limit of a
    call says so; else its heartbeat does.

    bound_ns: its loop is in a call that is to end by then; 0: in none. apart_ns: so is a thread beside its loop, which
    may go round meanwhile. beat_ns: it last came round. heartbeat_ns: how long it may take to; 0: it is not watched.
    """
    if not heartbeat_ns:
        return 0, False
    until, limited = (bound_ns, True) if bound_ns else (beat_ns + heartbeat_ns, False)
    return (apart_ns, True) if 0 < apart_ns < until else (until, limited)
