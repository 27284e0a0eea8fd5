"""The host's tools: what an answer calls once it is certain, what the host makes of it, and what is said of that.

While a call is open the conversation goes on; what the host tells is said when it is its turn, like other words of the
host. `calls` has the states; here is who is told of what.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from engine import messages as m
from engine.events import Tool as ToolCalled
from engine.events import ToolCancel, ToolEnded
from engine.partner_settings import unfit
from engine.turns.calls import MOST_OPEN, Action, Call, Calls, Event, State
from engine.turns.host_commands import HostCommands, too_long
from engine.turns.present import Present
from engine.turns.turn import Turn
from engine.wording import is_command

_REFUSED = "refused"
"""In place of a call's name, which has dots in it."""


class Calling:
    """From what an answer calls to the end of each call."""

    def __init__(self, present: Present, host: HostCommands) -> None:
        self._present, self._host = present, host
        self.calls = Calls()
        self._follows: dict[Action, Callable[[Call, str, bool, int], None]] = {
            Action.TELL_PROGRESS: self._progress,
            Action.TELL_RESULT: self._result,
            Action.TELL_ERROR: self._error,
            Action.WITHDRAW: self._withdraw,
            Action.GIVE_UP: self._give_up,
            Action.REGRET: self._error,
        }
        host.does |= {m.ToolProgress: self._told, m.ToolResult: self._told, m.ToolFailed: self._told}
        host.on_stop = lambda now: self.cancel_all("stopped", now)

    # What an answer wants.

    def make(self, wanted: Sequence[m.CallTool], now: int) -> str:
        """Make the calls of the present attempt: all of them, or none where one cannot be. Returns why not."""
        present, turn = self._present, self._present.current
        tables = [json.loads(call.arguments) for call in wanted]
        tools = {tool.name: tool for tool in present.config.tools}
        refusals = (unfit(present.config.tools, each.tool, table) for each, table in zip(wanted, tables, strict=True))
        if why := next(filter(None, refusals), ""):
            return why
        if not present.hands:
            return "no host is there to do what was called"
        if len(self.calls.open) + len(wanted) > MOST_OPEN:
            return f"{len(self.calls.open)} calls are open already, no more are made"
        for each, table in zip(wanted, tables, strict=True):
            call = self.calls.make(turn.tag, each.tool, tools[each.tool].timeout_s, now)
            present.tell(ToolCalled(call.name, call.tool, table, tools[each.tool].timeout_s), now)
        turn.caller = turn.tag
        return ""

    def regret(self, phrase: str, now: int) -> None:
        """Say this of what an answer wants that is being heard already."""
        self._host.say_of(_REFUSED, phrase, now)

    # What ends a call without the host.

    def cancel(self, turn: Turn, reason: str, now: int) -> None:
        """The visitor interrupts the answer that wanted them. What the host has done already stays done: then the turn
        is one that has called something, and is not asked again."""
        theirs = [call.name for call in self.calls if replace(call.tag, attempt=turn.tag.attempt) == turn.tag]
        for call in self.calls.open:
            if call.name in theirs:
                self._step(call, Event.CANCEL, reason, now)
        if not any(call.name in theirs and call.state is State.DONE for call in self.calls):
            turn.caller = None

    def cancel_all(self, reason: str, now: int) -> None:
        """Nobody wants any of them."""
        for call in self.calls.open:
            self._step(call, Event.CANCEL, reason, now)

    def heard(self, text: str, now: int) -> None:
        """The visitor has said this, maybe without being sure: "stop" ends whatever is being done."""
        if self.calls.open and is_command(text, self._present.phrases.commands):
            self.cancel_all("stopped", now)

    @property
    def next_ns(self) -> int | None:
        """When `look` has something to do."""
        return self.calls.next_ns

    def look(self, now: int) -> None:
        """Give up what is not waited for any longer, and all where no host is there any more."""
        for call in self.calls.open:
            if not self._present.hands:
                self._step(call, Event.ALONE, "", now)
            elif call.due_ns <= now:
                self._step(call, Event.TIMEOUT, "", now)

    # What the host tells.

    def _told(self, command: m.ToolProgress | m.ToolResult | m.ToolFailed, now: int) -> str:
        call = self.calls.find(command.call)
        if call is None:
            return "there is no such call"
        if refusal := too_long(command.text):
            return refusal
        if not call.is_open:
            return f"the call is over: {call.outcome}"
        speak = bool(getattr(command, "speak", 1))
        self._step(call, _EVENTS[type(command)], command.text.strip(), now, speak)
        return ""

    # What follows. text: what the host told; or the reason of a cancellation.

    def _step(self, call: Call, event: Event, text: str, now: int, speak: bool = True) -> None:
        follows = self.calls.step(call, event, now)
        if follows is not None:
            call, action = follows
            self._follows[action](call, text, speak, now)

    def _progress(self, call: Call, text: str, _speak: bool, now: int) -> None:
        if text:
            self._say(call, text, now)

    def _result(self, call: Call, text: str, speak: bool, now: int) -> None:
        self._over(call, text, now)
        if speak:
            self._say(call, text or self._present.phrases.call_done, now)

    def _error(self, call: Call, text: str, _speak: bool, now: int) -> None:
        self._over(call, text, now)
        self._say(call, text or self._present.phrases.call_failed, now)

    def _withdraw(self, call: Call, reason: str, _speak: bool, now: int) -> None:
        self._host.take_back(call.name)
        self._tell(call, ToolCancel(call.name, reason), now)
        self._over(call, "", now)

    def _give_up(self, call: Call, _text: str, speak: bool, now: int) -> None:
        self._tell(call, ToolCancel(call.name, "timeout"), now)
        self._error(call, "", speak, now)

    def _over(self, call: Call, text: str, now: int) -> None:
        self._tell(call, ToolEnded(call.name, call.tool, call.outcome, text), now)

    def _say(self, call: Call, text: str, now: int) -> None:
        """When its turn has come. Of what was to be said of a call and was not yet, the newest is enough."""
        self._host.say_of(call.name, text, now)

    def _tell(self, call: Call, event: Any, now: int) -> None:
        self._present.tell(event, now, call.tag)


_EVENTS: dict[type[m.Message], Event] = {
    m.ToolProgress: Event.PROGRESS,
    m.ToolResult: Event.RESULT,
    m.ToolFailed: Event.ERROR,
}
