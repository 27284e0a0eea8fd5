"""Settings that a stage's backend refuses are in force nowhere, and whoever asked for them is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from engine import messages as m
from engine import renewals as module
from engine.config import Config, load
from engine.config_layers import SYSTEM_CONFIG
from engine.errors import ConfigError
from engine.renewals import Renewals


def config(*sets: str) -> Config:
    return load(sets=sets, environ={SYSTEM_CONFIG: ""})


BEFORE = config()
VOICE = config("vocoder.flite.voice=rms")
VOICE_AND_WORDS = config("vocoder.flite.voice=rms", "asr.expect=['the lift']")


class Scene:
    """What is published, and what is told of it, with the test in the place of the stages."""

    def __init__(self) -> None:
        self.published: list[Config] = []
        self.undone: list[str] = []
        self.absent: set[str] = set()
        self.renewals = Renewals(self._publish, self.undone.append, lambda: self.absent)

    def _publish(self, config: Config) -> int:
        self.published.append(config)
        return len(self.published)

    def tell(self, stage: str, text: str = "", version: int = 0) -> None:
        self.renewals.renewed(m.Renewed(stage=stage, version=version or len(self.published), text=text))

    def apply(self, after: Config, *meanwhile: Callable[[], None], before: Config = BEFORE) -> str:
        """Ask for other settings; the refusal, if it was one."""

        async def asked() -> str:
            applying = asyncio.ensure_future(self.renewals.apply(before, after))
            for happens in meanwhile:
                await asyncio.sleep(0)
                happens()
            try:
                await applying
            except ConfigError as error:
                return str(error)
            return ""

        return asyncio.run(asked())


def test_what_concerns_no_backend_is_in_force_at_once() -> None:
    scene = Scene()
    after = config("turns.session_end_s=90", "asr.final_budget_ms=70")
    assert scene.apply(after) == ""
    assert scene.published == [after]


def test_the_answer_waits_until_every_stage_that_is_concerned_has_taken_it() -> None:
    scene, order = Scene(), []

    def taken(stage: str) -> Callable[[], None]:
        def told() -> None:
            order.append(stage)
            scene.tell(stage)

        return told

    assert scene.apply(VOICE_AND_WORDS, taken("llm"), taken("vocoder"), taken("asr")) == ""
    assert order == ["llm", "vocoder", "asr"]
    assert scene.published == [VOICE_AND_WORDS]


def test_what_a_stage_refuses_is_taken_back_from_all_and_answered() -> None:
    scene = Scene()
    refused = scene.apply(VOICE_AND_WORDS, lambda: scene.tell("asr"), lambda: scene.tell("vocoder", "no such voice"))
    assert refused == "vocoder: no such voice; nothing was changed"
    assert (scene.published, scene.undone) == ([VOICE_AND_WORDS, BEFORE], [])


def test_a_process_that_dies_over_it_is_started_again_with_what_it_had() -> None:
    scene = Scene()
    refused = scene.apply(VOICE, lambda: scene.renewals.died("asr"), lambda: scene.renewals.died("vocoder"))
    assert refused == "vocoder: it ended before it had taken them; nothing was changed"
    assert scene.published == [VOICE, BEFORE]


def test_what_is_refused_when_the_answer_has_gone_is_taken_back_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TAKEN_S", 0.01)
    scene = Scene()
    assert scene.apply(VOICE) == ""  # the voice is still speaking
    more = config("vocoder.flite.voice=rms", "turns.session_end_s=90")
    assert scene.apply(more, before=VOICE) == ""
    scene.tell("vocoder", "too late for this", version=1)
    assert scene.undone == []
    scene.tell("vocoder", "no such voice")
    assert scene.published == [VOICE, more, BEFORE]  # as it was before the voice had to be another one
    assert scene.undone == ["vocoder: no such voice"]


def test_a_process_that_dies_when_it_has_taken_them_takes_nothing_back() -> None:
    scene = Scene()
    assert scene.apply(VOICE, lambda: scene.tell("vocoder")) == ""
    scene.renewals.died("vocoder")
    scene.tell("vocoder", "no memory")
    assert (scene.published, scene.undone) == ([VOICE], [])


def test_nobody_waits_for_a_stage_that_is_left_out_and_what_becomes_of_it_takes_nothing_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TAKEN_S", 0.01)
    scene = Scene()
    scene.absent = {"vocoder"}
    assert scene.apply(VOICE_AND_WORDS, lambda: scene.tell("asr")) == ""
    scene.renewals.died("vocoder")  # it was tried again, and does not come up with these either
    assert (scene.published, scene.undone) == ([VOICE_AND_WORDS], [])
