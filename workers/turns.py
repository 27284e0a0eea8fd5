"""The turns worker: gives the conversation its messages and its time, and sends what it decides. Nothing else runs
in this process, so that nothing can delay a decision."""

from __future__ import annotations

import time

from engine import audible
from engine import messages as m
from engine.contract import Tag
from engine.conversation import Conversation
from workers.join import Seat

_INPUTS = ("speech", "texts", "pieces", "voiced", "playback")
_OUTPUTS = ("listen", "asks", "clauses", "story")


def take_up(conversation: Conversation, seat: Seat) -> None:
    """After a restart: speech that was not answered yet, speech that goes on, and the end of the input happen again."""
    telemetry, rate = seat.telemetry, seat.config.audio.rate_hz
    open_from, speaking = telemetry.get("turns.open_from"), telemetry.get("vad.speaking")

    def captured(sample: int) -> int:
        return telemetry.get("audio.start_ns") + sample * 1_000_000_000 // rate

    now = time.monotonic_ns()
    if playing := telemetry.get("audio.playing"):
        conversation.resume(audible.tag_of(playing), now)
    elif open_from:  # what a predecessor had begun to answer is answered anew, not twice
        conversation.audible = Tag(1, conversation.number + 1)
    if open_from or speaking:
        start = (open_from or speaking) - 1
        conversation.handle(m.SpeechBegan(start=start, capture_ns=captured(start)), now)
    if open_from and not speaking:
        end = telemetry.get("vad.judged")
        conversation.handle(m.SpeechPaused(end=end, capture_ns=captured(end)), now)
    if input_end := telemetry.get("audio.input_end"):
        conversation.handle(m.InputEnded(sample=input_end - 1), now)


def main(seat: Seat) -> None:
    telemetry = seat.telemetry
    inputs = [seat.stream_reader(name) for name in _INPUTS]
    outputs = {name: seat.outlet(name) for name in _OUTPUTS}
    conversation = Conversation(seat.config, seat.config.audio.rate_hz, telemetry.get("turns.turn"))
    conversation.on_response = lambda ns: telemetry.observe("turns.response_ns", ns)
    conversation.on_late = lambda stage: telemetry.count(f"{stage}.late")
    allowed = Tag()

    def send() -> None:
        for channel, message in conversation.outbox:
            outputs[channel].send(message)
        conversation.outbox.clear()

    seat.ready()
    take_up(conversation, seat)
    while not seat.stopping:
        # What may be heard goes out first: sound that is not allowed yet is not played.
        if conversation.audible != allowed:
            allowed = conversation.audible
            telemetry.set("audio.audible", audible.pack(audible.VOCODER, allowed))
        telemetry.set("turns.turn", conversation.number)
        telemetry.set("turns.open_from", conversation.open_from)
        send()
        seat.wait(conversation.timer_ns)
        conversation.judged, conversation.played = telemetry.get("vad.judged"), telemetry.get("audio.played")
        for reader in inputs:
            for record in reader:
                conversation.handle(m.decode(record), time.monotonic_ns())
        conversation.expire(time.monotonic_ns())
    conversation.interrupt(time.monotonic_ns())
    send()
