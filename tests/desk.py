"""A person at a shell who calls `engine models`, each time in a process of its own."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.toml import tomllib
from engine.toml_write import write
from tests.hub import Hub

REPO = "someone/tiny"
LARGE = random.Random(1).randbytes(300_000)
FILES = {"model.bin": LARGE, "config.json": b"{}", "voices/one.bin": LARGE[:1000], "README.md": b"not wanted"}
WANTED = ["model.bin", "config.json", "voices/*.bin"]
PIECE = 10 << 20
"""What the hub's client writes at once: what came of the next one is lost when it is cut off."""
OFFLINE = {"HF_HUB_OFFLINE": "1"}
CACHE = "models--someone--tiny"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Desk:
    """A person at a shell, with a hub, a models' directory and a manifest of their own."""

    hub: Hub
    folder: Path
    model: dict[str, Any] = field(default_factory=dict)
    """What the manifest says of the one model there is, beside what it must."""

    @property
    def place(self) -> Path:
        return self.folder / "models" / "tiny"

    @property
    def lock(self) -> dict[str, Any]:
        table: dict[str, Any] = tomllib.loads((self.folder / "models" / "models.lock.toml").read_text())["model"][
            "tiny"
        ]
        return table

    @property
    def content(self) -> dict[str, bytes]:
        """What lies in the model's place."""
        files = [path for path in self.place.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.place)): path.read_bytes() for path in files}

    def command(self, *words: str) -> list[str]:
        entry = {"name": "tiny", "stage": "asr", "about": "for tests", "repo": REPO, "files": WANTED} | {
            "licence": "MIT",
            "licence_url": "https://spdx.org/licenses/MIT.html",
        }
        manifest = self.folder / "own.toml"
        manifest.write_text(write({"model": [entry | self.model]}))
        sets = (f"models.directory={self.folder}/models", f"models.manifest={manifest}")
        return ["models", *words, *(part for one in sets for part in ("--set", one))]

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        ours = ("ANTIPHON_", "HF_", "HUGGING", "XDG_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        env |= {"HF_ENDPOINT": self.hub.address, "HF_HOME": str(self.folder / "hf"), "NO_PROXY": "*", "no_proxy": "*"}
        return env | {"ANTIPHON_SYSTEM_CONFIG": "", "XDG_CONFIG_HOME": str(self.folder / "none")} | dict(more or {})

    def __call__(
        self, *words: str, code: int = 0, environ: Mapping[str, str] | None = None, wrapper: tuple[str, ...] = ()
    ) -> str:
        """Run `engine models WORDS`: what it printed on stdout, and where that is expected to fail on stderr."""
        command = [*wrapper, sys.executable, "-m", "engine", *self.command(*words)]
        done = subprocess.run(
            command, env=self.environ(environ), cwd=self.folder, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == code, done.stdout + done.stderr
        if code:
            (line,) = done.stderr.splitlines()
            assert line.startswith("engine: ")
            assert "; " in line
            return line
        assert done.stderr == ""
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "engine", *self.command(*words)],
            env=self.environ(),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def knows(self, *names: str) -> None:
        """Let the manifest know these files."""
        known = [{"name": name, "size": len(FILES[name]), "sha256": sha256(FILES[name])} for name in names]
        self.model["known"] = known

    def put_into_cache(self, revision: str, files: Mapping[str, bytes], branch: str = "") -> None:
        """As another program would have done by the hub's client."""
        cache = self.folder / "hf" / "hub" / CACHE
        for name, content in files.items():
            path = cache / "snapshots" / revision / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if branch:
            (cache / "refs").mkdir()
            (cache / "refs" / branch).write_text(revision)


def without(*names: str) -> dict[str, bytes]:
    return {name: content for name, content in FILES.items() if name not in ("README.md", *names)}
