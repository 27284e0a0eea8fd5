"""A whole engine with a visitor before it and a host that watches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import ringbuf
from engine.channels import channel, segment
from engine.contract import Pcm
from tests.conftest import Start
from tests.door.house import Client
from tests.engine_run import Engine, question, silence, write


class Visit:
    """An engine whose visitor asks the question after a second and is silent then, and a host that watches."""

    def __init__(self, start: Start, folder: Path, *options: str) -> None:
        sound = np.concatenate([silence(1), question(), silence(300)])
        self.engine: Engine = start("--input", write(folder / "q.wav", sound), *options)
        self.engine.until_ready()
        self.client = Client(self.engine.door)

    def until(self, name: str, **fields: Any) -> dict[str, Any]:
        """The next event of this name with these fields."""
        return self.client.until(lambda line: line.get("event") == name and fields.items() <= line.items())

    def mic(self, start: int = 0, stop: int | None = None) -> Pcm:
        """What the microphone's ring holds: all of it, or these samples."""
        return self._sound("mic", start, stop)

    def played(self) -> Pcm:
        """What the ring holds of what the loudspeaker played."""
        return self._sound("played", 0, None)

    def _sound(self, name: str, start: int, stop: int | None) -> Pcm:
        slot = channel(name).readers.index("recorder")  # it does not run, and lends its place
        with ringbuf.HistoryReader(segment(self.engine.instance, name), slot=slot, start="oldest") as reader:
            view = reader.view(start, reader.position if stop is None else stop)
            assert view is not None
            sound: Pcm = view.copy()
            return sound

    def end(self) -> None:
        self.client.close()
        self.engine.process.terminate()
        assert self.engine.end() == 0
