"""The gate before the recogniser: whose voice gets a turn. While it is closed, nothing that is said goes anywhere."""

from __future__ import annotations

from engine import messages as m
from engine.turns.present import Present
from engine.turns.table import Event, State

RESTING = (State.LISTENING, State.ASLEEP, State.MUTED)


class Attention:
    """Opens and closes the gate.

    muted: the microphone is closed.
    """

    def __init__(self, present: Present) -> None:
        self._present = present
        self._mode = present.config.attention.mode
        self._told: bool | None = None
        """The host said `listen` (True) or `sleep`; None: neither, what is usual in this mode counts."""
        self.muted = False

    @property
    def awake(self) -> bool:
        """The host has opened the gate, or nobody has to."""
        return self._mode == "open" if self._told is None else self._told

    def recall(self, awake: bool) -> None:
        """It was so before the turns worker was restarted."""
        self._told = None if awake == self.awake else awake

    @property
    def open(self) -> bool:
        """Whoever speaks is listened to."""
        return self.awake and not self.muted

    @property
    def held(self) -> bool:
        """A button is held as long as the visitor speaks: it says when they have finished, not a pause."""
        return self.awake and self._mode == "push_to_talk"

    @property
    def opened(self) -> bool:
        """The host has opened it for a visitor who may come, or not."""
        return self.awake and self._until_they_leave

    def reload(self, now: int) -> None:
        """Another mode may count from now on. A visitor who is there stays, unless there is a button to be pressed."""
        mode, before = self._present.config.attention.mode, self.awake
        if mode == self._mode:
            return
        self._mode = mode
        self._told = True if before and self._until_they_leave and self._present.session.open else None
        if self.awake and self._present.state is State.ASLEEP:
            self._present.happens(Event.LISTEN_NOW, now)
        elif before and not self.awake:
            self._present.happens(Event.SLEEP, now)

    @property
    def _until_they_leave(self) -> bool:
        """Once opened, the gate is open for as long as the visitor is there."""
        return self._mode in ("external", "wake_word")

    def wake(self) -> None:
        """Listen to the visitor from now on."""
        self._told = True

    def sleep(self, now: int) -> None:
        """Listen to nobody until told otherwise. What was said so far is answered."""
        self._told = False
        self._present.happens(Event.SLEEP, now)

    def left(self) -> None:
        """The visitor has left: the next one has to be told of, where the host tells of them. Who sleeps, sleeps on."""
        self._told = None if self._told else self._told

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
