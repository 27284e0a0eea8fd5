"""Where the page is, and who may look: browsers that were told to show this page, and no website through them.

A website can let a visitor's browser ask for addresses of this machine. It cannot choose what the browser says in Host,
which is the name it was asked for (a name that a stranger points at 127.0.0.1 stays the stranger's name), nor in Origin
and Sec-Fetch-Site, which say whose page asks. Ports are not compared: `ssh -L` changes them.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from engine.errors import ConfigError, OutputError

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_BACKLOG = 64
_HIGHEST_PORT = 65535
_WHY = {
    errno.EADDRINUSE: ("another program listens there", "end it, or choose another port"),
    errno.EADDRNOTAVAIL: ("this machine has no such address", "choose one of its own, such as 127.0.0.1"),
    errno.EACCES: ("this user may not listen there", "choose a port from 1024 on"),
}


def listen(address: str, told_by: str) -> socket.socket:
    """A socket that listens there. address: as `http.address`; told_by: where that was set.

    Raises ConfigError (it is none) or OutputError (it cannot be had).
    """
    host, _, port = address.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
        number = int(port)
        if number > _HIGHEST_PORT:
            raise ValueError(port)
    except (OSError, ValueError):
        remedy = 'write it as in "127.0.0.1:8765"'
        raise ConfigError(f"{told_by}: http.address is {address}, which is no address and port", remedy) from None
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not held up by connections that just ended
        listening.bind((host, number))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        what, remedy = _WHY.get(error.errno or 0, (error.strerror or "it cannot be had", "choose another one"))
        raise OutputError(f"http.address {address}: {what}", remedy) from error
    return listening


def url(listening: socket.socket) -> str:
    """What to type into a browser on this machine."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


class Access:
    """Who may look. names: by which the machine may be asked for, beside loopback."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset((*_LOOPBACK, *names))

    def refusal(self, headers: Mapping[bytes, bytes], local: str) -> str:
        """Why this request is refused; empty: it is not. local: the address that it came in at. An address as a name
        cannot be anybody else's, so that one is good, too."""
        names = self._names | {f"[{local}]" if ":" in local else local}
        host = _name(headers.get(b"host", b"").decode("latin-1"))
        if host not in names:
            return "this name is not in http.hosts"
        origin = headers.get(b"origin")
        if origin is not None and _origin(origin.decode("latin-1")) != host:
            return "another website asks"
        site, mode = headers.get(b"sec-fetch-site", b"none"), headers.get(b"sec-fetch-mode", b"")
        if site not in (b"same-origin", b"none") and mode != b"navigate":
            return "another website asks"
        return ""


def _name(host: str) -> str:
    """A Host without its port, in small letters; empty: it is none."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 ValueError: it is no number
    except ValueError:
        return ""
    if parts.path or parts.query or parts.fragment or "@" in host or not parts.hostname:
        return ""
    return f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname


def _origin(origin: str) -> str:
    """The host of an Origin; empty: it is none of a page on the web."""
    scheme, _, host = origin.partition("://")
    return _name(host) if scheme in ("http", "https") else ""
