"""The present of a conversation: what its parts share, and the table that moves it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from enum import Enum, auto

from engine import audible, events
from engine import messages as m
from engine.clauses import Clauser
from engine.config import Config
from engine.contract import Tag
from engine.ladders import at
from engine.settings import OwnPhrases
from engine.turns.attempt import Attempt
from engine.turns.deadlines import OWNER, Step, budgets, deadline_ns
from engine.turns.endpointing import Endpointer
from engine.turns.session import Session
from engine.turns.table import IGNORED, SHOWN, TABLE, Action, Event, State
from engine.turns.turn import FLOOR_HANGS_MS, MS, Speech, Turn, Unsaid, Wish
from engine.turns.words import Words

RESTARTS = 1
"""How many restarts of a worker its work of one turn survives: what killed it twice is not given to it again."""


class Timer(Enum):
    """What may have to be waited for."""

    WAIT = auto()
    """The end-of-speech wait is over."""
    TOO_LONG = auto()
    FINAL = auto()
    """The final text is due."""
    ANSWER = auto()
    """The answer is not waited for any longer: something else has to be heard."""
    VOICE = auto()
    """The voice is not waited for any longer."""
    FLOOR = auto()
    """Nor is the floor, which was to help out."""
    PATIENCE = auto()
    """Nothing came for so long that the stage is given up."""
    HELD = auto()
    """It has been open for too long whether a voice interrupts the answer."""
    FIRM = auto()
    """Until then no voice silences the answer: what did was none."""
    AUDIBLE = auto()
    """The answer's first sample is heard: sound is handed to the device a little before."""
    WORD = auto()
    """The next word of the answer begins to be heard."""
    PLAYED = auto()
    """The answer's last sample is heard."""
    UNSURE = auto()
    """The visitor has been silent for so long that they are asked whether they are still there."""
    QUIET = auto()
    """A voice that might have interrupted is gone for so long that it was none, or nobody tells of it any more."""
    LEFT = auto()
    """The visitor has been silent for so long that they have left."""


class Present:
    """The state, the turn, the session, and what is to be sent. `actions` does what the table says; it is set by who
    puts the parts together."""

    def __init__(self, config: Config, rate: int, session: Session) -> None:
        self.config, self.rate, self.session = config, rate, session
        self.endpointer = Endpointer(config.turns, config.language, config.expected_phrases())
        self.state = State.LISTENING
        self.turn: Turn | None = None
        self.kept: list[Speech] = []
        """Speech that came while the turn was not the user's, oldest first."""
        self.ahead: tuple[Tag, int, int] | None = None
        """The turn to come, the sample from which the recogniser listens for it already, and since when."""
        self.unsaid: Unsaid | None = None
        """What has just been interrupted by the turn to come."""
        self.timers: dict[Timer, int] = {}
        self.outbox: list[tuple[str, m.Message]] = []
        self.actions: Mapping[Action, Callable[[int], None]] = {}
        self.rungs: dict[str, int] = {}
        """Which rung of its ladder each stage is on, 0 is the best."""
        self.audible = self.newest = Tag()
        """Whose sound may be heard; the newest attempt, heard or not: older ones that may not be heard are stale."""
        self.source = audible.NOTHING
        """Which source of it may be heard."""
        self.hands = 0
        """How many host programs are there that do what is called."""
        self.floor_there = False
        """There is a floor."""
        self.absent: Set[str] = frozenset()
        """The stages that are not there and will not be soon: the floor need not wait for their deadlines."""
        self.judged = self.played = self.forget_upto = 0
        self.on_response: Callable[[int], None] = lambda _ns: None
        self.on_late: Callable[[str], None] = lambda _stage: None
        self.on_count: Callable[[str, int], None] = lambda _name, _by: None
        self._shown = ""

    @property
    def phrases(self) -> OwnPhrases:
        """What the engine says by itself."""
        return self.config.phrases[self.config.language]

    @property
    def current(self) -> Turn:
        """The turn, where the state says that there is one."""
        assert self.turn is not None
        return self.turn

    @property
    def floor_ready(self) -> bool:
        """There is a floor that can take steps over."""
        return self.floor_there and not (self.turn is not None and self.turn.floor_hangs)

    def open(self, speech: Speech, source: str, wish: Wish | None = None) -> Turn:
        """Open a turn."""
        self.timers.clear()
        unsaid, self.unsaid = self.unsaid, None
        if wish is not None or source != "answer":
            unsaid = None
            self.stop_listening_ahead()
        first = self.session.next_tag()
        ear = Tag(first.session, first.turn)
        self.turn = Turn(ear, speech, self._attempt(first), source, wish, unsaid=unsaid, rungs=dict(self.rungs))
        self.turn.budgets = budgets(self.config)
        if speech.end_ns:
            self.set_deadline(speech.end_ns)
        return self.turn

    def next_attempt(self) -> Attempt:
        """The turn is tried anew; what was under way is stale."""
        attempt = self.current.attempt = self._attempt(self.current.attempt.next_tag)
        return attempt

    def before(self, start: int) -> int:
        """Where the recogniser begins with speech that began at the sample `start`."""
        return max(0, start - self.config.vad.preroll_ms * self.rate // 1000)

    def listen(self, tag: Tag, speech: Speech) -> None:
        """Let the recogniser listen to the words of `tag`."""
        start, language = self.before(speech.start), self.config.language
        self.send("listen", m.Listen(tag=tag, capture_ns=speech.start_ns, start=start, language=language))

    def listen_ahead(self, speech: Speech, now: int) -> None:
        """Let the recogniser listen to what may become the next turn."""
        if self.ahead is None:
            self.ahead = Tag(self.session.number, self.session.turn + 1), self.before(speech.start), now
            self.listen(self.ahead[0], speech)

    def stop_listening_ahead(self) -> None:
        """It becomes none."""
        if self.ahead is not None:
            self.send("listen", m.Cancel(tag=self.ahead[0]))
            self.ahead = None

    def _attempt(self, tag: Tag) -> Attempt:
        self.newest = tag
        clauses = at(self.config, "llm", self.rungs.get("llm", 0)).llm
        clauser = Clauser(clauses.first_clause_words, clauses.longest_clause_words)
        return Attempt(tag, Words(self.rate), played=self.played, clauser=clauser)

    # The table.

    def happens(self, event: Event, now: int) -> Action | None:
        """Do what follows from an event. Returns what that was; None if nothing."""
        step = TABLE.get((self.state, event))
        if step is None:
            if (self.state, event) not in IGNORED:
                raise RuntimeError(f"no row for {event.name} in {self.state.name}")
            return None
        self.state, action = step
        self.actions[action](now)
        self.show(now)
        return action

    # What goes out.

    def allow(self, tag: Tag, source: int = audible.NOTHING) -> None:
        """This attempt's sound may be heard, from this source of it; from none as long as there is nothing."""
        self.audible, self.source = tag, source

    def send(self, channel: str, message: m.Message) -> None:
        """Send a message to a stage."""
        self.outbox.append((channel, message))

    def send_floor(self, message: m.Message) -> None:
        """Let the floor do something for the turn."""
        self.current.uses_floor = True
        self.send("takeovers", message)

    def stop_work(self) -> None:
        """Nobody is to answer or to speak for the present attempt any more."""
        turn = self.current
        for channel in ("asks", "clauses", "takeovers") if turn.uses_floor else ("asks", "clauses"):
            self.send(channel, m.Cancel(tag=turn.tag))

    def settle(self, heard: str) -> None:
        """Let whoever made the answer know how much of it was heard."""
        attempt = self.current.attempt
        if attempt.asked is not None:
            self.send("asks" if attempt.answerer == "llm" else "takeovers", m.Settle(tag=attempt.tag, heard=heard))

    def tell(self, event: events.Event, at_ns: int, whose: Tag | None = None) -> None:
        """Tell whoever watches what happened at `at_ns`, which has passed. whose: unless it is of the present turn."""
        here = self.turn.tag if self.turn is not None else Tag(self.session.number, self.session.turn)
        tag = whose or here
        self.send("story", m.Happened(tag=tag, at_ns=at_ns, event=events.dump(event)))

    def show(self, now: int) -> None:
        """Tell the state, if it is another one than was told before."""
        if (shown := SHOWN[self.state]) != self._shown:
            self._shown = shown
            self.tell(events.StateChanged(shown), now)

    def forget(self, upto: int) -> None:
        """The sound before this sample is to be forgotten."""
        self.forget_upto = max(self.forget_upto, upto)

    # Deadlines.

    def set_deadline(self, from_ns: int) -> None:
        """The turn has to be answered so soon after this."""
        self.current.whole_ns = from_ns + self.config.turns.response_budget_ms * MS

    def wait_for(self, step: Step, timer: Timer, now: int) -> None:
        """A step of the turn begins: `timer` says when it is not waited for any longer."""
        nobody = OWNER[step] in self.absent and self.floor_ready
        self.timers[timer] = now if nobody else deadline_ns(step, self.current.whole_ns, now, self.config)

    def expect_floor(self, now: int) -> None:
        """The floor owes something: the turn does not wait for it for ever. While a phrase holds the turn that is what
        the timer is for, and what is owed is heard after it."""
        if self.source != audible.HOLDING:
            self.timers[Timer.FLOOR] = now + FLOOR_HANGS_MS * MS

    def taken_over(self, step: str) -> None:
        """The floor does what this stage has not done."""
        if step not in self.current.floor:
            self.current.floor.append(step)
            self.on_count("turns.taken_over", 1)

    def progress(self, now: int) -> None:
        """Something came: the patience with the stage that is at work starts anew."""
        self.timers[Timer.PATIENCE] = now + round(self.config.turns.hard_limit_s * 1e9)

    def check(self, stage: str, now: int) -> None:
        """Count a result that came after it was due, once."""
        due = self.current.due.pop(stage, None)
        if due is not None and now > due:
            self.late(stage)

    def late(self, stage: str) -> None:
        """A stage missed its deadline."""
        if stage not in self.current.late:
            self.current.late.append(stage)
            self.on_late(stage)

    def fault(self, stage: str, what: str, now: int) -> None:
        """A stage failed, or is given up; the conversation goes on."""
        self.tell(events.Error(stage, what), now)

    def again_too_often(self, stage: str, now: int) -> bool:
        """Count that a worker was restarted in this turn. True: what it was doing is given up."""
        restarts = self.current.restarts
        restarts[stage] = restarts.get(stage, 0) + 1
        if restarts[stage] > RESTARTS:
            self.fault(stage, f"was restarted {restarts[stage]} times in one turn, which is given up", now)
            return True
        return False
