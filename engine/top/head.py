"""The head of a frame: which engine, what it does, the machine, the sound devices."""

from __future__ import annotations

from collections.abc import Iterator

from engine.governor.reading import Gpu
from engine.snapshot import Snapshot, Sound
from engine.top.pieces import BAD, BOLD, DIM, WARN, Line, label, lasting, wrapped
from engine.top.talk import Talk

_BUSY = 0.85
"""The share from which on a processor, or memory, is shown as a warning."""


def head(seen: Snapshot, talk: Talk, width: int) -> Iterator[Line]:
    """Its lines."""
    yield _title(seen)
    yield from _machine(seen, width)
    yield from _sound(seen, talk, width)


def _title(seen: Snapshot) -> Line:
    who = f"session {seen.session}" if seen.session else "nobody is there"
    turn = f" turn {seen.turn}" if seen.session and seen.turn else ""
    return (
        (f"{seen.name}  ", BOLD),
        (f"{seen.profile}  ", ""),
        (seen.state, BOLD + " " + ("yellow" if seen.state in ("starting", "stopping", "muted") else "green")),
        (f"   {who}{turn}   up {lasting(seen.uptime_s)}   pid {seen.pid}", DIM),
    )


def _machine(seen: Snapshot, width: int) -> Iterator[Line]:
    machine, reading = seen.machine, seen.machine.reading
    own = sum(process.cpu or 0.0 for process in seen.processes)
    memory = sum(process.mb for process in seen.processes)
    yield from wrapped("engine", [(f"cpu {100 * own:.0f} % of a core", ""), (f"memory {memory:.0f} MB", "")], width)
    facts: list[tuple[str, str]] = []
    if reading.cpu is not None:
        facts += [(f"cpu {100 * reading.cpu:.0f} % of {machine.cores}", WARN if reading.cpu > _BUSY else "")]
    if reading.others:
        facts += [(f"others {100 * reading.others:.0f} %", "")]
    if reading.memory is not None:
        facts += [(f"memory {100 * reading.memory:.0f} %", WARN if reading.memory > _BUSY else "")]
    facts += [(f"load {machine.load[0]:.1f}", "")]
    if machine.clock_mhz is not None:
        facts += [(f"{machine.clock_mhz:.0f} MHz", "")]
    for heat in reading.heat:
        hot = heat.limit_c is not None and heat.celsius >= heat.limit_c
        facts += [(f"{heat.name} {heat.celsius:.0f} °C", BAD if hot else "")]
    if reading.slowed:
        facts += [(reading.slowed, BAD)]
    for gpu in reading.gpus:
        facts += [(_gpu(gpu), BAD if gpu.slowed else "")]
    yield from wrapped("machine", facts, width)


def _gpu(gpu: Gpu) -> str:
    shares = (("", gpu.busy), ("memory ", gpu.memory))
    told = [f"{what}{100 * share:.0f} %" for what, share in shares if share is not None]
    told += [f"{gpu.heat.celsius:.0f} °C"] if gpu.heat is not None else []
    return " ".join([gpu.name, *told, *([gpu.slowed] if gpu.slowed else [])])


def _sound(seen: Snapshot, talk: Talk, width: int) -> Iterator[Line]:
    sound = seen.sound
    counts = [
        (f"volume {sound.volume} %", ""),
        *([("microphone closed", WARN)] if sound.muted else []),
        *((f"{name} {count}", WARN if count else DIM) for name, count in _counts(sound)),
    ]
    if sound.microphone_ppm or sound.loudspeaker_ppm:
        counts += [(f"clocks {sound.microphone_ppm:+d} {sound.loudspeaker_ppm:+d} ppm", DIM)]
    yield from wrapped("sound", counts, width)
    for side in ("microphone", "loudspeaker"):
        if side in talk.devices:
            yield ((label(""), DIM), (talk.devices[side], DIM))


def _counts(sound: Sound) -> tuple[tuple[str, int], ...]:
    return ("xruns", sound.xruns), ("lost", sound.lost), ("starved", sound.starved)
