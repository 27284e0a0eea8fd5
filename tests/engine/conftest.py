"""What the tests of models share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import FILES, REPO, Desk
from tests.hub import Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub().serving() as made:
        yield made


@pytest.fixture
def desk(hub: Hub, tmp_path: Path) -> Desk:
    hub.add(REPO, FILES)
    return Desk(hub, tmp_path)
