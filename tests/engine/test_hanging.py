"""When a worker is taken for hanging: by its heartbeat, or by the end of the call that it said it is in."""

from __future__ import annotations

import pytest

from engine.hanging import hangs_at

BEAT, HEARTBEAT = 1_000, 500
CALL, APART = 9_000, 1_200


@pytest.mark.parametrize(
    ("bound", "apart", "heartbeat", "expected"),
    [
        (0, 0, HEARTBEAT, (BEAT + HEARTBEAT, False)),
        (CALL, 0, HEARTBEAT, (CALL, True)),
        (0, APART, HEARTBEAT, (APART, True)),
        (CALL, APART, HEARTBEAT, (APART, True)),
        (0, CALL, HEARTBEAT, (BEAT + HEARTBEAT, False)),  # its loop is to come round before
        (0, 0, 0, (0, False)),
        (CALL, APART, 0, (0, False)),
    ],
)
def test_whichever_ends_first_counts_and_nothing_where_hangs_are_not_watched(
    bound: int, apart: int, heartbeat: int, expected: tuple[int, bool]
) -> None:
    assert hangs_at(bound, BEAT, apart, heartbeat) == expected
