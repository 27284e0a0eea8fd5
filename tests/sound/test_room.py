"""The virtual card's room: an echo as late and as loud as was asked for, of what was played and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.contract import Pcm
from workers.drivers.room import Room, impulse_response

RATE = 16000


def noise(samples: int, seed: int = 0) -> Pcm:
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype(np.int16)


def blocks(room: Room, played: Pcm, sizes: list[int]) -> NDArray[np.float32]:
    """What comes back, block by block, each heard after it was played."""
    found: list[NDArray[np.float32]] = []
    at = 0
    while at < len(played):
        part = played[at : at + sizes[len(found) % len(sizes)]]
        room.play(at, part)
        found.append(room.echo(at, len(part)))
        at += len(part)
    return np.concatenate(found)


@pytest.mark.parametrize("delay_ms", [0, 40, 500])
def test_first_sound_comes_back_after_the_delay_to_the_sample(delay_ms: int) -> None:
    room = Room(-12, delay_ms, RATE)
    click = np.zeros(RATE, np.int16)
    click[100] = 20000
    heard = blocks(room, click, [320])
    assert np.flatnonzero(heard)[0] == 100 + delay_ms * RATE // 1000


@pytest.mark.parametrize("level_db", [-30.0, -12.0, 0.0])
def test_noise_comes_back_at_the_level_that_was_asked_for(level_db: float) -> None:
    assert 10 * np.log10((impulse_response(level_db, 40, RATE).astype(float) ** 2).sum()) == pytest.approx(
        level_db, abs=1e-3
    )
    played = noise(4 * RATE)
    heard = blocks(Room(level_db, 40, RATE), played, [320])[RATE:]
    found = 10 * np.log10((heard.astype(float) ** 2).mean() / (played[RATE:].astype(float) ** 2).mean())
    assert found == pytest.approx(level_db, abs=0.3)


def test_echo_is_the_same_whatever_the_blocks() -> None:
    played = noise(RATE)
    whole = np.convolve(played, impulse_response(-12, 40, RATE))[:RATE]
    for sizes in ([320], [160], [1, 777, 40]):
        np.testing.assert_allclose(blocks(Room(-12, 40, RATE), played, sizes), whole, atol=0.5)


def test_nothing_that_is_played_later_is_heard_now() -> None:
    one, other = Room(-12, 40, RATE), Room(-12, 40, RATE)
    played = noise(1600)
    one.play(0, played)
    other.play(0, played)
    other.play(1600, noise(1600, seed=1))  # what lies ready at the loudspeaker
    np.testing.assert_array_equal(one.echo(0, 1600), other.echo(0, 1600))


def test_what_was_not_played_is_silence() -> None:
    room = Room(-12, 40, RATE)
    room.play(0, noise(320))
    assert room.echo(320, 640).any()
    assert not room.echo(RATE, RATE).any()
    room.play(3 * RATE, noise(320))  # a hole of two seconds
    assert not room.echo(3 * RATE, 640).any()
    assert room.echo(3 * RATE + 640, 320).any()


def test_echo_that_is_too_loud_is_cut_off_and_does_not_wrap() -> None:
    room = Room(0, 0, RATE)
    room.play(0, np.full(RATE, 32767, np.int16))
    heard = np.full(RATE, 32000, np.int16)
    room.add_echo(0, heard)
    assert heard[:400].max() == 32767
    assert heard[:8].min() > 0
