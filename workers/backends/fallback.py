"""What answers in the place of a backend whose model is elsewhere, while that one cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.contract import Backend, Rung, Tag
from workers.backends.registry import named


class Fallback:
    """Another backend of the LLM stage on this machine, or none, by the settings `fallback` and `fallback_settings`.

    `backend` is None where there is none; what every backend is told goes through here, so that nobody need ask."""

    def __init__(self) -> None:
        self.name = ""
        self.backend: Backend | None = None

    def load(self, rung: Rung) -> None:
        """Take the place of what was loaded before. Raises BackendError."""
        self.unload()
        if name := str(rung.settings.get("fallback", "")):
            made = named("llm", name)
            made.load(replace(rung, settings=rung.settings["fallback_settings"]))
            self.name, self.backend = name, made

    def warm_up(self) -> None:
        if self.backend is not None:
            self.backend.warm_up()

    @property
    def remarks(self) -> Sequence[str]:
        return self.backend.remarks if self.backend is not None else ()

    @property
    def idle(self) -> bool:
        return self.backend is None or self.backend.idle

    def settle(self, tag: Tag, heard: str) -> None:
        if self.backend is not None:
            self.backend.settle(tag, heard)

    def forget(self, session: int) -> None:
        if self.backend is not None:
            self.backend.forget(session)

    def unload(self) -> None:
        backend, self.name, self.backend = self.backend, "", None
        if backend is not None:
            backend.unload()
