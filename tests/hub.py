"""A hub of models on loopback: the addresses that huggingface_hub asks for, what the real one answers, and its faults.

Files above a few bytes are "large": the hub knows their SHA-256 and redirects to another host for their content, which
takes ranges. Of small ones it knows what git calls them, and sends them itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = 100
TOKEN = "hf_of_somebody"


def commit(name: str) -> str:
    """A commit's name, 40 digits."""
    return hashlib.sha1(name.encode()).hexdigest()


@dataclass
class Repo:
    """A repository. revisions: commit → file → content. branches: name → commit."""

    revisions: dict[str, dict[str, bytes]]
    branches: dict[str, str]
    gated: bool = False


@dataclass(frozen=True)
class Asked:
    """A request, as it came. host: whose content it was."""

    method: str
    path: str
    host: str
    range: str
    authorization: str


@dataclass
class Hub:
    """The hub. Its faults, by file: `cut` sends that many bytes and closes, once; `stall` sends that many and waits;
    `spoilt` sends other bytes than it has told of; `told` is a size that it tells instead of the true one."""

    repos: dict[str, Repo] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    stall: dict[str, int] = field(default_factory=dict)
    spoilt: set[str] = field(default_factory=set)
    told: dict[str, int] = field(default_factory=dict)
    stalled: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def add(self, name: str, files: dict[str, bytes], *, branch: str = "main", gated: bool = False) -> str:
        """Put files into a repository as the newest of a branch; the commit."""
        repo = self.repos.setdefault(name, Repo({}, {}, gated))
        made = commit(f"{name} {branch} {len(repo.revisions)}")
        repo.revisions[made], repo.branches[branch] = dict(files), made
        return made

    def fetched(self, file: str = "") -> list[Asked]:
        """The requests for content, of one file or of any."""
        return [one for one in self.asked if "/content/" in one.path and one.path.endswith(file)]

    @contextlib.contextmanager
    def serving(self) -> Iterator[Hub]:
        hub = self

        class Handler(_Handler):
            def __init__(self, *arguments: Any) -> None:
                self.hub = hub
                super().__init__(*arguments)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        get = self.headers.get
        host = (get("Host") or "").split(":")[0]
        self.hub.asked.append(Asked(self.command, path, host, get("Range") or "", get("Authorization") or ""))
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            self._listing(*match.groups())
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(*match.groups())
        elif match := re.fullmatch(r"/content/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)", path):
            name, revision, file = match.groups()
            self._content(file, self.hub.repos[name].revisions[revision][file])
        else:
            self._refuse(404, "")

    def _found(self, name: str, revision: str) -> str:
        """The commit of a revision; after refusing, nothing."""
        repo = self.hub.repos.get(name)
        if repo is None:
            self._refuse(401, "")  # as the real one, to those who have not said who they are
            return ""
        made = repo.branches.get(revision, revision)
        if made not in repo.revisions:
            self._refuse(404, "RevisionNotFound")
            return ""
        return made

    def _listing(self, name: str, revision: str) -> None:
        if not (made := self._found(name, revision)):
            return
        siblings = []
        for file, content in self.hub.repos[name].revisions[made].items():
            size = self.hub.told.get(file, len(content))
            one: dict[str, Any] = {"rfilename": file, "size": size, "blobId": _git_id(content)}
            if len(content) > LARGE:
                one["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size, "pointerSize": 130}
            siblings.append(one)
        told = {
            "_id": "1",
            "id": name,
            "modelId": name,
            "sha": made,
            "private": False,
            "siblings": siblings,
            "tags": [],
        }
        body = json.dumps(told | {"gated": self.hub.repos[name].gated and "manual"}).encode()
        self._send(200, {"Content-Type": "application/json", "Content-Length": str(len(body))}, body)

    def _resolve(self, name: str, revision: str, file: str) -> None:
        if not (made := self._found(name, revision)):
            return
        repo = self.hub.repos[name]
        if repo.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._refuse(401, "GatedRepo")
        elif file not in repo.revisions[made]:
            self._refuse(404, "EntryNotFound")
        elif len(content := repo.revisions[made][file]) > LARGE:
            port = self.hub.address.rpartition(":")[2]
            # Another host, such as the real one's content network.
            where = f"http://localhost:{port}/content/{name}/{made}/{file}"
            self._send(302, {"Location": where, "X-Repo-Commit": made, "Content-Length": "0"}, b"")
        else:
            self._content(file, content)

    def _content(self, file: str, content: bytes) -> None:
        if file in self.hub.spoilt:
            content = content[:-1] + bytes([content[-1] ^ 1])
        start, status, headers = 0, 200, {"Content-Type": "application/octet-stream"}
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            start, status = int(match[1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        headers["Content-Length"] = str(len(body))
        if (much := self.hub.cut.pop(file, None)) is not None:
            self._send(status, headers, body[:much])
            self._hang_up()
        elif (much := self.hub.stall.pop(file, None)) is not None:
            self._send(status, headers, body[:much])
            self.hub.stalled.set()
            with contextlib.suppress(OSError):
                self.connection.recv(1)  # until the other side is gone
            self._hang_up()
        else:
            self._send(status, headers, body)

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, {"Content-Length": "0"} | ({"X-Error-Code": code} if code else {}), b"")

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
