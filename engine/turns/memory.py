"""What a conversation leaves to its successor: the turns worker may be killed, and whoever is started in its place goes
on with what was said in this session, and with what the host wants to be said."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from engine import audible
from engine.contract import Tag
from engine.turns.attempt import Attempt
from engine.turns.calls import Call, Calls
from engine.turns.host_commands import HostCommands
from engine.turns.present import RESTARTS, Present
from engine.turns.table import Event, State
from engine.turns.turn import Speech, Turn, Wish
from engine.turns.words import Words

_HEARD_IN = {Event.SAY: State.ANNOUNCING, Event.INSIST: State.INSISTING}
"""The state in which words of the host are heard; the answer to a question of theirs is one like any other."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What outlives the process.

    history: user and answer of past turns in turn, oldest first. context: what the host gave to know. urgent, queue:
    what it wants to be said or answered. source, wish: of the turn under way, as in `Turn`. calls: those that are open,
    and the last that are over.
    """

    history: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    urgent: tuple[Wish, ...] = ()
    queue: tuple[Wish, ...] = ()
    source: str = "answer"
    wish: Wish | None = None
    calls: tuple[Call, ...] = ()

    def dump(self) -> bytes:
        """The memory as `load` reads it. At most 1 MiB: everything in it is bounded."""
        wishes = [_listed(each) for each in (self.urgent, self.queue, (self.wish,) if self.wish else ())]
        calls = [call.listed() for call in self.calls]
        return json.dumps([self.history, self.context, self.source, calls, *wishes], ensure_ascii=False).encode()

    @classmethod
    def load(cls, raw: bytes) -> Memory:
        """What was dumped."""
        history, context, source, calls, *lists = json.loads(raw)
        urgent, queue, begun = (tuple(Wish(Event[name], *rest) for name, *rest in each) for each in lists)
        wish, called = begun[0] if begun else None, tuple(map(Call.of, calls))
        return cls(tuple(history), tuple(context), urgent, queue, source, wish, called)


def _listed(wishes: tuple[Wish, ...]) -> list[tuple[str, str, int, str]]:
    return [(wish.event.name, wish.text, wish.restarts, wish.call) for wish in wishes]


class Succession:
    """Takes over from a predecessor, and says what a successor needs.

    Use, where there was a predecessor: `recall`; then `resume` where its answer is being heard, or else `supersede`;
    and `go_on` once it is known what the user says.
    """

    def __init__(self, present: Present, host: HostCommands, calls: Calls) -> None:
        self._present, self._host, self._calls = present, host, calls
        self._begun = Memory()

    @property
    def memory(self) -> Memory:
        """The present, for a successor."""
        present, host, turn = self._present, self._host, self._present.turn
        past = present.session.past(present.config.llm.history_turns)
        waiting = tuple(host.urgent), tuple(host.queue)
        known = Memory(past, present.session.context, *waiting, calls=tuple(self._calls))
        if turn is None:
            return known
        # What has called something is not asked again: it would be done twice.
        return replace(known, source=turn.source, wish=None if turn.caller else turn.wish)

    def recall(self, memory: Memory) -> None:
        """Know what a predecessor knew."""
        self._begun, session = memory, self._present.session
        for user, answer in zip(memory.history[::2], memory.history[1::2], strict=True):
            session.remember(user, answer)
        for text in memory.context:
            session.know(text)
        self._host.urgent.extend(memory.urgent)
        self._host.queue.extend(memory.queue)
        self._calls.recall(memory.calls)

    def resume(self, tag: Tag, now: int, voice: int = audible.VOCODER) -> None:
        """An answer, or words of the host, of which nothing else is known are being heard. voice: from which source."""
        present, begun = self._present, self._begun
        judged, attempt = present.judged, Attempt(tag, Words(present.rate), voice=voice)
        if begun.source == "say" and begun.wish is not None:  # as if all of it were voiced, of which nothing is known
            attempt.clauses, attempt.voiced, attempt.ended = [begun.wish.text], 1, True
        here, ear = Speech(judged, 0, 0, judged), Tag(tag.session, tag.turn)
        present.turn = Turn(ear, here, attempt, begun.source, begun.wish, outcome="resumed")
        present.allow(tag, voice)
        present.state = _HEARD_IN.get(begun.wish.event, State.SPEAKING) if begun.wish else State.SPEAKING
        present.progress(now)

    def supersede(self, now: int) -> None:
        """What a predecessor had begun, and nobody has heard of, is begun anew and not twice."""
        present, wish = self._present, self._begun.wish
        present.allow(Tag(present.session.number, present.session.turn + 1))
        if wish is not None and wish.restarts < RESTARTS:
            self._host.put_back(replace(wish, restarts=wish.restarts + 1))
        elif wish is not None:
            what = f"was restarted {RESTARTS + 1} times while the host's words were begun, which are given up"
            present.fault("turns", what, now)

    def go_on(self, now: int) -> None:
        """What the host wants has its turn, now or when it comes."""
        if self._host.urgent:
            self._present.happens(Event.MAKE_WAY, now)
        elif self._host.queue:
            self._present.happens(Event.QUEUED, now)
