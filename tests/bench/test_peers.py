"""What the peers of the conversation bench share: the loudspeaker, the microphone and the stages. None of the peers is
needed for this; what they measure is no test's business."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from peers.settings import CONFIGURATIONS, EARLY_S
from peers.sink import BLOCK, BLOCK_MS, BLOCK_NS, QUEUED, RATE, Loudspeaker, Pcm
from peers.source import Microphone
from peers.stages import Kept, Recogniser, Stages, real_stages
from peers.stubs import HEARD, stub_stages
from peers.waits import ANSWER

from engine import wav
from engine.config import load
from workers.drivers import virtual

ROOT = Path(__file__).resolve().parents[2]
START_NS = 5_000_000_000


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns

    def at(self, ms: float) -> None:
        """So long after the timeline began."""
        self.now_ns = START_NS + round(ms * 1e6)

    async def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loudspeaker(clock: Clock) -> Loudspeaker:
    return Loudspeaker(START_NS, RATE, clock)


def ramp(samples: int) -> Pcm:
    """Samples that are all different, and none silent."""
    return np.arange(1, samples + 1, dtype=np.int16)


class FedAt:
    """The port of the engine's virtual card, which is handed sound at one moment."""

    def __init__(self, clock: Clock, ms: float, sound: Pcm) -> None:
        self.heard_samples = self.played_samples = 0
        self.lull = False
        self.recording = np.zeros(RATE, np.int16)
        self._clock, self._at_ns, self._left = clock, START_NS + round(ms * 1e6), sound

    def hear(self, samples: int) -> Pcm:
        return np.zeros(samples, np.int16)

    def heard(self, samples: int, capture_ns: int, *, lost: bool = False) -> None:
        assert not lost

    def fill(self, out: Pcm) -> None:
        part = self._left[: len(out) if self._clock.now_ns > self._at_ns else 0]
        self._left = self._left[len(part) :]
        out[: len(part)] = part
        out[len(part) :] = 0

    def played(self, out: Pcm, at_ns: int) -> None:
        begin = round((at_ns - START_NS) * RATE / 1e9)
        self.recording[begin : begin + len(out)] = out[: RATE - begin]

    def skip(self, samples: int, *, lost: bool = False) -> None:
        raise AssertionError("there is a microphone")

    def pass_over(self, samples: int) -> None:
        raise AssertionError("there is a loudspeaker")

    def missed(self, samples: int) -> None:
        raise AssertionError("nothing came too late")

    def ended(self) -> None:
        """It never has more to hear."""

    def wait(self, until_ns: int) -> bool:
        self._clock.now_ns = max(self._clock.now_ns, until_ns)
        return self._clock.now_ns < START_NS + 500_000_000


def test_the_card_is_the_engines_by_its_default_settings() -> None:
    audio = load().audio
    assert (audio.block_ms, audio.queued_blocks, audio.rate_hz) == (BLOCK_MS, QUEUED, RATE)


@pytest.mark.parametrize("ms", [100, 103.9, 104.1, 109.9, 110.1, 113.9, 114.1])
def test_sound_is_heard_just_when_the_engines_own_card_plays_it(
    ms: float, clock: Clock, loudspeaker: Loudspeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = ramp(3 * BLOCK)
    clock.at(ms)
    loudspeaker.put(sound)
    clock.at(-BLOCK_MS)  # the engine begins a block before its timeline does
    port = FedAt(clock, ms, sound)
    monkeypatch.setattr(virtual, "time", SimpleNamespace(monotonic_ns=clock))
    virtual.VirtualCard(np.zeros(0, np.int16), RATE, BLOCK, QUEUED).run(port, START_NS)
    clock.at(1000)
    heard = loudspeaker.recording()
    assert np.flatnonzero(heard).tolist() == np.flatnonzero(port.recording).tolist()
    later_ms = np.flatnonzero(heard)[0] * 1000 / RATE - ms
    assert 16 <= later_ms <= 26


def test_sound_of_any_length_is_heard_whole_and_in_order(clock: Clock, loudspeaker: Loudspeaker) -> None:
    sound = ramp(3 * BLOCK + 7)
    for part in np.split(sound, [3, 500, 501]):
        loudspeaker.put(part)
    clock.at(1000)
    assert loudspeaker.recording()[2 * BLOCK :][: len(sound)].tolist() == sound.tolist()
    assert np.count_nonzero(loudspeaker.recording()) == len(sound)


def test_what_comes_too_late_leaves_a_hole_and_follows_it(clock: Clock, loudspeaker: Loudspeaker) -> None:
    loudspeaker.put(ramp(BLOCK // 2))
    clock.at(30)  # blocks 3 and 4 were fetched, and there was nothing
    loudspeaker.put(ramp(BLOCK))
    clock.at(1000)
    heard = loudspeaker.recording()
    assert np.flatnonzero(heard).tolist() == [*range(2 * BLOCK, 2 * BLOCK + BLOCK // 2), *range(5 * BLOCK, 6 * BLOCK)]


def test_what_was_dropped_is_not_heard_and_what_the_device_has_taken_is(clock: Clock, loudspeaker: Loudspeaker) -> None:
    loudspeaker.put(ramp(3 * BLOCK))
    clock.at(5)
    assert loudspeaker.clear() == 2 * BLOCK
    clock.at(1000)
    assert np.count_nonzero(loudspeaker.recording()) == BLOCK == loudspeaker.accepted
    assert loudspeaker.level == 0


def test_a_pause_is_silent_and_loses_nothing(clock: Clock, loudspeaker: Loudspeaker) -> None:
    loudspeaker.put(ramp(2 * BLOCK))
    clock.at(5)
    loudspeaker.pause()
    clock.at(61)
    loudspeaker.resume()
    clock.at(1000)
    heard = loudspeaker.recording()
    assert heard[heard != 0].tolist() == ramp(2 * BLOCK).tolist()
    assert not heard[3 * BLOCK : 8 * BLOCK].any()


def test_it_is_known_how_long_to_wait_for_room_and_for_silence(clock: Clock, loudspeaker: Loudspeaker) -> None:
    assert loudspeaker.seconds_until(0) == loudspeaker.seconds_until_silent == 0
    loudspeaker.put(ramp(4 * BLOCK))
    clock.at(5)
    assert loudspeaker.seconds_until(2 * BLOCK) == pytest.approx(0.009)
    silent_s = loudspeaker.seconds_until_silent
    clock.at(5 + silent_s * 1000 - 1)
    assert loudspeaker.seconds_until_silent == pytest.approx(0.001)
    clock.at(5 + silent_s * 1000)
    assert loudspeaker.seconds_until_silent == 0
    assert np.flatnonzero(loudspeaker.recording())[-1] == round((5 / 1000 + silent_s) * RATE) - 1


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(main)


def test_no_block_is_heard_before_it_has_been_spoken(clock: Clock) -> None:
    sound = ramp(2 * BLOCK + 5)
    microphone = Microphone(sound, START_NS, clock, clock.sleep)

    async def listen() -> list[tuple[int, Pcm]]:
        return [(clock.now_ns, block) async for block in microphone.blocks()]

    heard = run(listen())
    assert [at for at, _ in heard] == [START_NS + n * BLOCK_NS for n in (1, 2, 3)]
    assert np.concatenate([block for _, block in heard])[: len(sound)].tolist() == sound.tolist()
    assert not heard[-1][1][5:].any()
    assert microphone.late_ms == [0, 0, 0]


def test_a_reader_that_was_held_up_gets_all_it_missed_and_it_is_kept_how_late(clock: Clock) -> None:
    microphone = Microphone(ramp(3 * BLOCK), START_NS, clock, clock.sleep)

    async def listen() -> int:
        count = 0
        async for _ in microphone.blocks():
            count += 1
            if count == 1:
                clock.at(70)
        return count

    assert run(listen()) == 3
    assert microphone.late_ms == [0, 50, 40]


def test_the_last_sound_before_an_utterance_is_kept_once() -> None:
    kept = Kept(0.045)
    for n in range(10):
        kept.add(np.full(BLOCK, n, np.int16))
    assert [block[0] for block in kept.take()] == [5, 6, 7, 8, 9]  # 50 ms: whole blocks
    assert kept.take() == []


def test_configurations_wait_for_what_their_name_says() -> None:
    assert CONFIGURATIONS["stop-0.15"].silence_s == 0.15
    assert all(each.silence_s > EARLY_S for each in CONFIGURATIONS.values() if each.kind == "early")
    assert CONFIGURATIONS["default"].silence_s == 0


class Told:
    """What a recogniser told; `final` waits for the last words."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._final = asyncio.Event()

    def __call__(self, text: str, final: bool) -> None:
        self.texts.append(text)
        if final:
            self._final.set()

    async def final(self) -> str:
        await asyncio.wait_for(self._final.wait(), 60)
        return self.texts[-1]


async def whole_turn(stages: Stages, recogniser: Recogniser, told: Told, sound: Pcm) -> tuple[str, str, bytes]:
    """What was heard of the sound, the answer, and its sound."""
    for start in range(0, len(sound), BLOCK):
        recogniser.hear(sound[start : start + BLOCK])
        if start == 10 * BLOCK:
            recogniser.listen()
    recogniser.finish()
    heard = await told.final()
    answer = "".join([piece async for piece in stages.answer(heard)])
    spoken = b"".join([piece async for piece in stages.voice.say(answer)])
    recogniser.close()
    stages.voice.close()
    assert stages.exchanges == [(heard, answer)]
    return heard, answer, spoken


def test_the_stages_are_the_engines_own_and_stream() -> None:
    question = wav.read(ROOT / "engine" / "data" / "question.wav", RATE)

    async def turn() -> tuple[str, str, bytes, int]:
        told, stages = Told(), real_stages(load(sets=["llm.backend=repeat"]))
        heard = await whole_turn(stages, stages.recogniser(told, 0.4), told, question)
        return *heard, len(told.texts)

    heard, answer, spoken, told = run(turn())
    assert heard.endswith("the museum close")
    assert answer == f"You said {heard}."
    assert len(spoken) > 2 * RATE
    assert told > 3  # words so far, before the final ones


def test_stages_that_compute_in_threads_of_their_own_are_waited_for() -> None:
    pytest.importorskip("ctranslate2")
    question = wav.read(ROOT / "engine" / "data" / "question.wav", RATE)
    small = [f"{stage}.computing.{key}=1" for stage in ("asr", "llm", "vocoder") for key in ("heads", "layers")]
    sets = [*small, "llm.computing.words=repeat"]

    async def turn() -> tuple[str, str, bytes]:
        told, stages = Told(), real_stages(load(profile="computing", sets=sets))
        cut_off = stages.answer("go forward")
        assert await anext(cut_off) == "You "
        await cut_off.aclose()
        return await whole_turn(stages, stages.recogniser(told, 0.4), told, question)

    heard, answer, spoken = run(turn())
    assert heard.endswith("the museum close")
    assert answer == f"You said {heard}."
    assert len(spoken) > 2 * RATE


def test_stubs_take_the_stages_place() -> None:
    async def turn() -> tuple[str, str, bytes]:
        told, stages = Told(), stub_stages(0.01)
        return await whole_turn(stages, stages.recogniser(told, 0.4), told, ramp(20 * BLOCK))

    heard, answer, spoken = run(turn())
    assert (heard, answer.strip()) == (HEARD, ANSWER)
    assert np.abs(np.frombuffer(spoken, np.int16)).max() > 3000


@pytest.mark.skipif(importlib.util.find_spec("pipecat") is not None, reason="Pipecat is installed here")
def test_a_missing_peer_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    question = ROOT / "engine" / "data" / "question.wav"
    files: list[str | Path] = ["--track", question, "--labels", tmp_path / "no.json", "--output", tmp_path / "out.wav"]
    command = [sys.executable, "-m", "bench.peers", "--system", "pipecat", "--config", "default", *files]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert "make peers" in ran.stderr
