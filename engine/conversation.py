"""The conversation: messages in, messages out, by the table of turns. No rings, no clock and no process in here.

`workers/turns.py` hands in what the stages said and the time, sends what is in the `outbox`, and calls `expire` when
`timer_ns` has passed. All deadlines of a turn are enforced here, because here is who waits for the results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto

from engine import events
from engine import messages as m
from engine.clauses import Clauser
from engine.config import Config
from engine.contract import Exchange, Tag
from engine.turn import MS, Speech, Turn
from engine.turns import IGNORED, TABLE, Action, Event, State

TAIL_MS = 100
"""Silence after the end of speech that the recogniser still gets, so that it is sure of the last word. It makes words
of more."""

HOP_MS = 32
"""The most sound that a VAD judges at a time."""
AGAIN_MS = 16
"""When the VAD is behind: how soon to look again. Its messages wake us; its silence does not."""
RESTARTS = 1
"""How many restarts of a worker its work of one turn survives: what killed it twice is not given to it again."""
HISTORY_CHARACTERS = 12_000
"""What a question may carry of the past: four bytes each at most, and it must fit into a record of its ring."""


class Timer(Enum):
    """What a turn may have to be woken for."""

    WAIT = auto()
    """The end-of-speech wait is over."""
    TOO_LONG = auto()
    FINAL = auto()
    """The final text is due."""
    PATIENCE = auto()
    """Nothing came for so long that the stage is given up."""


class Conversation:
    """One session's turns.

    outbox: (channel, message) pairs to be sent, oldest first.
    audible: the tag whose sound may be heard. judged: the sample up to which voice activity is known; played: how many
    samples of the present answer were played (both set before `expire`). on_response: called with each turn's response
    time in ns. on_late: called with the stage's name.
    """

    def __init__(self, config: Config, rate: int, turn: int = 0) -> None:
        self.config, self.rate = config, rate
        self.state = State.LISTENING
        self.outbox: list[tuple[str, m.Message]] = []
        self.audible = Tag()
        self.judged = 0
        self.played = 0
        self.on_response: Callable[[int], None] = lambda _ns: None
        self.on_late: Callable[[str], None] = lambda _stage: None
        self._turn: Turn | None = None
        self._number = turn
        self._history: deque[Exchange] = deque(maxlen=config.llm.history_turns)
        self._kept: list[Speech] = []
        self._timers: dict[Timer, int] = {}
        self._input_end: int | None = None
        self._over = False
        self._phrases = config.phrases[config.language]

    # What the worker asks.

    @property
    def timer_ns(self) -> int | None:
        """When `expire` wants to be called."""
        return min(self._timers.values(), default=None)

    @property
    def number(self) -> int:
        """The number of the present or last turn."""
        return self._number

    @property
    def open_from(self) -> int:
        """The sample at which unanswered speech began, plus one; 0 when there is none."""
        if self._turn is not None and self.state is not State.SPEAKING:
            return self._turn.speech.start + 1
        return self._kept[0].start + 1 if self._kept else 0

    def handle(self, message: m.Message, now: int) -> None:
        """Take in what a stage said at `now`. What belongs to another turn or attempt is dropped."""
        handler = _HANDLERS.get(type(message))
        if handler is None:
            return
        ours = self._turn is not None and message.tag == self._turn.tag
        if ours or type(message) in _UNTAGGED:
            handler(self, message, now)
        self._finish_if_over()

    def resume(self, tag: Tag, now: int) -> None:
        """After a restart: an answer of which nothing else is known is being heard."""
        self._turn = Turn(tag, Speech(self.judged, 0, 0, self.judged), outcome="resumed")
        self.audible, self.state = tag, State.SPEAKING
        self._progress(now)

    def interrupt(self, now: int) -> None:
        """The engine ends: tell of the turn that is under way."""
        if self._turn is not None:
            self._turn.outcome = "interrupted"
            self._tell(now)

    def expire(self, now: int) -> None:
        """Do what is due at `now`."""
        for timer, at in list(self._timers.items()):
            if at <= now and self._timers.get(timer) == at:
                del self._timers[timer]
                _EXPIRED[timer](self, now)
        self._finish_if_over()

    # The table.

    def _happens(self, event: Event, now: int) -> None:
        step = TABLE.get((self.state, event))
        if step is None:
            if (self.state, event) not in IGNORED:
                raise RuntimeError(f"no row for {event.name} in {self.state.name}")
            return
        self.state, action = step
        _ACTIONS[action](self, now)

    # Speech, from the VAD.

    def _speech_began(self, message: m.SpeechBegan, now: int) -> None:
        if self.state in (State.HEARING, State.ENDING) and not self._kept:
            self._happens(Event.SPEECH, now)
            return
        last = self._kept[-1] if self._kept else None
        if last and (not last.end or message.capture_ns < last.end_ns + self._wait_ns):
            last.end = last.end_ns = 0  # the same utterance goes on
        else:
            self._kept.append(Speech(message.start, message.capture_ns, now))
        if self.state is not State.ENDING:
            self._happens(Event.SPEECH, now)

    def _speech_paused(self, message: m.SpeechPaused, now: int) -> None:
        hearing = self._turn.speech if self._turn and self.state is State.HEARING else None
        speech = self._kept[-1] if self._kept else hearing
        if speech is not None and not speech.end:
            speech.end, speech.end_ns, speech.paused_ns = message.end, message.capture_ns, now
            self._happens(Event.PAUSE, now)

    def _listen(self, now: int) -> None:
        speech = self._kept.pop(0)
        self._number += 1
        self._turn = Turn(Tag(1, self._number, 1), speech)
        self._send_listen(now)
        self._timers[Timer.TOO_LONG] = speech.start_ns + round(self.config.turns.max_utterance_s * 1e9)

    def _send_listen(self, now: int) -> None:
        turn = self._present
        turn.listened_ns = now
        start = max(0, turn.speech.start - self.config.vad.preroll_ms * self.rate // 1000)
        self._send(
            "listen",
            m.Listen(tag=turn.tag, capture_ns=turn.speech.start_ns, start=start, language=self.config.language),
        )

    def _wait(self, _now: int) -> None:
        self._timers[Timer.WAIT] = self._present.speech.end_ns + self._wait_ns
        self._send_hold()

    def _send_hold(self) -> None:
        """Where the recogniser has to stop for now, if anywhere."""
        turn = self._present
        limit = self._tail if turn.speech.end else 0
        self._send("listen", m.Hold(tag=turn.tag, capture_ns=turn.speech.end_ns, limit=limit))

    def _go_on(self, _now: int) -> None:
        self._timers.pop(Timer.WAIT, None)
        speech = self._present.speech
        speech.end = speech.end_ns = 0
        self._send_hold()

    def _wait_over(self, now: int) -> None:
        # On a loaded machine the VAD may be behind: silence is only over when it has been judged to be silence.
        # Its last hop may still be under way.
        needed = self._present.speech.end + (self._wait_ns // MS - HOP_MS) * self.rate // 1000
        if self.judged < needed:
            self._timers[Timer.WAIT] = now + AGAIN_MS * MS
        else:
            self._happens(Event.WAIT_OVER, now)

    def _keep(self, _now: int) -> None:
        """Speech that came while the turn was not the user's stays in `_kept`."""

    # The final text, from the recogniser.

    def _finish(self, now: int) -> None:
        turn = self._present
        self._timers.clear()
        if not turn.speech.end:  # cut off in mid-speech: the rest is the next turn's
            turn.speech.end, turn.speech.end_ns, turn.speech.paused_ns = self.judged, now, now
            self._kept.append(Speech(self.judged, now, now))
        turn.stages["turns"] = turn.times(turn.speech.paused_ns, None, now)
        turn.stages["vad"] = turn.times(turn.speech.start_ns, turn.speech.said_ns, turn.speech.paused_ns)
        turn.due["asr"] = now + self.config.asr.final_budget_ms * MS
        self._timers[Timer.FINAL] = turn.due["asr"]
        self._progress(now)
        if turn.deaf:
            self._happens(Event.FAILED, now)
        else:
            self._send_finish()

    def _send_finish(self) -> None:
        turn = self._present
        stop = min(self._tail, self.judged)
        self._send(
            "listen", m.Finish(tag=turn.tag, capture_ns=turn.speech.end_ns, deadline_ns=turn.due["asr"], stop=stop)
        )

    def _text(self, message: m.Text, now: int) -> None:
        turn = self._present
        if self.state in (State.HEARING, State.ENDING):
            turn.heard = message
        elif self.state is State.FINALISING and message.final:
            self._check("asr", now)
            self._take_text(message, now)
        elif self.state is State.FINALISING:
            turn.heard = message

    def _text_failed(self, _message: m.TextFailed, now: int) -> None:
        self._deafen(now)

    def _deafen(self, now: int) -> None:
        """No text will come for this turn."""
        self._present.deaf = True
        if self.state is State.FINALISING:
            self._happens(Event.FAILED, now)

    def _take_text(self, text: m.Text, now: int) -> None:
        turn = self._present
        turn.heard = text
        self._timers.pop(Timer.FINAL, None)
        turn.stages["asr"] = turn.work(text)
        if not text.final:  # it stands in for the final text from now on
            turn.stages["asr"]["ended"] = turn.ms(now)
        self._happens(self._judge(text), now)

    def _judge(self, text: m.Text) -> Event:
        if text.text.strip() and text.confidence >= self.config.asr.min_confidence:
            return Event.WORDS
        spoken_ms = (self._present.speech.end - self._present.speech.start) * 1000 // self.rate
        return Event.NO_WORDS if spoken_ms >= self.config.turns.shortest_utterance_ms else Event.NOISE

    def _final_due(self, now: int) -> None:
        """The final text is late. A partial text that reaches past the end of speech stands in at once; one that does
        not is given the time that the turn's own deadline leaves. That runs from the end of speech, or, where the
        recogniser was told so late that it has to catch up, from when it can have heard all of it."""
        turn = self._present
        self._late("asr")
        caught_up = turn.listened_ns + turn.speech.end_ns - turn.speech.start_ns
        left = self.config.turns.response_budget_ms - self.config.llm.first_clause_budget_ms
        latest = max(turn.speech.end_ns, caught_up) + left * MS
        whole = turn.heard is not None and turn.heard.upto >= turn.speech.end
        if turn.heard is not None and (whole or now >= latest):
            self._take_text(turn.heard, now)
        elif now < latest:
            self._timers[Timer.FINAL] = latest

    # The answer, from the language model.

    def _ask(self, now: int) -> None:
        turn = self._present
        assert turn.heard is not None
        turn.asked_ns, turn.answering = now, False
        turn.due.setdefault("llm", now + self.config.llm.first_token_budget_ms * MS)
        self.audible = turn.tag
        self._progress(now)
        while sum(len(exchange.user) + len(exchange.answer) for exchange in self._history) > HISTORY_CHARACTERS:
            self._history.popleft()
        history = tuple(text for exchange in self._history for text in (exchange.user, exchange.answer))
        self._send(
            "asks",
            m.Ask(
                tag=turn.tag,
                capture_ns=turn.speech.end_ns,
                deadline_ns=turn.due["llm"],
                text=turn.heard.text,
                language=turn.heard.language,
                history=history,
            ),
        )

    def _piece(self, message: m.Piece, now: int) -> None:
        turn = self._present
        if not turn.answering:
            self._check("llm", now)
            turn.answering = True
            turn.due["llm"] = turn.asked_ns + self.config.llm.first_clause_budget_ms * MS
        self._progress(now)
        self._speak(turn.clauser.feed(message.text), now)

    def _speak(self, clauses: list[str], now: int) -> None:
        turn = self._present
        for clause in clauses:
            if not turn.clauses:
                self._check("llm", now)
                turn.due["vocoder"] = now + self.config.vocoder.first_audio_budget_ms * MS
            turn.clauses.append(clause)
            self._send_clause(len(turn.clauses) - 1)

    def _send_clause(self, number: int) -> None:
        turn = self._present
        deadline = turn.due["vocoder"] if number == 0 else 0
        self._send(
            "clauses",
            m.Clause(
                tag=turn.tag,
                capture_ns=turn.speech.end_ns,
                deadline_ns=deadline,
                number=number,
                text=turn.clauses[number],
                language=self.config.language,
            ),
        )

    def _answer_ended(self, message: m.AnswerEnded, now: int) -> None:
        turn = self._present
        if message.reason == "failed" and not turn.clauses:
            self._happens(Event.FAILED, now)
            return
        turn.stages["llm"] = turn.work(message)
        self._close_answer(now)

    def _close_answer(self, now: int) -> None:
        turn = self._present
        self._speak(turn.clauser.flush(), now)
        turn.answer_ended = True
        if turn.clauses:
            self._send_last()
        else:
            self._happens(Event.SILENT, now)

    def _send_last(self) -> None:
        turn = self._present
        self._send("clauses", m.LastClause(tag=turn.tag, capture_ns=turn.speech.end_ns, count=len(turn.clauses)))

    def _ask_again(self, now: int) -> None:
        self._say_instead(self._phrases.not_heard, now)

    def _apologise(self, now: int) -> None:
        self._say_instead(self._phrases.failed, now)

    def _say_instead(self, phrase: str, now: int) -> None:
        """Say a phrase of the engine's own instead of an answer, as a new attempt: what was under way is stale."""
        turn = self._present
        self._send("listen", m.Cancel(tag=turn.tag))
        self._send("asks", m.Cancel(tag=turn.tag))
        turn.tag = self.audible = turn.next_attempt()
        turn.outcome = "apologised"
        turn.clauser = Clauser()
        turn.due.clear()
        self._timers.clear()
        self._progress(now)
        self._speak([phrase], now)
        self._close_answer(now)

    # The sound, from vocoder and audio.

    def _clause_voiced(self, message: m.ClauseVoiced, now: int) -> None:
        turn = self._present
        if message.number == 0:
            self._check("vocoder", now)
        turn.voiced = max(turn.voiced, message.number + 1)
        turn.samples += message.samples
        self._progress(now)

    def _voice_ended(self, message: m.VoiceEnded, now: int) -> None:
        turn = self._present
        turn.stages["vocoder"] = turn.work(message)
        if turn.response_ms is not None:  # a restarted voice does not know of its predecessor's first sound
            turn.stages["vocoder"]["first"] = min(turn.stages["vocoder"]["first"] or 0.0, turn.response_ms)
        if message.reason != "done" and not turn.samples:
            self._happens(Event.SILENT, now)

    def _playback_began(self, message: m.PlaybackBegan, now: int) -> None:
        turn = self._present
        if turn.response_ms is None:
            turn.response_ms = turn.ms(message.at_ns)
            turn.stages["audio"] = turn.times(None, message.at_ns, None)
            self.on_response(message.at_ns - turn.speech.end_ns)
        self._happens(Event.AUDIBLE, now)

    def _playback_ended(self, message: m.PlaybackEnded, now: int) -> None:
        if "audio" in self._present.stages:
            self._present.stages["audio"]["ended"] = self._present.ms(message.at_ns)
        self._happens(Event.PLAYED, now)

    def _mark(self, now: int) -> None:
        self._progress(now)

    def _end(self, now: int) -> None:
        turn = self._present
        if turn.outcome == "answered" and turn.heard is not None:
            self._history.append(Exchange(turn.heard.text, " ".join(turn.clauses[: turn.voiced])))
        self._close(now)

    def _give_up(self, now: int) -> None:
        turn = self._present
        for ring in ("asks", "clauses"):
            self._send(ring, m.Cancel(tag=turn.tag))
        turn.outcome = "abandoned"
        self.audible = turn.next_attempt()
        self._close(now)

    def _close(self, now: int) -> None:
        self._tell(now)
        self._drop(now)

    def _tell(self, now: int) -> None:
        turn = self._present
        record = dict(turn.record(self.rate))
        answer = " ".join(turn.clauses)
        ended = events.AnswerEnded(answer, answer, turn.outcome, "answer", record)
        self._send("story", m.Happened(tag=turn.tag, at_ns=now, event=events.dump(ended)))

    def _drop(self, now: int) -> None:
        self._turn = None
        self._timers.clear()
        # Speech that came meanwhile happens now.
        if self._kept:
            paused = self._kept[0].end
            self._happens(Event.SPEECH, now)
            if paused:
                self._happens(Event.PAUSE, now)

    # Deadlines.

    def _progress(self, now: int) -> None:
        """Something came: the patience with the stage that is at work starts anew."""
        self._timers[Timer.PATIENCE] = now + round(self.config.turns.hard_limit_s * 1e9)

    def _out_of_patience(self, now: int) -> None:
        turn = self._present
        if self.state is State.SPEAKING and self.played != turn.played:  # it is being heard: that is progress
            turn.played = self.played
            self._progress(now)
            return
        stage = "asr" if self.state is State.FINALISING else "vocoder" if turn.clauses else "llm"
        self._late(stage)
        self._happens(Event.SILENT if turn.clauses else Event.FAILED, now)

    def _check(self, stage: str, now: int) -> None:
        """Count a result that came after it was due, once."""
        due = self._present.due.pop(stage, None)
        if due is not None and now > due:
            self._late(stage)

    def _late(self, stage: str) -> None:
        if stage not in self._present.late:
            self._present.late.append(stage)
            self.on_late(stage)

    # Workers that were restarted.

    def _joined(self, message: m.Joined, now: int) -> None:
        if again := _AGAIN.get(message.stage):
            again(self, message, now)

    def _vad_again(self, message: m.Joined, now: int) -> None:
        """It starts in silence as far as it knows: speech that goes on is reported as new."""
        if self.state is State.HEARING or (self._kept and not self._kept[-1].end):
            self._speech_paused(m.SpeechPaused(end=message.sample, capture_ns=message.capture_ns), now)

    def _again_too_often(self, stage: str) -> bool:
        """Count that a worker was restarted in this turn. True: what it was doing is given up."""
        restarts = self._present.restarts
        restarts[stage] = restarts.get(stage, 0) + 1
        return restarts[stage] > RESTARTS

    def _asr_again(self, _message: m.Joined, now: int) -> None:
        """The sound is still in the mic ring: it listens again from where the speech began."""
        if self.state not in (State.HEARING, State.ENDING, State.FINALISING):
            return
        if self._again_too_often("asr"):
            self._deafen(now)
            return
        self._send_listen(now)
        self._send_hold()
        if self.state is State.FINALISING:
            self._present.due.setdefault("asr", 0)
            self._send_finish()

    def _llm_again(self, _message: m.Joined, now: int) -> None:
        turn = self._turn
        if turn is None or self.state not in (State.THINKING, State.SPEAKING) or turn.answer_ended:
            return
        if turn.clauses:  # what was said stands; asking again would say it twice
            self._close_answer(now)
        elif self._again_too_often("llm"):
            self._happens(Event.FAILED, now)
        else:
            self._send("asks", m.Cancel(tag=turn.tag))  # it may still find the question in its ring
            turn.tag = turn.next_attempt()
            turn.clauser = Clauser()
            self._ask(now)

    def _vocoder_again(self, _message: m.Joined, now: int) -> None:
        """It speaks the clauses again whose sound is not yet in the ring."""
        turn = self._turn
        if turn is None or not turn.clauses:
            return
        if self._again_too_often("vocoder"):
            self._happens(Event.SILENT, now)
            return
        turn.due.setdefault("vocoder", 0)
        for number in range(turn.voiced, len(turn.clauses)):
            self._send_clause(number)
        if turn.answer_ended:
            self._send_last()

    # The end of a recorded input.

    def _input_ended(self, message: m.InputEnded, _now: int) -> None:
        self._input_end = message.sample

    def _finish_if_over(self) -> None:
        """When a file was the input: over once its last sample has been judged and answered."""
        if self._over or self._input_end is None or self.state is not State.LISTENING or self._kept:
            return
        if self.judged >= self._input_end + self.rate // 2:
            self._over = True
            self._send("story", m.Over())

    # Small help.

    @property
    def _present(self) -> Turn:
        assert self._turn is not None
        return self._turn

    @property
    def _tail(self) -> int:
        """The sample after the last one that the recogniser gets of this utterance."""
        return self._present.speech.end + TAIL_MS * self.rate // 1000

    @property
    def _wait_ns(self) -> int:
        return self.config.turns.end_of_speech_ms * MS

    def _send(self, channel: str, message: m.Message) -> None:
        self.outbox.append((channel, message))


_ACTIONS = {
    Action.LISTEN: Conversation._listen,
    Action.WAIT: Conversation._wait,
    Action.GO_ON: Conversation._go_on,
    Action.FINISH: Conversation._finish,
    Action.ASK: Conversation._ask,
    Action.ASK_AGAIN: Conversation._ask_again,
    Action.APOLOGISE: Conversation._apologise,
    Action.MARK: Conversation._mark,
    Action.END: Conversation._end,
    Action.DROP: Conversation._drop,
    Action.GIVE_UP: Conversation._give_up,
    Action.KEEP: Conversation._keep,
}

_EXPIRED = {
    Timer.WAIT: Conversation._wait_over,
    Timer.TOO_LONG: lambda conversation, now: conversation._happens(Event.TOO_LONG, now),
    Timer.FINAL: Conversation._final_due,
    Timer.PATIENCE: Conversation._out_of_patience,
}

_HANDLERS: dict[type[m.Message], Callable[..., None]] = {
    m.Joined: Conversation._joined,
    m.SpeechBegan: Conversation._speech_began,
    m.SpeechPaused: Conversation._speech_paused,
    m.Text: Conversation._text,
    m.TextFailed: Conversation._text_failed,
    m.Piece: Conversation._piece,
    m.AnswerEnded: Conversation._answer_ended,
    m.ClauseVoiced: Conversation._clause_voiced,
    m.VoiceEnded: Conversation._voice_ended,
    m.PlaybackBegan: Conversation._playback_began,
    m.PlaybackEnded: Conversation._playback_ended,
    m.InputEnded: Conversation._input_ended,
}

_UNTAGGED = {m.Joined, m.SpeechBegan, m.SpeechPaused, m.InputEnded}

_AGAIN = {
    "vad": Conversation._vad_again,
    "asr": Conversation._asr_again,
    "llm": Conversation._llm_again,
    "vocoder": Conversation._vocoder_again,
}
