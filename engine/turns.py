"""The table of turns: every state of the conversation, every event, and what follows.

Plain in this version: a fixed wait decides that the user has finished, and an answer is spoken to its end. What is
said meanwhile is kept and taken up afterwards, so nothing the user says is lost.
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    LISTENING = auto()
    """Nobody speaks."""
    HEARING = auto()
    """The user speaks."""
    ENDING = auto()
    """The user paused; maybe that was all."""
    FINALISING = auto()
    """The user has finished; the recogniser owes the final text."""
    THINKING = auto()
    """An answer is being made; nothing is heard of it yet."""
    SPEAKING = auto()
    """The answer is heard."""


class Event(Enum):
    SPEECH = auto()
    """Voice began, or went on after a pause."""
    PAUSE = auto()
    """Voice paused."""
    WAIT_OVER = auto()
    """The pause has lasted long enough to be an end."""
    TOO_LONG = auto()
    """The utterance is longer than allowed."""
    WORDS = auto()
    """The final text, or the partial text that stands in for it."""
    NO_WORDS = auto()
    """The final text is empty, or not certain enough, though someone spoke."""
    NOISE = auto()
    """The final text is empty and the sound was too short for a word."""
    AUDIBLE = auto()
    """The answer's first sample is heard."""
    PLAYED = auto()
    """The answer's last sample is heard."""
    FAILED = auto()
    """The recogniser or the language model failed, or gave nothing for too long."""
    SILENT = auto()
    """There is nothing to say, or the voice failed, or gave nothing for too long."""


class Action(Enum):
    LISTEN = auto()
    """Open the turn: the recogniser listens from where the speech began."""
    WAIT = auto()
    """Start the end-of-speech wait."""
    GO_ON = auto()
    """The user goes on: forget the pause."""
    FINISH = auto()
    """Ask the recogniser for the final text."""
    ASK = auto()
    """Ask the language model."""
    ASK_AGAIN = auto()
    """Say that nothing was understood."""
    APOLOGISE = auto()
    """Say that something went wrong."""
    MARK = auto()
    """Note that the answer is heard."""
    END = auto()
    """Close the turn: it becomes history."""
    DROP = auto()
    """Close the turn as if it had not been."""
    GIVE_UP = auto()
    """Close the turn without an answer."""
    KEEP = auto()
    """Remember speech for the next turn."""


S, E, A = State, Event, Action

TABLE: dict[tuple[State, Event], tuple[State, Action]] = {
    (S.LISTENING, E.SPEECH): (S.HEARING, A.LISTEN),
    (S.HEARING, E.PAUSE): (S.ENDING, A.WAIT),
    (S.HEARING, E.TOO_LONG): (S.FINALISING, A.FINISH),
    (S.ENDING, E.SPEECH): (S.HEARING, A.GO_ON),
    (S.ENDING, E.WAIT_OVER): (S.FINALISING, A.FINISH),
    (S.ENDING, E.TOO_LONG): (S.FINALISING, A.FINISH),
    (S.FINALISING, E.WORDS): (S.THINKING, A.ASK),
    (S.FINALISING, E.NO_WORDS): (S.THINKING, A.ASK_AGAIN),
    (S.FINALISING, E.NOISE): (S.LISTENING, A.DROP),
    (S.FINALISING, E.FAILED): (S.THINKING, A.APOLOGISE),
    (S.FINALISING, E.SPEECH): (S.FINALISING, A.KEEP),
    (S.FINALISING, E.PAUSE): (S.FINALISING, A.KEEP),
    (S.THINKING, E.AUDIBLE): (S.SPEAKING, A.MARK),
    (S.THINKING, E.PLAYED): (S.LISTENING, A.END),
    (S.THINKING, E.FAILED): (S.THINKING, A.APOLOGISE),
    (S.THINKING, E.SILENT): (S.LISTENING, A.GIVE_UP),
    (S.THINKING, E.SPEECH): (S.THINKING, A.KEEP),
    (S.THINKING, E.PAUSE): (S.THINKING, A.KEEP),
    (S.SPEAKING, E.PLAYED): (S.LISTENING, A.END),
    (S.SPEAKING, E.SILENT): (S.LISTENING, A.GIVE_UP),
    (S.SPEAKING, E.SPEECH): (S.SPEAKING, A.KEEP),
    (S.SPEAKING, E.PAUSE): (S.SPEAKING, A.KEEP),
}

IGNORED = frozenset(
    {
        # A worker that was restarted may report an end whose beginning nobody saw.
        (S.LISTENING, E.PAUSE),
        (S.ENDING, E.PAUSE),
        (S.HEARING, E.SPEECH),
        # Once the answer is heard, a fault in what would follow does not take it back.
        (S.SPEAKING, E.FAILED),
        # A restarted audio worker says so again.
        (S.SPEAKING, E.AUDIBLE),
    }
)
"""Pairs that may happen and change nothing. Any other pair is a fault in the engine, caught by the tests."""
