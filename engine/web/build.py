"""The page of one engine, put together."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from engine import NAME
from engine.channels import ENGINE
from engine.config import Config
from engine.hub import Happening, Hub
from engine.supervisor import Supervisor
from engine.web.feed import Feed
from engine.web.levels import RingLevels
from engine.web.numbers import Numbers, usage
from engine.web.prometheus import expose
from engine.web.server import PAGE, Web


def build(config: Config, hub: Hub, supervisor: Supervisor, name: str) -> Web:
    """name: of the engine, as at the door."""
    about = {"version": version(NAME), "profile": config.profile, "instance": name}
    ended: Counter[str] = Counter()

    def count(happening: Happening) -> None:
        if happening.name == "answer.ended":
            ended[happening.fields["outcome"]] += 1

    def pids() -> Mapping[str, int]:
        return {ENGINE: os.getpid(), **supervisor.pids}

    def metrics() -> bytes:
        return expose(supervisor.telemetry, about, hub.now.state, ended, usage(pids()))

    def health() -> tuple[bool, Mapping[str, Any]]:
        well = bool(supervisor.telemetry.get("engine.go")) and supervisor.is_fresh
        return well, {"ok": well, "state": hub.now.state, "without": supervisor.left_out}

    hub.subscribe(count)
    feed = Feed(
        hub,
        {**about, "page": _fingerprint()},
        lambda: RingLevels(supervisor.instance),
        Numbers(config, supervisor.telemetry, pids).take,
        config.http.transcript,
    )
    return Web(feed, metrics, health, config.http.hosts)


def _fingerprint() -> str:
    """Changes when the page does: one that is open in a browser knows then that it is of yesterday."""
    whole = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(PAGE.iterdir())))
    return whole.hexdigest()[:12]
