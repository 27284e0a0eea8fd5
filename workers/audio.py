"""The audio worker: moves samples between the devices and the rings, and nothing else."""

from __future__ import annotations

import gc
import os
import time

from engine import wav
from engine.errors import DeviceError
from workers.drivers import Card, Driver
from workers.drivers.room import Room
from workers.drivers.virtual import VirtualCard
from workers.join import Seat
from workers.sound.desk import Desk
from workers.sound.port import RingPort
from workers.sound.sides import DeviceGoneError


def make_driver(seat: Seat, port: RingPort) -> Driver:
    """The devices that the configuration names."""
    audio = seat.config.audio
    if not audio.is_virtual:
        from workers.drivers.portaudio_card import Ends, PortAudioCard  # needs its library

        # Above our own priority: what the device calls must not wait for us.
        priority = audio.realtime_priority and min(audio.realtime_priority + 1, 80)
        card: Card = PortAudioCard(
            Ends.of(seat), library_messages=audio.library_messages, priority=priority, cells=seat.cells
        )
        return Desk(card, port, seat)
    sound, block = wav.read(audio.input, audio.rate_hz), audio.block_ms * audio.rate_hz // 1000
    if audio.virtual.faultless:
        room = Room(*echo, audio.rate_hz) if (echo := audio.virtual.echo_db_ms) else None
        return VirtualCard(sound, audio.rate_hz, block, audio.queued_blocks, room)
    from workers.drivers.simulated import SimulatedCard  # for tests

    card = SimulatedCard(sound, audio.rate_hz, audio.virtual, lambda: seat.telemetry.get("audio.start_ns"))
    return Desk(card, port, seat)


def main(seat: Seat) -> None:
    port = RingPort(seat)
    driver = make_driver(seat, port)
    driver.open()
    port.join()
    telemetry = seat.telemetry
    go = telemetry.watch("engine.go")
    seat.ready()
    gc.disable()  # this loop makes no cycles
    while not telemetry.get("engine.go") and not seat.stopping:
        seat.wait_for(go)
    if not (start_ns := telemetry.get("audio.start_ns")):
        # A block from now, so that the first output blocks are there before their time.
        start_ns = time.monotonic_ns() + seat.config.audio.block_ms * 1_000_000
        telemetry.set("audio.start_ns", start_ns)
    try:
        driver.run(port, start_ns)
    except DeviceGoneError:
        os._exit(DeviceError.code)  # not even the library's own leave-taking: it may hang in the device that is gone
