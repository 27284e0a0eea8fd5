"""One client of the door, and what it may do: so many commands in a time, so long a line, so much left unread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from engine.door.commands import CommandError, Request, answer, read, refusal
from engine.door.letting_in import Bucket
from engine.errors import EngineError
from engine.events import EVENTS
from engine.schema import near

if TYPE_CHECKING:
    from engine.door.server import Door

LONGEST_LINE = 1 << 16
MOST_UNREAD = 1 << 20
"""Bytes that wait for a client to read them, beyond the kernel's own buffer. A client with more is dropped."""
COMMANDS_AT_ONCE, COMMANDS_PER_S = 50, 50
"""Commands that a client may send in one go, and how fast it gets that right back."""
PIECES_AT_ONCE, PIECES_PER_S = 500, 500
"""The same for one that answers for the engine, piece by piece."""
REFUSED_AT_ONCE = 100
"""A client that goes on after so many refusals for being too fast is sent away."""
_LINGER_S = 3.5
"""How long a client that is closed has to read what it was sent."""


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, door: Door) -> None:
        self.wanted = frozenset(EVENTS)
        """The events it is told; none once it has to go."""
        self.handles: set[str] = set()
        """What it does for the engine: `tool`, `dialogue`."""
        self._door = door
        self._rest = b""
        """The beginning of a line."""
        self._unanswered = 0
        self._leaving = False
        self.tell: Callable[[bytes], None]
        """Send it a line that it wants."""
        self._bucket = Bucket(COMMANDS_AT_ONCE, COMMANDS_PER_S, time.monotonic())

    # Coming and going.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MOST_UNREAD)
        self.tell = self._transport.write
        if refused := self._door.enter(self):
            self._send_away(refused)
        else:
            self._send(self._door.greeting())

    def connection_lost(self, _error: Exception | None) -> None:
        self._leave()
        self._door.leave(self)

    def eof_received(self) -> bool:
        """It will send nothing more: what it asked for is still answered, a last line without its end, too."""
        last, self._rest = self._rest, b""
        self._line(last)
        self._leave()
        self._leave_when_answered()
        return True

    def pause_writing(self) -> None:
        """It has left too much unread."""
        self.abort()
        self._door.dropped()

    def close(self) -> None:
        """Close it once it has read everything, or had the time for that."""
        self._leave()
        self._transport.close()
        asyncio.get_running_loop().call_later(_LINGER_S, self._transport.abort)

    def abort(self) -> None:
        """Close it now."""
        self._leave()
        self._transport.abort()

    def _leave(self) -> None:
        """It has to go: it is told nothing more but answers."""
        self._leaving, self.wanted = True, frozenset()
        for what in tuple(self.handles):
            self._door.handle(self, what, on=False)

    def _leave_when_answered(self) -> None:
        if self._leaving and not self._unanswered:
            self.close()

    def _send_away(self, why: CommandError) -> None:
        self._refuse(why)
        self._rest = b""
        self._leave()
        self._leave_when_answered()

    def _send(self, line: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(line)

    # Commands.

    def data_received(self, data: bytes) -> None:
        if self._leaving:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > LONGEST_LINE:
            self._too_long()

    def _line(self, line: bytes) -> None:
        if self._leaving:
            return
        left = self._bucket.take(time.monotonic())
        if len(line) > LONGEST_LINE:
            self._too_long()
        elif left < -REFUSED_AT_ONCE:
            self._send_away(CommandError("too_many", f"more than {COMMANDS_PER_S} commands a second; send fewer"))
        elif line.strip():
            self._command(line, left < 0)

    def _too_long(self) -> None:
        why = CommandError("bad_line", f"a line of more than {LONGEST_LINE >> 10} KiB; send shorter ones")
        self._send_away(why)

    def _command(self, line: bytes, too_fast: bool) -> None:
        try:
            request = read(line)
        except CommandError as error:
            self._refuse(error)
            return
        self._unanswered += 1
        if too_fast:
            why = f"more than {COMMANDS_PER_S} commands a second; wait a moment"
            self._answered(request, CommandError("too_many", why))
        elif request.command.channel:
            self._door.orders.place(request, lambda refused: self._answered(request, refused))
        else:
            _ANSWERED_HERE[request.command.name](self, request)

    def _refuse(self, error: CommandError) -> None:
        """Answer something that is no command."""
        self._send(refusal(error.name, error.ident, error.code, str(error)))

    def _answered(self, request: Request, refused: CommandError | None, fields: Mapping[str, Any] = {}) -> None:
        name, ident = request.command.name, request.ident
        self._send(refusal(name, ident, refused.code, str(refused)) if refused else answer(name, ident, **fields))
        self._unanswered -= 1
        self._leave_when_answered()

    def _state(self, request: Request) -> None:
        self._answered(request, None, self._door.present())

    def _turns(self, request: Request) -> None:
        self._answered(request, None, {"turns": self._door.turns()})

    def _subscribe(self, request: Request) -> None:
        try:
            wanted = (*request.arguments["events"], *self.handles)  # it must be told what it does for us
            self.wanted = frozenset(name for each in wanted for name in _names(each))
            self._answered(request, None, {"events": sorted(self.wanted)})
        except ValueError as error:
            self._answered(request, CommandError("bad_argument", str(error)))

    def _handle(self, request: Request) -> None:
        what, on = request.command.name.partition(".")[0], bool(request.arguments["on"])
        if on:
            self.wanted |= frozenset(_names(what))
        if on and what == "dialogue":
            self._bucket.widen(PIECES_AT_ONCE, PIECES_PER_S)
        self._door.handle(self, what, on=on)
        self._answered(request, None)

    def _dialogue(self, request: Request) -> None:
        self._answered(request, self._door.dialogue.take(self, request))

    def _reload(self, request: Request) -> None:
        async def reload() -> None:
            try:
                self._answered(request, None, await self._door.reload())
            except EngineError as error:
                self._answered(request, CommandError("configuration", str(error)))
            except asyncio.CancelledError:
                self._answered(request, CommandError("unavailable", "the engine ends"))
                raise
            except Exception as error:  # whoever asks is answered, whatever is wrong with us
                self._answered(request, CommandError("configuration", f"a fault in the engine: {error!r}"))
                raise

        if self._door.reloading is None or self._door.reloading.done():
            self._door.reloading = asyncio.ensure_future(reload())
        else:
            self._answered(request, CommandError("unavailable", "a reload is going on; try again in a moment"))


def _names(wanted: str) -> list[str]:
    """The events that a name or the part of a name before a dot means. ValueError: none."""
    if names := [name for name in EVENTS if name == wanted or name.startswith(f"{wanted}.")]:
        return names
    meant = near(wanted, [*dict.fromkeys(name.partition(".")[0] for name in EVENTS), *EVENTS])
    remedy = f"did you mean {meant}?" if meant else f"the events are {', '.join(EVENTS)}"
    raise ValueError(f"there is no event {wanted[:40]}; {remedy}")


_ANSWERED_HERE: Mapping[str, Callable[[Client, Request], None]] = {
    "state": Client._state,
    "subscribe": Client._subscribe,
    "turns": Client._turns,
    "reload": Client._reload,
    "tool.handle": Client._handle,
    "dialogue.handle": Client._handle,
    "dialogue.piece": Client._dialogue,
    "dialogue.end": Client._dialogue,
}
