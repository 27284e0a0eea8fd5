"""What the documents point at is there, and what they list is all there is. (docs/door.md: tests/door/test_page.py.)"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from engine.channels import CHANNELS
from engine.config import load
from engine.config_layers import SYSTEM_CONFIG
from engine.models import manifest
from engine.toml import tomllib
from workers.ask import Conversation

ROOT = Path(__file__).parents[1]
DOCS = ("architecture", "door", "metrics", "models", "partner", "service", "measured", "latency", "log", "page")
PAGES = ("README.md", *(f"docs/{name}.md" for name in DOCS), "bench/README.md", "ringbuf/README.md")
FOLDERS = "bench|docs|engine|examples|ringbuf|tests|tools|workers"


@pytest.mark.parametrize("page", PAGES)
def test_what_is_linked_or_named_is_there(page: str) -> None:
    text, folder = (ROOT / page).read_text(), (ROOT / page).parent
    linked = [folder / link for link in re.findall(r"\]\(([^)#:]+)\)", text)]
    named = [ROOT / name for name in re.findall(rf"`((?:{FOLDERS})/[\w./]+)`", text)]
    assert linked + named
    assert [str(path) for path in linked + named if not path.exists()] == []


def test_the_table_of_channels_has_each_with_its_kind() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| ([\w, ]+) \| (\w+) \| ", text.split("| channel |")[1].split("\n\n")[0], re.MULTILINE)
    told = {name: kind for names, kind in rows for name in names.split(", ")}
    assert told == {channel.name: channel.kind for channel in CHANNELS}


MODELS = (ROOT / "docs" / "models.md").read_text()
MACHINES = {
    name: (prose, block)
    for prose, name, block in re.findall(r"\n### [^\n]*\n(.*?)```toml\n# (\w+)\.toml\n(.*?)```", MODELS, re.DOTALL)
}


def test_the_three_machines_are_there() -> None:
    assert list(MACHINES) == ["cpu", "jetson", "gpu"]
    for _, block in MACHINES.values():
        assert {"asr", "llm", "vocoder"} <= set(tomllib.loads(block))


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_uses_the_models_that_say_so(machine: str) -> None:
    prose, block = MACHINES[machine]
    packaged = manifest.read(manifest.PACKAGED)
    named = set(re.findall(r'"models:([\w.-]+)"', block)) | set(re.findall(r"/models/([\w.-]+)/", prose))
    assert named == {model.name for model in packaged.values() if machine in model.used_by}


def test_example_of_a_manifest_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(\[\[model\]\].*?)```", MODELS, re.DOTALL)
    (tmp_path / "own.toml").write_text(example)
    assert list(manifest.read(tmp_path / "own.toml")) == ["our-voice"]


def test_the_example_of_a_partner_answers_as_it_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "partner.md").read_text()
    (config,) = re.findall(r"```toml\n# kiosk.toml\n(.*?)```", page, re.DOTALL)
    command, shown = re.findall(r"\$ \S*engine ask --config kiosk.toml (\"when[^\n]*)\n(.*?)\n\$", page, re.DOTALL)[0]
    (tmp_path / "kiosk.toml").write_text(config)
    conversation = Conversation(load(config=tmp_path / "kiosk.toml", environ={SYSTEM_CONFIG: ""}))
    replies = [conversation.say(text) for text in shlex.split(command)]
    assert [reply.text for reply in replies] == [line for line in shown.splitlines() if not line.startswith("→")]
    assert [call for reply in replies for call in reply.calls] == [("order_taxi", {"people": 3})]
