"""The page of one engine, put together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from engine import NAME
from engine.config import Config
from engine.health_command import troubles
from engine.hub import Happening, Hub
from engine.snapshot import Observer
from engine.story import OUTCOMES
from engine.supervisor import Supervisor
from engine.web.feed import Feed
from engine.web.levels import RingLevels
from engine.web.numbers import shown
from engine.web.prometheus import expose
from engine.web.server import PAGE, Web


def build(config: Config, hub: Hub, supervisor: Supervisor, name: str) -> Web:
    """name: of the engine, as at the door."""
    about = {"version": version(NAME), "profile": config.profile, "name": name}
    ended = dict.fromkeys(OUTCOMES, 0)  # from 0 on: Prometheus sees no growth in what was not there before
    # One for each: how busy a process is it tells since it was asked last.
    of_page, of_metrics = Observer(supervisor.instance), Observer(supervisor.instance)

    def count(happening: Happening) -> None:
        if happening.name == "answer.ended":
            outcome = happening.fields["outcome"]
            ended[outcome] = ended.get(outcome, 0) + 1

    def health() -> tuple[bool, Mapping[str, Any]]:
        why = list(troubles(of_metrics.take()))
        return not why, {"healthy": not why, "why": why, "state": hub.now.state}

    hub.subscribe(count)
    feed = Feed(
        hub,
        {**about, "page": _fingerprint()},
        lambda: RingLevels(supervisor.instance),
        lambda: shown(of_page.take()),
        config.http.transcript,
    )
    return Web(feed, lambda: expose(of_metrics.take(), about, hub.now.state, ended), health, config.http.hosts)


def _fingerprint() -> str:
    """Changes when the page does: one that is open in a browser knows then that it is of yesterday."""
    whole = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(PAGE.iterdir())))
    return whole.hexdigest()[:12]
