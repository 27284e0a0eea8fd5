"""The gate before the recogniser: whose voice gets a turn. While it is closed, nothing that is said goes anywhere."""

from __future__ import annotations

from engine import messages as m
from engine.turns.present import Present
from engine.turns.table import Event, State

RESTING = (State.LISTENING, State.ASLEEP, State.MUTED)


class Attention:
    """Opens and closes the gate.

    awake: the host has opened it, or nobody has to. muted: the microphone is closed.
    """

    def __init__(self, present: Present) -> None:
        self._present = present
        self.awake = self._usually
        self.muted = False

    @property
    def _usually(self) -> bool:
        return self._present.config.attention.mode == "open"

    @property
    def open(self) -> bool:
        """Whoever speaks is listened to."""
        return self.awake and not self.muted

    @property
    def held(self) -> bool:
        """A button is held as long as the visitor speaks: it says when they have finished, not a pause."""
        return self.awake and self._present.config.attention.mode == "push_to_talk"

    def reload(self, now: int) -> None:
        """Another mode may count from now on."""
        if self.awake and not self._usually and not self._present.session.open:
            self.sleep(now)
        elif self._usually and not self.awake:
            self.awake = True
            if self._present.state is State.ASLEEP:
                self._present.happens(Event.LISTEN_NOW, now)

    def sleep(self, now: int) -> None:
        """Listen to nobody until told otherwise. What was said so far is answered."""
        self.awake = False
        self._present.happens(Event.SLEEP, now)

    def left(self) -> None:
        """The visitor has left: the next one has to be told of, where the host tells of them."""
        self.awake = self._usually

    def microphone(self, message: m.MicrophoneMuted, now: int) -> None:
        """It was closed or opened."""
        self.muted = bool(message.on)
        if self.muted:
            self._present.kept.clear()  # its sound is gone
        self._present.happens(Event.MUTE if self.muted else Event.UNMUTE, now)

    def rest(self, now: int) -> None:
        """Nobody has the turn: stand where the gate says."""
        if self._present.state is State.LISTENING and not self.open:
            self._present.happens(Event.MUTE if self.muted else Event.SLEEP, now)
