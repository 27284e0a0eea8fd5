"""Runs scenarios by name, all of them when none is named, in the process that the tests start; one line of JSON."""

from __future__ import annotations

import json
import sys

from . import histories, leases, sleepers, streams, values, warden

SCENARIOS = {**streams.SCENARIOS, **histories.SCENARIOS, **values.SCENARIOS, **sleepers.SCENARIOS, **leases.SCENARIOS}


def main(names: list[str], package: str) -> None:
    """For each scenario what broke (None: nothing), how many steps each operation had, and where it was killed."""
    warden.begin(package)
    broken: dict[str, str | None] = {}
    for name in names or SCENARIOS:
        try:
            SCENARIOS[name]()
            broken[name] = None
        except Exception as error:
            broken[name] = f"{type(error).__name__}: {error}"
            warden.kill_the_rest()
    print(json.dumps({"broken": broken, "steps": warden.done, "sites": sorted(warden.sites)}))


if __name__ == "__main__":
    main(sys.argv[2:], sys.argv[1])
