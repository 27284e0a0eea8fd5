"""The conversation: messages in, messages out, by the table of turns. No rings, no clock and no process in here.

`workers/turns.py` hands in what the stages and the host said and the time, sends what is in the `outbox`, and calls
`expire` when `timer_ns` has passed. All deadlines of a turn are enforced here: here is who waits for the results.

The parts: `hearing` the user and `finalising` what they said, `answering` with the language model, `speaking` through
the voice, the `floor` where one of these is late, `interrupting` what is said, `closing` turns, `host_commands`, and
`sessions`. They share the `present`. Here they are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Set

from engine import audible
from engine import messages as m
from engine.config import Config
from engine.contract import Tag
from engine.turns.answering import Answering
from engine.turns.attention import RESTING, Attention
from engine.turns.calling import Calling
from engine.turns.closing import Closing
from engine.turns.finalising import Finalising
from engine.turns.hearing import Hearing
from engine.turns.host_commands import HostCommands
from engine.turns.interrupting import Interrupting
from engine.turns.memory import Succession
from engine.turns.patience import Patience
from engine.turns.present import Present, Timer
from engine.turns.session import Session
from engine.turns.sessions import Sessions
from engine.turns.speaking import Speaking
from engine.turns.speculating import Speculating
from engine.turns.table import Action, Event, State

_VOICES = {"vocoder": audible.VOCODER, "floor": audible.FLOOR}


class Conversation:
    """The turns of one visitor after the other.

    outbox: (channel, message) pairs to be sent, oldest first.
    session, turn, is_open: where a predecessor in this engine has left off.
    """

    def __init__(self, config: Config, rate: int, session: int = 1, turn: int = 0, is_open: bool = False) -> None:
        self.present = present = Present(config, rate, Session(session, turn, is_open))
        self.attention = attention = Attention(present)
        self._sessions = sessions = Sessions(present, attention)
        self._speaking = speaking = Speaking(present)
        self._host = host = HostCommands(present, sessions, attention)
        self._calling = calling = Calling(present, host)
        self._answering = answering = Answering(present, speaking, calling)
        speculating = Speculating(present, answering)
        finalising = Finalising(present, attention, speculating)
        self._hearing = hearing = Hearing(present, sessions, attention, speculating, finalising)
        finalising.on_words = calling.heard
        host.on_listen = hearing.attend
        self._closing = closing = Closing(present, sessions, speaking, answering, host, calling, self._next)
        self._interrupting = interrupting = Interrupting(present, attention, speaking, closing, calling)
        self.succession = Succession(present, host, calling.calls)
        self._input_end: int | None = None
        self._over = False
        present.actions = {
            Action.LISTEN: hearing.listen,
            Action.WAIT: hearing.wait,
            Action.GO_ON: hearing.go_on,
            Action.FINISH: finalising.finish,
            Action.KEEP: hearing.keep,
            Action.ASK: answering.ask,
            Action.ASK_AGAIN: answering.ask_again,
            Action.TAKE_UP: answering.take_up,
            Action.APOLOGISE: answering.apologise,
            Action.SAY_UNKNOWN: answering.say_unknown,
            Action.MARK: speaking.mark,
            Action.ANNOUNCE: self._announce,
            Action.TAKE_QUESTION: self._take_question,
            Action.EMPTY: host.empty,
            Action.REST: lambda _now: sessions.watch(),
            Action.REPROMPT: answering.reprompt,
            Action.REFUSE: lambda _now: None,
            Action.NEXT: self._next,
            Action.HOLD: interrupting.hold,
            Action.RESUME: interrupting.go_on,
            Action.YIELD: interrupting.yield_turn,
            Action.END: closing.end,
            Action.DROP: closing.drop,
            Action.GIVE_UP: closing.give_up,
            Action.HUSH: closing.hush,
            Action.CUT: closing.cut,
            Action.POSTPONE: closing.postpone,
            Action.FORGET: closing.forget,
        }
        self._expired: dict[Timer, Callable[[int], None]] = {
            Timer.WAIT: hearing.wait_over,
            Timer.TOO_LONG: hearing.too_long,
            Timer.FINAL: finalising.due,
            Timer.ANSWER: answering.floor.answer_due,
            Timer.VOICE: speaking.voice_due,
            Timer.FLOOR: answering.floor.due,
            Timer.PATIENCE: Patience(present).out,
            Timer.AUDIBLE: speaking.audible,
            Timer.WORD: speaking.tell_words,
            Timer.PLAYED: speaking.played,
            Timer.QUIET: interrupting.quiet,
            Timer.HELD: interrupting.held_long,
            Timer.FIRM: lambda _now: None,
            Timer.UNSURE: lambda now: self._silence(sessions.unsure, now),
            Timer.LEFT: lambda now: self._silence(sessions.silence, now),
        }
        self._of_the_turn: dict[type[m.Message], Callable[..., None]] = {
            m.Text: hearing.text,
            m.TextFailed: hearing.text_failed,
            m.EndingJudged: hearing.ending_judged,
        }
        self._of_the_attempt: dict[type[m.Message], Callable[..., None]] = {
            m.Piece: answering.piece,
            m.PiecesEnded: answering.pieces_ended,
            m.CallTool: answering.called,
        }
        self._of_the_voice: dict[type[m.Message], Callable[..., None]] = {
            m.ClauseBegan: speaking.clause_began,
            m.ClauseVoiced: speaking.clause_voiced,
            m.VoiceEnded: speaking.voice_ended,
        }
        self._of_the_loudspeaker: dict[type[m.Message], Callable[..., None]] = {
            m.PlaybackBegan: speaking.playback_began,
            m.PlaybackDry: speaking.dry,
            m.PlaybackEnded: speaking.playback_ended,
        }
        self._of_holding: dict[type[m.Message], Callable[..., None]] = {
            m.PlaybackBegan: answering.floor.holding_began,
            m.PlaybackEnded: answering.floor.holding_ended,
        }
        self._others: dict[type[m.Message], Callable[..., None]] = {
            m.Joined: self._joined,
            m.Renewed: self._renewed,
            m.SpeechBegan: hearing.speech_began,
            m.SpeechPaused: hearing.speech_paused,
            m.VoiceHeard: interrupting.voice_heard,
            m.VoiceGone: interrupting.voice_gone,
            m.InputEnded: self._input_ended,
            m.MicrophoneMuted: attention.microphone,
            **dict.fromkeys(host.does, host.take),
        }
        self._again: dict[str, Callable[[m.Joined, int], None]] = {
            "vad": hearing.vad_again,
            "asr": hearing.asr_again,
            "llm": answering.llm_again,
            "vocoder": speaking.voice_again,
            "floor": answering.floor_again,
        }

    # What the worker asks.

    @property
    def outbox(self) -> list[tuple[str, m.Message]]:
        """(channel, message) pairs to be sent, oldest first."""
        return self.present.outbox

    @property
    def timer_ns(self) -> int | None:
        """When `expire` wants to be called."""
        calls_ns = self._calling.next_ns
        return min((*self.present.timers.values(), *(() if calls_ns is None else (calls_ns,))), default=None)

    @property
    def open_from(self) -> int:
        """The sample at which unanswered speech began, plus one; 0 when there is none."""
        turn, kept = self.present.turn, self.present.kept
        answered = turn is not None and (self.present.state is State.SPEAKING or turn.caller is not None)
        if turn is not None and turn.is_speech and not answered:
            return turn.speech.start + 1
        return kept[0].start + 1 if kept else 0

    @property
    def yields(self) -> Tag | None:
        """The attempt that a voice silences at once, if any."""
        return self._interrupting.yields

    @property
    def holds(self) -> Tag | None:
        """The attempt that stays silent for now, if any."""
        turn = self.present.turn
        return turn.tag if turn is not None and turn.attempt.held else None

    @property
    def due_ns(self) -> int:
        """When the next step of a guess that has come true is due; 0: there is none. Whoever works on it was told of no
        deadline, since it had none."""
        turn, timers = self.present.turn, self.present.timers
        if turn is None or not turn.hit:
            return 0
        return timers.get(Timer.ANSWER) or timers.get(Timer.VOICE) or 0

    def see(
        self, judged: int, played: int, floor: bool = False, absent: Set[str] = frozenset(), hands: int = 0
    ) -> None:
        """To be called before `handle` and `expire`. judged: the sample up to which voice activity is known. played:
        how many samples of the present answer the loudspeaker was given. floor: it can take steps over. absent: the
        stages that are not there and will not be soon. hands: the host programs that do what is called."""
        self.present.hands = hands
        self.present.judged, self.present.played, self.present.floor_there = judged, played, floor
        self.present.absent = absent

    def handle(self, message: m.Message, now: int) -> None:
        """Take in what a stage or the host said at `now`. What belongs to another turn or attempt is dropped."""
        turn, kind = self.present.turn, type(message)
        if kind in self._others:
            self._others[kind](message, now)
        elif turn is not None and kind in self._of_the_turn and message.tag == turn.ear:
            self._of_the_turn[kind](message, now)
        elif turn is not None and message.tag == turn.tag:
            self._handle_attempt(message, turn.attempt.voice, now)
        elif self.present.ahead and isinstance(message, m.Text) and message.tag == self.present.ahead[0]:
            self._interrupting.text(message, now)
        self._finish_if_over()

    def _handle_attempt(self, message: m.Message, voice: int, now: int) -> None:
        """What belongs to the present attempt. What comes of a voice from which another one has taken over is late."""
        kind = type(message)
        if kind in self._of_the_attempt:
            self._of_the_attempt[kind](message, now)
        elif kind in self._of_the_voice and _VOICES[message.stage] == voice:  # type: ignore[attr-defined]
            self._of_the_voice[kind](message, now)
        elif kind in self._of_the_loudspeaker and message.source == voice:  # type: ignore[attr-defined]
            self._of_the_loudspeaker[kind](message, now)
        elif kind in self._of_holding and message.source == self.present.source:  # type: ignore[attr-defined]
            self._of_holding[kind](message, now)

    def expire(self, now: int) -> None:
        """Do what is due at `now`, in the order in which it became due."""
        timers = self.present.timers
        for at, timer in sorted(((at, timer) for timer, at in timers.items()), key=lambda pair: pair[0]):
            if at <= now and timers.get(timer) == at:
                del timers[timer]
                self._expired[timer](now)
        self._calling.look(now)
        self._finish_if_over()

    def start(self, now: int) -> None:
        """The engine runs: tell the state, whatever a predecessor has told last."""
        self.attention.rest(now)
        self.present.show(now)
        self._sessions.rest(now)

    def reload(self, config: Config, now: int) -> None:
        """New settings count from now on."""
        self.present.config = config
        self.present.endpointer.reload(config.turns, config.language, config.expected_phrases())
        self.attention.reload(now)
        self._hearing.reload()
        self._sessions.watch()

    def interrupt(self, now: int) -> None:
        """The engine ends: tell of the turn and the session that are under way."""
        self._closing.stop(now)

    # Whose turn it is.

    def _next(self, now: int) -> None:
        """Nobody has the turn. First comes what the host must say at once, then what the user has said meanwhile, then
        what the host wants to say or ask some time."""
        present, host = self.present, self._host
        if host.urgent:
            present.happens(host.urgent[0].event, now)
        elif present.kept:
            paused = present.kept[0].end
            present.happens(Event.SPEECH, now)
            if paused:
                present.happens(Event.PAUSE, now)
        elif host.queue:
            present.happens(host.queue[0].event, now)
        else:
            self._sessions.watch()
            self.attention.rest(now)

    def _announce(self, now: int) -> None:
        turn = self._host.open("say", now)
        assert turn.wish is not None
        self._speaking.say(turn.wish.text, now)

    def _take_question(self, now: int) -> None:
        self._calling.heard(self._host.take_question(now).question, now)
        self._answering.ask(now)

    def _silence(self, what: Callable[[int], None], now: int) -> None:
        """The visitor has been silent for so long. While something is done for them they may well be."""
        if self._calling.calls.open:
            self._sessions.rest(now)
        else:
            what(now)

    # Workers that were restarted, or could not do what they were told.

    def _joined(self, message: m.Joined, now: int) -> None:
        if message.stage == "vad":
            self._interrupting.voice_gone(m.VoiceGone(end=message.sample, capture_ns=message.capture_ns), now)
        if again := self._again.get(message.stage):
            again(message, now)

    def _renewed(self, message: m.Renewed, now: int) -> None:
        if message.text:
            self.present.fault(message.stage, f"the settings it had are kept: {message.text}", now)
        self.present.send("story", message)

    # The end of a recorded input.

    def _input_ended(self, message: m.InputEnded, _now: int) -> None:
        self._input_end = message.sample

    def _finish_if_over(self) -> None:
        """When a file was the input: over once its last sample has been judged and answered."""
        present = self.present
        if self._over or self._input_end is None or present.state not in RESTING or present.kept:
            return
        if self._calling.calls.open:
            return
        if present.judged >= self._input_end + present.rate // 2:
            self._over = True
            present.send("story", m.Over())
