"""Short turns on the processor, where the kernel knows of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: whoever runs the tests stays as they are.
_LOOK = """
import json, os
from pathlib import Path
from engine.scheduling import be_brief, be_usual

def look():
    lines = Path("/proc/self/sched").read_text().splitlines() if Path("/proc/self/sched").exists() else []
    slices = [int(line.split(":")[1]) for line in lines if line.startswith("se.slice")]
    return [os.nice(0), os.sched_getscheduler(0), *slices]

os.nice(3)
be_usual()  # whoever runs the tests may be brief
seen = [look()]
for change in (be_brief, be_usual):
    change()
    seen.append(look())
print(json.dumps(seen))
"""


def test_a_brief_thread_has_short_turns_and_the_same_priority() -> None:
    done = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True)
    before, brief, after = json.loads(done.stdout)
    assert before == after
    assert before[:2] == brief[:2] == [min(os.nice(0) + 3, 19), os.SCHED_OTHER]
    version = tuple(map(int, os.uname().release.split(".")[:2]))
    if version < (6, 12) or not Path("/proc/self/sched").exists():
        pytest.skip("this kernel knows of no slices, or does not show them")
    assert brief[2] == 100_000 < before[2]
