"""The example of ringbuf/README.md does what it says, in three processes."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.ringbuf.variants import ROOT


def test_the_three_programs_of_the_document_hand_over_a_frame() -> None:
    programs = re.findall(r"```python\n(.*?)```", (ROOT / "ringbuf/README.md").read_text(), re.DOTALL)
    create, write, read = programs[:3]
    with subprocess.Popen(
        [sys.executable, "-c", create], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as creator:
        assert creator.stdout
        name = creator.stdout.readline().strip()
        subprocess.run([sys.executable, "-c", write, name], check=True)
        said = subprocess.run([sys.executable, "-c", read, name], check=True, capture_output=True, text=True).stdout
        assert creator.communicate("\n")[1] == ""
    assert said == "320 samples, their sum 320000\n"
