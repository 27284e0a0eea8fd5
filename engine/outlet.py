"""Sending messages into a ring, for workers and the supervisor."""

from __future__ import annotations

from collections.abc import Callable

import ringbuf
from engine.messages import Message, encode


class Outlet:
    """The writing end of a stream of messages. sent: wakes a reader whose doorbell is not the ring's own."""

    def __init__(
        self,
        writer: ringbuf.StreamWriter,
        dropped: Callable[[], None] = lambda: None,
        sent: Callable[[], None] = lambda: None,
    ) -> None:
        self._writer, self._dropped, self._sent = writer, dropped, sent

    def send(self, message: Message) -> bool:
        """Send, or drop and count the message when the reader has left the ring full, or it is too long for any."""
        tag, body = message.tag, encode(message)
        sent = len(body) <= self._writer.max_items and self._writer.put(
            body,
            kind=message.kind,
            session=tag.session,
            turn=tag.turn,
            attempt=tag.attempt,
            capture_ns=message.capture_ns,
            deadline_ns=message.deadline_ns,
        )
        if sent:
            self._sent()
        else:
            self._dropped()
        return sent
