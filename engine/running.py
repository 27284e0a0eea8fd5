"""One engine from start to end: its workers, its stream of events, and those who watch and command it."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import messages as m
from engine import reload, report, signals
from engine.config import Config
from engine.door import place
from engine.door.orders import Orders
from engine.door.server import Door
from engine.errors import ConfigError
from engine.events import Error, StageChanged
from engine.governor.driver import Governor
from engine.hub import Happening, Hub
from engine.last_turns import LastTurns
from engine.printer import Printer
from engine.renewals import Renewals
from engine.scheduling import be_brief, share_interpreter
from engine.service import Service
from engine.supervisor import Supervisor
from engine.terminal import Terminal
from engine.turn_keeper import Keeper, open_log, open_sound
from engine.turn_log import TurnLog
from engine.web.access import listen

if TYPE_CHECKING:
    from engine.web.server import Web

_AFTER_LAST_S = 0.3
"""What the recording still gets after the last answer, so that it does not end with its last sample."""


class Running:
    """The engine's parts, and what they tell each other. reread: reads the configuration anew.

    Raises EngineError when it cannot be: then nothing is left of it.
    """

    def __init__(self, config: Config, reread: Callable[[], Config]) -> None:
        share_interpreter()  # threads beside the event loop print, measure and read files
        be_brief()
        self.code, self.ready_s = 0, 0.0
        """The exit code, and how long the start took."""
        self._reread = reread
        self._service = Service(os.environ)
        self._loop = asyncio.get_running_loop()
        # Before there is anything that would be left behind. Not by the loop's own handlers: when it closes, it hands
        # signals back to Python's.
        signals.on_signal(self._signalled)
        self._name = name = config.engine.instance or "engine"
        self._place = place.take(config.door.socket, config.door.group, name, config.origin("door.group"))
        try:
            self.hub = Hub(config.audio.volume, config.audio.muted)
            self.supervisor = Supervisor(config, self.hub, self._take)
        except BaseException:
            self._place.remove()
            raise
        self.hub.subscribe(self._staged)
        self.hub.subscribe(last := LastTurns(lambda: self.supervisor.pids))
        supervisor = self.supervisor
        self._renewals = Renewals(supervisor.publish, self._undone, lambda: supervisor.absent)
        self.governor = Governor(config, supervisor.telemetry, self.hub, supervisor.wake, lambda: supervisor.pids)
        supervisor.on_death = self._died
        self._orders = Orders(self.supervisor.send)
        self._door = Door(self.hub, self._orders, self._reload, name)
        self._door.on_handlers = supervisor.count_handlers
        self._door.turns = lambda: last.records
        self._web: Web | None = None
        self._takers: dict[type[m.Message], Callable[[Any], None]] = {
            m.Happened: self.hub.happened,
            m.Done: self._orders.done,
            m.Over: self._over,
            m.Renewed: self._renewals.renewed,
            m.Ask: self._door.dialogue.ask,
            m.Cancel: self._door.dialogue.cancel,
            m.Joined: lambda _: self._orders.again("controls"),
        }

    def keep(self, log: TurnLog) -> Keeper:
        """Have turns written down there."""
        supervisor = self.supervisor
        sound = open_sound(supervisor.config, supervisor.instance)

        def troubled(error: Error) -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self.hub.tell, error)

        keeper = Keeper(log, sound, lambda: supervisor.pids, troubled)
        self.hub.subscribe(keeper)
        return keeper

    def show(self, listening: socket.socket) -> str:
        """Show a page there, and numbers for Prometheus; the address to type into a browser."""
        from engine.web.build import build  # only where it is wanted: this engine may have no memory to spare

        self._web = build(self.supervisor.config, self.hub, self.supervisor, self._name)
        return self._web.open(listening)

    async def run(self, terminal: Terminal) -> None:
        """Listen, think and speak until the input is over or somebody ends it.

        Raises EngineError when it cannot start or cannot go on.
        """
        began = time.monotonic()
        try:
            self._service.starting(self.supervisor.config.engine.start_timeout_s)
            self._door.open(self._place.socket)
            if self._place.note:
                terminal.say(self._place.note)
            self.governor.begin()
            if await self.supervisor.start():
                gc.freeze()  # what is there now stays: the collector need not look at it again
                self.ready_s = time.monotonic() - began
                self._orders.open = True
                what = f"{len(self.supervisor.workers)} workers, {self.supervisor.config.profile}"
                terminal.say(f"ready after {self.ready_s:.1f} s, {what}, door {self._place.path}")
                self._service.ready(self._status())
                self._service.watch(lambda: self.supervisor.is_fresh)
                await self.supervisor.ended()
        finally:
            self._service.stopping(self.supervisor.config.engine.stop_timeout_s)
            self._orders.close()
            self.governor.stop()
            await self.supervisor.stop()
            await self._door.close()
            if self._web is not None:
                await self._web.close()
            self._place.remove()
            self._service.close()

    def _staged(self, happening: Happening) -> None:
        if happening.name == StageChanged.name:
            self._service.status(self._status())

    def _status(self) -> str:
        """How the engine is doing, one line."""
        without = ", ".join(self.supervisor.left_out)
        return f"running without {without}, which does not come back" if without else "running"

    def _take(self, message: m.Message) -> None:
        self._takers[type(message)](message)

    def _signalled(self, code: int) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end, code)

    def _end(self, code: int) -> None:
        signals.ignore()  # the first one counts
        self.code = code
        self.supervisor.end()

    def _over(self, _message: m.Over) -> None:
        self._loop.call_later(_AFTER_LAST_S, self.supervisor.end)

    def _died(self, stage: str) -> None:
        if stage == "llm":
            self._door.dialogue.died()
        self._renewals.died(stage)
        self.governor.died(stage)

    def _undone(self, why: str) -> None:
        self.governor.reload(self.supervisor.config)
        self.hub.tell(Error("engine", f"the last reload is taken back: {why}", "correct that, and reload again"))

    async def _reload(self) -> dict[str, Any]:
        """Read the configuration again and apply what may change now; what the answer says. Raises EngineError."""
        runs = self._orders.open  # not while it starts: a service that reloads is taken for one that is ready
        if runs:
            self._service.reloading()
        try:
            return await self._reread_and_apply()
        finally:
            if runs and self._orders.open:
                self._service.ready(self._status())

    async def _reread_and_apply(self) -> dict[str, Any]:
        # In a thread: clients of the door do not wait for files.
        read = await self._loop.run_in_executor(None, self._reread)
        changed = reload.merge(self.supervisor.config, read)
        if changed.applied:
            try:
                await self._renewals.apply(self.supervisor.config, changed.config)
            except ValueError as error:
                raise ConfigError("the settings have outgrown their room in shared memory", "restart") from error
            self.governor.reload(self.supervisor.config)
        self.supervisor.bring_back()
        return {"applied": changed.applied, "restart_needed": changed.restart_needed}


async def converse(
    config: Config, reread: Callable[[], Config], report_path: Path | None, words: bool, verbose: bool = False
) -> int:
    """Be an engine from start to end; the exit code.

    reread: reads the configuration anew. report_path: where a report goes. words: print what is said. verbose: print
    details. Raises EngineError.
    """
    log = open_log(config)
    listening = listen(config.http.address, config.origin("http.address")) if config.http.address else None
    running = Running(config, reread)
    keeper = running.keep(log) if log is not None else None
    printer = Printer()
    terminal = Terminal(printer, words, verbose)
    if listening is not None:
        terminal.say(f"page at {running.show(listening)}")
    running.hub.subscribe(terminal)
    turns = report.Turns(running.supervisor)
    if report_path is not None:
        running.hub.subscribe(turns)
    try:
        await running.run(terminal)
    finally:
        printer.close()
        if keeper is not None:
            keeper.close()
        if report_path is not None:
            report.write(report_path, report.build(turns, running.supervisor, running.ready_s))
    return running.code
