"""The turns worker: gives the conversation its messages and its time, and sends what it decides. Nothing else runs
in this process, so that nothing can delay a decision."""

from __future__ import annotations

import time

import ringbuf
from engine import audible
from engine import messages as m
from engine.channels import WATCHES, segment
from engine.contract import Tag
from engine.ladders import ladder
from engine.scheduling import be_brief
from engine.settings import Turns
from engine.telemetry import AT, READY, STATES, Telemetry
from engine.turns.conversation import Conversation
from engine.turns.memory import Memory
from engine.turns.table import SHOWN
from workers.join import Seat

_INPUTS = ("speech", "texts", "endings", "pieces", "voiced", "taken", "playback", "commands")
_ANSWERS = ("asr", "llm", "vocoder")
"""Whose steps the floor takes over."""
_LONG_NS = 2_000_000_000
_OUTPUTS = ("listen", "pauses", "asks", "clauses", "takeovers", "story")


class Keepsake:
    """The memory of the conversation, in a ring where a successor finds it. What is forgotten is gone from there."""

    def __init__(self, seat: Seat) -> None:
        name = segment(seat.instance, "memory")
        found = (ringbuf.LatestReader(name).read() or b"").rstrip(b"\0")
        self.memory = Memory.load(found) if found else Memory()
        """What was found, and then what was last put there."""
        self._ring, ring = ringbuf.LatestWriter(name), ringbuf.describe(name)
        self._slots: int = ring["slots"]
        self._longest: int = ring["capacity"] if self._ring.epoch > 1 else 0
        """Bytes from the beginning of a slot in which something may lie. A predecessor may have been killed in the
        middle of anything."""

    def keep(self, memory: Memory) -> None:
        """Put it there, if it is another one than before."""
        if memory == self.memory:
            return
        raw = memory.dump()
        for _ in range(self._slots):  # each holds one of the last values, which is as long or longer
            self._ring.put(raw.ljust(self._longest, b"\0"))
        self.memory, self._longest = memory, len(raw)


def succeed(seat: Seat) -> Conversation:
    """A conversation that goes on where a predecessor has left off, if there was one."""
    telemetry, rate = seat.telemetry, seat.config.audio.rate_hz
    session, turn = telemetry.get("turns.session") or 1, telemetry.get("turns.turn")
    conversation = Conversation(seat.config, rate, session, turn, bool(telemetry.get("turns.visitor")))
    conversation.present.on_response = lambda ns: telemetry.observe("turns.response_ns", ns)
    conversation.present.on_late = lambda stage: telemetry.count(f"{stage}.late")
    conversation.present.on_count = telemetry.count
    conversation.present.newest = audible.tag_of(telemetry.get("turns.newest"))
    if awake := telemetry.get("turns.awake"):
        conversation.attention.recall(awake == 2)
    conversation.attention.muted = bool(telemetry.get("audio.muted"))
    conversation.present.forget_upto = telemetry.get("audio.forget_upto")
    return conversation


def take_up(conversation: Conversation, memory: Memory, seat: Seat) -> None:
    """After a restart: speech that was not answered yet, speech that goes on, and the end of the input happen again.
    What a predecessor knew is known, and what the host wanted is done."""
    telemetry, rate = seat.telemetry, seat.config.audio.rate_hz
    open_from, speaking = telemetry.get("turns.open_from"), telemetry.get("vad.speaking")
    if speaking <= telemetry.get("audio.forget_upto"):
        speaking = 0  # whoever speaks has been forgotten

    def captured(sample: int) -> int:
        return telemetry.get("audio.start_ns") + sample * 1_000_000_000 // rate

    now, succession = time.monotonic_ns(), conversation.succession
    succession.recall(memory)
    playing = telemetry.get("audio.playing")
    source = audible.source_of(playing)
    # Else it is being cut off; and a phrase that holds the turn is no answer.
    if playing and playing == telemetry.get("audio.audible") and source != audible.HOLDING:
        succession.resume(audible.tag_of(playing), now, source)
    elif open_from or memory.wish or any(call.tag.turn == telemetry.get("turns.turn") for call in memory.calls):
        succession.supersede(now)
    conversation.start(now)
    if open_from or speaking:
        start = (open_from or speaking) - 1
        conversation.handle(m.SpeechBegan(start=start, capture_ns=captured(start)), now)
    if open_from and not speaking:
        end = telemetry.get("vad.judged")
        conversation.handle(m.SpeechPaused(end=end, capture_ns=captured(end)), now)
    if input_end := telemetry.get("audio.input_end"):
        conversation.handle(m.InputEnded(sample=input_end - 1), now)
    succession.go_on(now)


def tell_newest(seat: Seat, newest: int) -> None:
    """Say which attempt is the newest, and from whom, and wake who gives up the older ones."""
    if newest != seat.telemetry.get("turns.newest"):
        seat.telemetry.set("turns.newest", newest)
        for watch in WATCHES.values():
            seat.bell_of(watch).ring()


def absent(telemetry: Telemetry, turns: Turns) -> frozenset[str]:
    """The stages that are not there and will not be soon: the engine does without them, or they have shown no sign of
    life for so long that they do not just come back from a restart. Where a whole turn has longer than that, they
    have, too."""
    now, long_ns = time.monotonic_ns(), max(_LONG_NS, turns.response_budget_ms * 1_000_000)
    return frozenset(
        stage
        for stage in _ANSWERS
        if telemetry.get(f"{stage}.state") != READY
        and (telemetry.get(f"{stage}.gone") or now - telemetry.get(f"{stage}.beat_ns") > long_ns)
    )


def main(seat: Seat) -> None:
    be_brief()
    telemetry = seat.telemetry
    inputs = [seat.stream_reader(name) for name in _INPUTS]
    outputs = {name: seat.outlet(name) for name in _OUTPUTS}
    handlers = seat.cells.watch(AT["door.tools"])
    seat.wake_on(handlers)
    conversation, keepsake = succeed(seat), Keepsake(seat)
    present = conversation.present
    allowed = 0

    # Those stages alone whose ladder has more than one rung.
    ladders = {stage: f"{stage}.rung_at" for stage in seat.config.stages if len(ladder(seat.config, stage)) > 1}

    def see() -> None:
        present.rungs = {stage: telemetry.get(cell) for stage, cell in ladders.items()}
        floor = telemetry.get("floor.state") == READY and telemetry.get("floor.able") != 0
        missing = absent(telemetry, seat.config.turns)
        hands = telemetry.get("door.tools")
        conversation.see(telemetry.get("vad.judged"), telemetry.get("audio.played"), floor, missing, hands)

    def heard(tag: Tag | None) -> int:
        return audible.pack(present.source, tag) if tag else 0

    def publish() -> None:
        nonlocal allowed
        # What may be heard goes out first: sound that is not allowed yet is not played, and nothing that yields to a
        # voice before it is known to.
        telemetry.set("turns.yields", heard(conversation.yields))
        if heard(present.audible) != allowed:
            allowed = heard(present.audible)
            telemetry.set("audio.audible", allowed)
        telemetry.set("turns.holds", heard(conversation.holds))
        telemetry.set("turns.due_ns", conversation.due_ns)
        tell_newest(seat, max(audible.pack(audible.NOTHING, present.newest), allowed))
        keepsake.keep(conversation.succession.memory)  # before the host is told of it
        telemetry.set("audio.forget_upto", present.forget_upto)
        telemetry.set("turns.shown", STATES.index(SHOWN[present.state]))
        telemetry.set("turns.session", present.session.number)
        telemetry.set("turns.visitor", int(present.session.open))
        telemetry.set("turns.awake", 1 + conversation.attention.awake)
        telemetry.set("turns.turn", present.session.turn)
        telemetry.set("turns.open_from", conversation.open_from)
        for channel, message in conversation.outbox:
            outputs[channel].send(message)
        conversation.outbox.clear()

    seat.ready()
    go = telemetry.watch("engine.go")
    while not telemetry.get("engine.go") and not seat.stopping:
        seat.wait_for(go)
    see()
    take_up(conversation, keepsake.memory, seat)
    while not seat.stopping:
        publish()
        seat.wait(conversation.timer_ns)
        if handlers.ready:
            handlers.take()
        if seat.reloaded():
            conversation.reload(seat.config, time.monotonic_ns())
        for reader in inputs:
            for record in reader:
                message = m.decode(record)
                see()  # after it was sent: it may be about what the cells say
                conversation.handle(message, time.monotonic_ns())
        see()
        conversation.expire(time.monotonic_ns())
    conversation.interrupt(time.monotonic_ns())
    publish()
