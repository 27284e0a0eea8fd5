"""What is answered to a request."""

from __future__ import annotations

from dataclasses import dataclass, field

TEXT, JSON = "text/plain; charset=utf-8", "application/json"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The page may fetch what comes from here, and nothing else; text can never become a part of it as HTML."""
_ALWAYS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole one, or the head of a stream."""

    body: bytes = b""
    kind: str = TEXT
    status: int = 200
    more: tuple[tuple[str, str], ...] = field(default=())
    streams: bool = False
    """The body comes bit by bit, as long as the connection lasts."""

    def headers(self, close: bool) -> list[tuple[str, str]]:
        """All of them. close: the connection ends with it."""
        own = [("Content-Type", self.kind), *self.more]
        if not self.streams:
            own.append(("Content-Length", str(len(self.body))))
        return [*own, *_ALWAYS, *([("Connection", "close")] if close else [])]


def sorry(status: int, why: str, *more: tuple[str, str]) -> Answer:
    """An answer that says why not."""
    return Answer(f"{why}\n".encode(), status=status, more=more)
