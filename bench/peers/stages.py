"""The stages of every peer: the engine's own recogniser, answers and voice, each behind a few calls for an event loop.

Recogniser and voice have a thread each, so that they never hold up the loop; their libraries give up the GIL while
they work. What they find comes back through the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np

from engine.config import Config
from engine.contract import Backend, Ended, Heard, Job, Tag, Token
from workers.backends.registry import make, rung

from .sink import RATE, Pcm

Tell: TypeAlias = Callable[[str, bool], None]
"""Takes the words of an utterance so far, and whether they are final."""
FIRST_MS, LATER_MS = 20, 100
"""Sound that the voice hands over at a time: soon at first, then in few pieces, which is less work for a peer."""
STEP_NS = 100_000_000


class Recogniser(Protocol):
    """Hears all the sound, and recognises what lies between `listen` and `finish`."""

    def hear(self, pcm: Pcm) -> None:
        """The next sound of the microphone."""

    def listen(self) -> None:
        """An utterance has begun, a little while ago."""

    def finish(self) -> None:
        """The utterance is over; the final words are told later, even if there are none."""

    def close(self) -> None: ...


class Voice(Protocol):
    """Says one text after another."""

    def say(self, text: str) -> AsyncGenerator[bytes, None]:
        """The sound, int16 at 16 kHz, in pieces. Close it to cut it off."""

    def close(self) -> None: ...


class Answers(Protocol):
    def answer(self, text: str) -> AsyncGenerator[str, None]:
        """The answer to what the user said, in pieces that joined give its text."""


@dataclass
class Stages:
    """What a peer is built of. recogniser: makes one; kept_s: how much sound from before `listen` belongs to the
    utterance."""

    recogniser: Callable[[Tell, float], Recogniser]
    answers: Answers
    voice: Voice
    exchanges: list[tuple[str, str]] = field(default_factory=list)
    """What was heard, and the answer to it, spoken or not."""

    async def answer(self, text: str) -> AsyncGenerator[str, None]:
        whole = ""
        async with contextlib.aclosing(self.answers.answer(text)) as pieces:
            async for piece in pieces:
                whole += piece
                yield piece
        self.exchanges.append((text, whole))


class Kept:
    """The last sound before an utterance: which begins earlier than voice activity can say so."""

    def __init__(self, seconds: float) -> None:
        self._most = round(seconds * RATE)
        self._blocks: deque[Pcm] = deque()
        self._samples = 0

    def add(self, pcm: Pcm) -> None:
        self._blocks.append(pcm)
        self._samples += len(pcm)
        while self._samples - len(self._blocks[0]) >= self._most:
            self._samples -= len(self._blocks.popleft())

    def take(self) -> list[Pcm]:
        """All of it; nothing is kept."""
        taken = list(self._blocks)
        self._blocks.clear()
        self._samples = 0
        return taken


def loaded(stage: str, config: Config, wake: Callable[[], None] = lambda: None) -> Backend:
    """The engine's backend of a stage, ready. wake: it has something to give, and is idle. Raises BackendError."""
    backend = make(stage, config)
    backend.load(rung(stage, config, wake))
    backend.warm_up()
    return backend


class _Thread:
    """Runs calls in order in one thread. What goes wrong in it, the loop reports."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(1, name)

    def run(self, call: Callable[..., None], *arguments: Any) -> None:
        self._pool.submit(call, *arguments).add_done_callback(self._check)

    def tell(self, call: Callable[..., None], *arguments: Any) -> None:
        """From the thread: call this in the loop."""
        self._loop.call_soon_threadsafe(call, *arguments)

    def _check(self, future: Future[None]) -> None:
        if (error := future.exception()) is not None:
            context = {"message": "a stage failed", "exception": error}
            self._loop.call_soon_threadsafe(self._loop.call_exception_handler, context)

    def close(self) -> None:
        self._pool.shutdown()


class StreamingRecogniser:
    """The engine's recogniser, fed block by block while the user speaks. woken: set when it has something to give."""

    def __init__(self, backend: Backend, woken: threading.Event, tell: Tell, kept_s: float) -> None:
        self._backend, self._woken, self._tell = backend, woken, tell
        self._thread = _Thread("recogniser")
        self._kept = Kept(kept_s)
        self._job: Job | None = None
        self._jobs = 0

    def hear(self, pcm: Pcm) -> None:
        if self._job is None:
            self._kept.add(pcm)
        else:
            self._thread.run(self._feed, self._job, [pcm])

    def listen(self) -> None:
        if self._job is None:
            self._jobs += 1
            self._job = Job(Tag(1, self._jobs, 1))
            self._thread.run(self._begin, self._job, self._kept.take())

    def finish(self) -> None:
        if self._job is not None:
            job, self._job = self._job, None
            self._thread.run(self._finish, job)

    def close(self) -> None:
        self._thread.close()

    def _begin(self, job: Job, before: list[Pcm]) -> None:
        self._backend.begin(job)
        self._feed(job, before)

    def _feed(self, job: Job, sound: Iterable[Pcm]) -> None:
        for pcm in sound:
            self._backend.feed(job, pcm)
        self._work()

    def _finish(self, job: Job) -> None:
        self._backend.finish(job)
        self._woken.clear()
        while not self._work():
            self._woken.wait()
            self._woken.clear()

    def _work(self) -> bool:
        """Tell what there is. Whether the job is over."""
        over = False
        while not self._backend.idle:
            for event in self._backend.step(STEP_NS):
                if isinstance(event, Heard):
                    self._thread.tell(self._tell, event.text, event.final)
                elif isinstance(event, Ended):
                    over = True
                    if event.reason == "failed":
                        raise RuntimeError(event.text)
        return over


class BackendAnswers:
    """The engine's answers: known at once, or made by a thread of the backend's own."""

    def __init__(self, config: Config) -> None:
        """In the loop that they are given to. Raises BackendError."""
        loop = asyncio.get_running_loop()
        self._pieces: dict[Tag, asyncio.Queue[str | None]] = {}
        """None ends an answer."""
        self._backend = loaded("llm", config, lambda: _call(loop, self._hand_out))
        self._jobs = 0

    async def answer(self, text: str) -> AsyncGenerator[str, None]:
        self._jobs += 1
        tag = Tag(1, self._jobs, 1)
        pieces = self._pieces[tag] = asyncio.Queue()
        self._backend.begin(Job(tag, text=text))
        self._hand_out()
        piece: str | None = ""
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
        finally:
            del self._pieces[tag]
            if piece is not None:
                self._backend.cancel(tag)

    def _hand_out(self) -> None:
        while not self._backend.idle:
            for event in self._backend.step(0):
                if (pieces := self._pieces.get(event.tag)) is not None and isinstance(event, Token | Ended):
                    pieces.put_nowait(event.text if isinstance(event, Token) else None)


def _call(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Call it in the loop, if that is not over."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


class _Pieces:
    """A backend's sink: what the voice writes goes on in fewer pieces."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send, self._pieces, self._samples = send, list[Pcm](), 0
        self._enough = FIRST_MS * RATE // 1000

    def write(self, pcm: Pcm) -> bool:
        self._pieces.append(pcm.copy())
        self._samples += len(pcm)
        if self._samples >= self._enough:
            self.flush()
            self._enough = LATER_MS * RATE // 1000
        return True

    def flush(self) -> None:
        if self._pieces:
            self._send(np.concatenate(self._pieces).tobytes())
            self._pieces, self._samples = [], 0


class ClauseVoice:
    """The engine's voice."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._thread = _Thread("voice")
        self._jobs = 0

    async def say(self, text: str) -> AsyncGenerator[bytes, None]:
        self._jobs += 1
        tag = Tag(1, self._jobs, 1)
        pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._thread.run(self._say, tag, text, pieces)
        try:
            while piece := await pieces.get():
                yield piece
        finally:
            self._backend.cancel(tag)

    def _say(self, tag: Tag, text: str, pieces: asyncio.Queue[bytes]) -> None:
        sink = _Pieces(lambda piece: self._thread.tell(pieces.put_nowait, piece))
        job = Job(tag, time.monotonic_ns(), sink=sink)
        self._backend.begin(job)
        self._backend.feed(job, text)
        self._backend.finish(job)
        while not self._backend.idle:
            self._backend.step(STEP_NS)
        sink.flush()
        self._thread.tell(pieces.put_nowait, b"")

    def close(self) -> None:
        self._thread.close()


def real_stages(config: Config) -> Stages:
    """The engine's backends as the configuration names them. Raises BackendError."""
    woken = threading.Event()
    hearing, voice = loaded("asr", config, woken.set), loaded("vocoder", config)
    return Stages(
        recogniser=lambda tell, kept_s: StreamingRecogniser(hearing, woken, tell, kept_s),
        answers=BackendAnswers(config),
        voice=ClauseVoice(voice),
    )
