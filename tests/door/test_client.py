"""The other end of the door, as `engine say` and its like use it: what they say when nobody lets them in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.door.client import DoorClient
from engine.errors import DoorError
from tests.door.house import House

NOBODY = 65534


def test_a_user_who_may_not_come_in_is_told_so(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        house.place.path.chmod(0)
        root = os.geteuid() == 0
        if root:  # who may everything
            os.seteuid(NOBODY)
        try:
            with pytest.raises(DoorError) as caught:
                DoorClient(house.place.path)
        finally:
            if root:
                os.seteuid(0)
    assert str(caught.value) == (
        f"this user may not come in at {house.place.path}; be the user that the engine runs as, or of its door.group"
    )


def test_a_door_at_which_nobody_listens_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DoorError, match=r"no engine listens at .*/door: No such file or directory; start one with `"):
        DoorClient(tmp_path / "door")
