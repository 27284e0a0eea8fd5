"""The table of turns: every state of the conversation, every event, and what follows.

An answer is spoken to its end, unless the user interrupts it, or the host wants silence or to speak. What is said
meanwhile and does not interrupt it is kept and taken up afterwards: nothing the user says is lost.
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    LISTENING = auto()
    """Nobody speaks."""
    ASLEEP = auto()
    """Nobody is listened to until the host says so."""
    MUTED = auto()
    """The microphone is closed."""
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
    ANNOUNCING = auto()
    """The host speaks: its words are made or heard."""
    INSISTING = auto()
    """The host speaks, and nobody may interrupt but a `stop`, or the end of the session."""


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
    MURMUR = auto()
    """What interrupted an answer was only a murmur, or a cough."""
    AUDIBLE = auto()
    """The answer's first sample is heard."""
    PLAYED = auto()
    """The answer's last sample is heard."""
    FAILED = auto()
    """The recogniser or the language model failed, or gave nothing for too long."""
    NOTHING = auto()
    """The language model has no answer."""
    SILENT = auto()
    """There is nothing to say, or the voice failed, or gave nothing for too long."""
    VOICE = auto()
    """There may be a voice while the engine speaks, or is about to."""
    INTERRUPTED = auto()
    """It is one, and meant for us."""
    QUIET = auto()
    """It was a noise, or nothing that is to be answered."""
    QUEUED = auto()
    """The host wants to speak or to ask when its turn comes."""
    MAKE_WAY = auto()
    """The host wants to speak now."""
    SAY = auto()
    """It is the turn of the host's words."""
    INSIST = auto()
    """It is the turn of the host's words, and they are not to be interrupted."""
    ASKED = auto()
    """It is the turn of the host's question."""
    STOP = auto()
    """The host wants silence."""
    LISTEN_NOW = auto()
    """The host wants the visitor to be listened to."""
    SLEEP = auto()
    """The host wants nobody to be listened to, or the button is released."""
    MUTE = auto()
    """The microphone was closed."""
    UNMUTE = auto()
    """It was opened again."""
    UNSURE = auto()
    """The visitor has been silent for a while after an answer."""
    LEAVE = auto()
    """The visitor has left: the host says so, or silence does."""


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
    TAKE_UP = auto()
    """Say the rest of what was interrupted."""
    APOLOGISE = auto()
    """Say that something went wrong."""
    SAY_UNKNOWN = auto()
    """Say that there is no answer."""
    MARK = auto()
    """Note that the answer is heard."""
    HOLD = auto()
    """Be silent until it is known whether the user interrupts."""
    RESUME = auto()
    """Go on from there. What made us silent is forgotten."""
    YIELD = auto()
    """The user has the turn: what was heard becomes history, and the rest is dropped."""
    END = auto()
    """Close the turn: it becomes history."""
    DROP = auto()
    """Close the turn as if it had not been."""
    GIVE_UP = auto()
    """Close the turn without an answer."""
    KEEP = auto()
    """Leave what was said, or what the host wants, for when this turn is over."""
    NEXT = auto()
    """See who has the next turn."""
    ANNOUNCE = auto()
    """Open a turn of the host's own and speak its words."""
    TAKE_QUESTION = auto()
    """Open a turn with the host's question and ask the language model."""
    EMPTY = auto()
    """Forget what the host wanted to be said."""
    HUSH = auto()
    """Fall silent, and forget what the host wanted to be said."""
    CUT = auto()
    """Fall silent: the host speaks."""
    POSTPONE = auto()
    """Put back what the user said or the host asked: it is answered after the host has spoken."""
    REST = auto()
    """Nobody has the turn: the silence is timed, if anybody is listened to."""
    REPROMPT = auto()
    """Ask whether the visitor is still there."""
    REFUSE = auto()
    """It cannot be."""
    FORGET = auto()
    """Fall silent and end the session: the visitor is forgotten."""


S, E, A = State, Event, Action

TABLE: dict[tuple[State, Event], tuple[State, Action]] = {
    (S.LISTENING, E.SPEECH): (S.HEARING, A.LISTEN),
    (S.LISTENING, E.QUEUED): (S.LISTENING, A.NEXT),
    (S.LISTENING, E.MAKE_WAY): (S.LISTENING, A.NEXT),
    (S.LISTENING, E.SAY): (S.ANNOUNCING, A.ANNOUNCE),
    (S.LISTENING, E.INSIST): (S.INSISTING, A.ANNOUNCE),
    (S.LISTENING, E.ASKED): (S.THINKING, A.TAKE_QUESTION),
    (S.LISTENING, E.STOP): (S.LISTENING, A.EMPTY),
    (S.LISTENING, E.LISTEN_NOW): (S.LISTENING, A.EMPTY),
    (S.LISTENING, E.SLEEP): (S.ASLEEP, A.REST),
    (S.LISTENING, E.MUTE): (S.MUTED, A.REST),
    (S.LISTENING, E.UNMUTE): (S.LISTENING, A.REST),
    (S.LISTENING, E.UNSURE): (S.ANNOUNCING, A.REPROMPT),
    (S.LISTENING, E.LEAVE): (S.LISTENING, A.FORGET),
    #
    (S.ASLEEP, E.QUEUED): (S.ASLEEP, A.NEXT),
    (S.ASLEEP, E.MAKE_WAY): (S.ASLEEP, A.NEXT),
    (S.ASLEEP, E.SAY): (S.ANNOUNCING, A.ANNOUNCE),
    (S.ASLEEP, E.INSIST): (S.INSISTING, A.ANNOUNCE),
    (S.ASLEEP, E.ASKED): (S.THINKING, A.TAKE_QUESTION),
    (S.ASLEEP, E.STOP): (S.ASLEEP, A.EMPTY),
    (S.ASLEEP, E.LISTEN_NOW): (S.LISTENING, A.NEXT),
    (S.ASLEEP, E.SLEEP): (S.ASLEEP, A.KEEP),
    (S.ASLEEP, E.MUTE): (S.MUTED, A.REST),
    (S.ASLEEP, E.UNMUTE): (S.ASLEEP, A.KEEP),
    (S.ASLEEP, E.LEAVE): (S.ASLEEP, A.FORGET),
    #
    (S.MUTED, E.QUEUED): (S.MUTED, A.NEXT),
    (S.MUTED, E.MAKE_WAY): (S.MUTED, A.NEXT),
    (S.MUTED, E.SAY): (S.ANNOUNCING, A.ANNOUNCE),
    (S.MUTED, E.INSIST): (S.INSISTING, A.ANNOUNCE),
    (S.MUTED, E.ASKED): (S.THINKING, A.TAKE_QUESTION),
    (S.MUTED, E.STOP): (S.MUTED, A.EMPTY),
    (S.MUTED, E.LISTEN_NOW): (S.MUTED, A.EMPTY),
    (S.MUTED, E.SLEEP): (S.MUTED, A.KEEP),
    (S.MUTED, E.MUTE): (S.MUTED, A.KEEP),
    (S.MUTED, E.UNMUTE): (S.LISTENING, A.NEXT),
    (S.MUTED, E.LEAVE): (S.MUTED, A.FORGET),
    #
    (S.HEARING, E.PAUSE): (S.ENDING, A.WAIT),
    (S.HEARING, E.TOO_LONG): (S.FINALISING, A.FINISH),
    (S.HEARING, E.QUEUED): (S.HEARING, A.KEEP),
    (S.HEARING, E.MAKE_WAY): (S.LISTENING, A.POSTPONE),
    (S.HEARING, E.STOP): (S.HEARING, A.EMPTY),
    (S.HEARING, E.LISTEN_NOW): (S.HEARING, A.EMPTY),
    (S.HEARING, E.SLEEP): (S.FINALISING, A.FINISH),
    (S.HEARING, E.MUTE): (S.LISTENING, A.DROP),
    (S.HEARING, E.UNMUTE): (S.HEARING, A.KEEP),
    (S.HEARING, E.LEAVE): (S.LISTENING, A.FORGET),
    #
    (S.ENDING, E.SPEECH): (S.HEARING, A.GO_ON),
    (S.ENDING, E.WAIT_OVER): (S.FINALISING, A.FINISH),
    (S.ENDING, E.TOO_LONG): (S.FINALISING, A.FINISH),
    (S.ENDING, E.QUEUED): (S.ENDING, A.KEEP),
    (S.ENDING, E.MAKE_WAY): (S.LISTENING, A.POSTPONE),
    (S.ENDING, E.STOP): (S.ENDING, A.EMPTY),
    (S.ENDING, E.LISTEN_NOW): (S.ENDING, A.EMPTY),
    (S.ENDING, E.SLEEP): (S.FINALISING, A.FINISH),
    (S.ENDING, E.MUTE): (S.LISTENING, A.DROP),
    (S.ENDING, E.UNMUTE): (S.ENDING, A.KEEP),
    (S.ENDING, E.LEAVE): (S.LISTENING, A.FORGET),
    #
    (S.FINALISING, E.WORDS): (S.THINKING, A.ASK),
    (S.FINALISING, E.NO_WORDS): (S.THINKING, A.ASK_AGAIN),
    (S.FINALISING, E.NOISE): (S.LISTENING, A.DROP),
    (S.FINALISING, E.MURMUR): (S.THINKING, A.TAKE_UP),
    (S.FINALISING, E.FAILED): (S.THINKING, A.APOLOGISE),
    (S.FINALISING, E.SPEECH): (S.FINALISING, A.KEEP),
    (S.FINALISING, E.PAUSE): (S.FINALISING, A.KEEP),
    (S.FINALISING, E.VOICE): (S.FINALISING, A.KEEP),
    (S.FINALISING, E.INTERRUPTED): (S.LISTENING, A.YIELD),
    (S.FINALISING, E.QUIET): (S.FINALISING, A.RESUME),
    (S.FINALISING, E.QUEUED): (S.FINALISING, A.KEEP),
    (S.FINALISING, E.MAKE_WAY): (S.LISTENING, A.POSTPONE),
    (S.FINALISING, E.STOP): (S.LISTENING, A.HUSH),
    (S.FINALISING, E.LISTEN_NOW): (S.LISTENING, A.HUSH),
    (S.FINALISING, E.SLEEP): (S.FINALISING, A.KEEP),
    (S.FINALISING, E.MUTE): (S.LISTENING, A.DROP),
    (S.FINALISING, E.UNMUTE): (S.FINALISING, A.KEEP),
    (S.FINALISING, E.LEAVE): (S.LISTENING, A.FORGET),
    #
    (S.THINKING, E.AUDIBLE): (S.SPEAKING, A.MARK),
    (S.THINKING, E.PLAYED): (S.LISTENING, A.END),
    (S.THINKING, E.FAILED): (S.THINKING, A.APOLOGISE),
    (S.THINKING, E.NOTHING): (S.THINKING, A.SAY_UNKNOWN),
    (S.THINKING, E.SILENT): (S.LISTENING, A.GIVE_UP),
    (S.THINKING, E.SPEECH): (S.THINKING, A.KEEP),
    (S.THINKING, E.PAUSE): (S.THINKING, A.KEEP),
    (S.THINKING, E.VOICE): (S.THINKING, A.KEEP),
    (S.THINKING, E.INTERRUPTED): (S.LISTENING, A.YIELD),
    (S.THINKING, E.QUIET): (S.THINKING, A.RESUME),
    (S.THINKING, E.QUEUED): (S.THINKING, A.KEEP),
    (S.THINKING, E.MAKE_WAY): (S.LISTENING, A.POSTPONE),
    (S.THINKING, E.STOP): (S.LISTENING, A.HUSH),
    (S.THINKING, E.LISTEN_NOW): (S.LISTENING, A.HUSH),
    (S.THINKING, E.SLEEP): (S.THINKING, A.KEEP),
    (S.THINKING, E.MUTE): (S.THINKING, A.KEEP),
    (S.THINKING, E.UNMUTE): (S.THINKING, A.KEEP),
    (S.THINKING, E.LEAVE): (S.LISTENING, A.FORGET),
    #
    (S.SPEAKING, E.PLAYED): (S.LISTENING, A.END),
    (S.SPEAKING, E.SILENT): (S.LISTENING, A.GIVE_UP),
    (S.SPEAKING, E.SPEECH): (S.SPEAKING, A.KEEP),
    (S.SPEAKING, E.PAUSE): (S.SPEAKING, A.KEEP),
    (S.SPEAKING, E.VOICE): (S.SPEAKING, A.HOLD),
    (S.SPEAKING, E.INTERRUPTED): (S.LISTENING, A.YIELD),
    (S.SPEAKING, E.QUIET): (S.SPEAKING, A.RESUME),
    (S.SPEAKING, E.QUEUED): (S.SPEAKING, A.KEEP),
    (S.SPEAKING, E.MAKE_WAY): (S.LISTENING, A.CUT),
    (S.SPEAKING, E.STOP): (S.LISTENING, A.HUSH),
    (S.SPEAKING, E.LISTEN_NOW): (S.LISTENING, A.HUSH),
    (S.SPEAKING, E.SLEEP): (S.SPEAKING, A.KEEP),
    (S.SPEAKING, E.MUTE): (S.SPEAKING, A.KEEP),
    (S.SPEAKING, E.UNMUTE): (S.SPEAKING, A.KEEP),
    (S.SPEAKING, E.LEAVE): (S.LISTENING, A.FORGET),
    #
    (S.ANNOUNCING, E.AUDIBLE): (S.ANNOUNCING, A.MARK),
    (S.ANNOUNCING, E.PLAYED): (S.LISTENING, A.END),
    (S.ANNOUNCING, E.SILENT): (S.LISTENING, A.GIVE_UP),
    (S.ANNOUNCING, E.SPEECH): (S.ANNOUNCING, A.KEEP),
    (S.ANNOUNCING, E.PAUSE): (S.ANNOUNCING, A.KEEP),
    (S.ANNOUNCING, E.VOICE): (S.ANNOUNCING, A.HOLD),
    (S.ANNOUNCING, E.INTERRUPTED): (S.LISTENING, A.YIELD),
    (S.ANNOUNCING, E.QUIET): (S.ANNOUNCING, A.RESUME),
    (S.ANNOUNCING, E.QUEUED): (S.ANNOUNCING, A.KEEP),
    (S.ANNOUNCING, E.MAKE_WAY): (S.LISTENING, A.CUT),
    (S.ANNOUNCING, E.STOP): (S.LISTENING, A.HUSH),
    (S.ANNOUNCING, E.LISTEN_NOW): (S.LISTENING, A.HUSH),
    (S.ANNOUNCING, E.SLEEP): (S.ANNOUNCING, A.KEEP),
    (S.ANNOUNCING, E.MUTE): (S.ANNOUNCING, A.KEEP),
    (S.ANNOUNCING, E.UNMUTE): (S.ANNOUNCING, A.KEEP),
    (S.ANNOUNCING, E.LEAVE): (S.LISTENING, A.FORGET),
    #
    (S.INSISTING, E.AUDIBLE): (S.INSISTING, A.MARK),
    (S.INSISTING, E.PLAYED): (S.LISTENING, A.END),
    (S.INSISTING, E.SILENT): (S.LISTENING, A.GIVE_UP),
    (S.INSISTING, E.SPEECH): (S.INSISTING, A.KEEP),
    (S.INSISTING, E.PAUSE): (S.INSISTING, A.KEEP),
    (S.INSISTING, E.QUEUED): (S.INSISTING, A.KEEP),
    (S.INSISTING, E.MAKE_WAY): (S.INSISTING, A.KEEP),
    (S.INSISTING, E.STOP): (S.LISTENING, A.HUSH),
    (S.INSISTING, E.LISTEN_NOW): (S.INSISTING, A.REFUSE),
    (S.INSISTING, E.SLEEP): (S.INSISTING, A.KEEP),
    (S.INSISTING, E.MUTE): (S.INSISTING, A.KEEP),
    (S.INSISTING, E.UNMUTE): (S.INSISTING, A.KEEP),
    (S.INSISTING, E.LEAVE): (S.LISTENING, A.FORGET),
}

IGNORED = frozenset(
    {
        # A worker that was restarted may report an end whose beginning nobody saw, and whoever was forgotten in
        # mid-speech stops speaking some time.
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

SHOWN = {
    S.LISTENING: "listening",
    S.ASLEEP: "asleep",
    S.MUTED: "muted",
    S.HEARING: "hearing",
    S.ENDING: "hearing",
    S.FINALISING: "thinking",
    S.THINKING: "thinking",
    S.SPEAKING: "speaking",
    S.ANNOUNCING: "announcing",
    S.INSISTING: "announcing",
}
"""What a host is shown of each state."""
