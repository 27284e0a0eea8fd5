"""Short turns: on the processor, where the kernel knows of them, and of the interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.engine_run import silence, write

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


_TELLS = """
import sys
from pathlib import Path
from workers.backends.spoken import Spoken

class Tells(Spoken):
    def load(self, rung):
        (Path(__file__).parent / "interval").write_text(f"{sys.getswitchinterval():g}")
    def answer(self, job):
        return job.text
"""


def test_threads_of_a_backend_have_the_interpreter_for_a_tenth_of_the_usual_time(start: Start, tmp_path: Path) -> None:
    (tmp_path / "tells.py").write_text(_TELLS)
    sound = str(write(tmp_path / "silence.wav", silence(1)))
    engine = start("--input", sound, "--set", "llm.backend=tells:Tells", environ={"PYTHONPATH": str(tmp_path)})
    assert engine.end() == 0
    assert float((tmp_path / "interval").read_text()) == sys.getswitchinterval() / 10
