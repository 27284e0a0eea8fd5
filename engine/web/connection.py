"""One connection of a browser or of Prometheus. h11 reads what it asks; here is what it may do: GET and HEAD without a
body, a head of so many bytes, so long for each request and its answer, so much left unread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import h11

from engine.web.answer import Answer, sorry

if TYPE_CHECKING:
    from engine.web.server import Web

LONGEST_HEAD = 1 << 13
MOST_UNREAD = 1 << 19
"""Bytes that wait for a client to read them, beyond the kernel's own buffer. A client with more is dropped."""
PATIENCE_S = 10.0
"""How long a client may take to ask, and to read a whole answer."""


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        self._over = False
        """Nothing more is read."""
        self._follows = False
        """It listens, and has nothing more to say."""

    # Coming and going.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MOST_UNREAD)
        self.local = str(self._transport.get_extra_info("sockname")[0])
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(PATIENCE_S, self.abort)
        if refused := self._web.enter(self):
            self._send_away(refused)

    def connection_lost(self, _error: Exception | None) -> None:
        self._over = True
        self._timer.cancel()
        self._web.leave(self)

    def pause_writing(self) -> None:
        """It has left too much unread."""
        self.abort()

    def close(self) -> None:
        """Close it once it has read everything, or had the time for that."""
        if not self._over:
            self._over = True
            self._transport.close()
            self._hurry()

    def abort(self) -> None:
        """Close it now."""
        self._over = True
        self._transport.abort()

    def _hurry(self) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(PATIENCE_S, self.abort)

    # Requests.

    def data_received(self, data: bytes) -> None:
        if self._follows:
            self.abort()  # to take what it says from the kernel only to throw it away costs half a core
        if self._over:
            return
        try:
            self._http.receive_data(data)
            while not self._over and self._next(self._http.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self._send_away(sorry(error.error_status_hint, "this is no request that is understood here"))

    def _next(self, event: Any) -> bool:
        """Take what h11 has read. False: more has to come first."""
        if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
            return False
        if isinstance(event, h11.Request):
            self._request = event
        elif isinstance(event, h11.Data):
            self._send_away(sorry(413, "requests have no body here"))
        elif isinstance(event, h11.EndOfMessage):
            self._respond(self._web.answer(self, self._request))
        return True

    def _respond(self, answer: Answer) -> None:
        close = answer.status >= 400
        self._write(h11.Response(status_code=answer.status, headers=answer.headers(close)))
        if answer.streams and self._request.method != b"HEAD":
            self._over = self._follows = True
            self._timer.cancel()
            self._web.follow(self)
            return
        self._write(h11.Data(data=answer.body) if self._request.method != b"HEAD" else None)
        self._write(h11.EndOfMessage())
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._hurry()
        else:
            self.close()

    def _send_away(self, answer: Answer) -> None:
        """Answer, whatever was asked, and close."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._write(h11.Response(status_code=answer.status, headers=answer.headers(close=True)))
            self._write(h11.Data(data=answer.body))
            self._write(h11.EndOfMessage())
        self.close()

    def tell(self, piece: bytes) -> None:
        """Send a piece of the stream."""
        self._write(h11.Data(data=piece))

    def end(self) -> None:
        """The stream is over."""
        self._write(h11.EndOfMessage())
        self._transport.close()
        self._hurry()

    def _write(self, event: Any) -> None:
        if event is not None and not self._transport.is_closing():
            self._transport.write(self._http.send(event) or b"")
