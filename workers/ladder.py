"""The rungs of a stage's ladder as one backend: every job goes to the rung that the stage is on.

All rungs that stay in memory are loaded and warmed up before the worker is ready, so that going down takes no loading
when there is no time for it. Rungs whose difference a backend takes over quickly share one. A rung that cannot be
loaded, or whose jobs fail again and again, is left alone for a while; the next one below does the work.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.contract import Abilities, Backend, ChangesQuickly, Ended, Event, HearsPauses, Job, Rung, Tag
from engine.errors import BackendError

FAILURES = 2
"""So many jobs that fail one after the other on a rung are no accident."""
MOST_WARM = 16
"""What a backend was warmed up with: as many of the last as are remembered. A ladder has fewer rungs."""
SHORTEST_S, LONGEST_S = 10.0, 600.0
"""A rung that failed is left alone for so long at first, and, doubled each time, at last."""


class Held:
    """A backend in memory, or one that can be. loaded: what it was loaded with last, and is warm for; None: it is not
    in memory."""

    def __init__(self, backend: Backend, loaded: Rung | None = None) -> None:
        self.backend, self.loaded = backend, loaded
        self._warm = deque([loaded] if loaded is not None else [], MOST_WARM)

    def load(self, wanted: Rung) -> bool:
        """Make it fit for jobs on this rung, and warm. Whether there was anything to do. Raises BackendError."""
        now, backend = self.loaded, self.backend
        if wanted == now:
            return False
        quick = now is not None and isinstance(backend, ChangesQuickly) and backend.changes_quickly(now, wanted)
        self.loaded = None
        if not quick:
            self._warm.clear()
        backend.load(wanted)
        if wanted not in self._warm:
            backend.warm_up()
            self._warm.append(wanted)
        self.loaded = wanted
        return True

    def unload(self) -> None:
        if self.loaded is not None:
            self.loaded = None
            self.backend.unload()


@dataclass(slots=True)
class Step:
    """A rung: its name, its backend's, what that is loaded with, and how it has done."""

    name: str
    backend: str
    resident: bool
    rung: Rung
    held: Held
    failed: int = 0
    """Jobs in a row, or loads."""
    left_alone_s: float = 0.0
    """For how long it was, the last time."""
    until: float = 0.0
    """When that is over, on the ladder's clock."""


class Ladder:
    """A `engine.contract.Backend`. tell: takes a line for the owner. clock: seconds, as time.monotonic."""

    def __init__(
        self,
        steps: Sequence[Step],
        tell: Callable[[str], None] = lambda _line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.steps, self._tell, self._clock = list(steps), tell, clock
        self.at = 0
        """The rung that jobs go to, 0 is the best."""

    # Rungs. All of this is done between jobs.

    def start(self, wanted: int, strict: bool) -> None:
        """Load what stays in memory, and be on the rung `wanted`, or the next that will do. strict: a rung that cannot
        be loaded is an error, not one to be left alone. Raises BackendError, also when no rung can be loaded."""
        wanted = min(wanted, len(self.steps) - 1)
        # The wanted one last: where rungs share a backend, what that has learnt in its warm-up is about this one.
        for number in (*(each for each in range(len(self.steps)) if each != wanted), wanted):
            step = self.steps[number]
            if step.resident or number == wanted:
                try:
                    step.held.load(step.rung)
                except BackendError as error:
                    if strict or len(self.steps) == 1:
                        # The best rung is the section itself to whoever has written none.
                        rung = f"rung {step.name}: " if number else ""
                        raise BackendError(f"{rung}{error.what}", error.remedy) from error
                    self._leave_alone(step, str(error))
        if not self._stand_on(wanted):
            raise BackendError("no rung of its ladder can be loaded", "see the messages above")

    def move(self, wanted: int) -> bool:
        """Be on this rung, or, where that one is left alone, on the next that will do. Whether it is another one."""
        wanted, before = min(wanted, len(self.steps) - 1), self.at
        if wanted != self.at or self.steps[self.at].until > self._clock():
            self._stand_on(wanted)
        return self.at != before

    def needs_loading(self, wanted: int) -> bool:
        """Moving there would take as long as loading a model does."""
        now = self._clock()
        tried = [self.steps[number] for number in self._order(wanted) if self.steps[number].until <= now]
        return bool(tried) and tried[0].held.loaded != tried[0].rung

    def renew(self, rungs: Sequence[Rung]) -> bool:
        """Take over what all rungs are loaded with now, one for each, in their order. Whether anything was loaded.
        Raises BackendError when a backend refuses; then it is as before."""
        before = [step.rung for step in self.steps]
        try:
            return self._renew(rungs)
        except BackendError:
            self._renew(before)
            raise

    def _renew(self, rungs: Sequence[Rung]) -> bool:
        anew = False
        for step, rung in zip(self.steps, rungs, strict=False):
            changed, step.rung = step.rung != rung, rung
            if changed and (step.resident or step.held.loaded is not None):
                try:
                    anew |= step.held.load(rung)
                except BackendError as error:
                    if not step.left_alone_s:
                        raise
                    self._leave_alone(step, str(error))  # nor could it be loaded before
        now = self.steps[self.at]
        return now.held.load(now.rung) or anew

    def _stand_on(self, wanted: int) -> bool:
        """Try the rung `wanted`, then those below it, then those above, best first. False: none will do."""
        for number in self._order(wanted):
            step = self.steps[number]
            if step.until > self._clock():
                continue
            try:
                step.held.load(step.rung)
            except BackendError as error:
                self._leave_alone(step, str(error))
                continue
            left, self.at = self.steps[self.at], number
            if not left.resident and left.held is not step.held:
                left.held.unload()
            return True
        return False

    def _order(self, wanted: int) -> tuple[int, ...]:
        """Whoever is tried, first to last."""
        wanted = min(wanted, len(self.steps) - 1)
        return *range(wanted, len(self.steps)), *range(wanted - 1, -1, -1)

    def _leave_alone(self, step: Step, why: str) -> None:
        """It is not tried again for a while. Its owner is told the first time, until it does its work again."""
        if not step.left_alone_s:
            self._tell(f"rung {step.name} is left alone for a while: {why}")
        step.left_alone_s = min(max(SHORTEST_S, 2 * step.left_alone_s), LONGEST_S)
        step.until, step.failed = self._clock() + step.left_alone_s, 0

    def _judge(self, events: Sequence[Event]) -> None:
        for event in events:
            if not isinstance(event, Ended) or event.reason == "cancelled":
                continue
            step = self.steps[self.at]
            step.failed = step.failed + 1 if event.reason == "failed" else 0
            if not step.failed:
                step.left_alone_s = 0.0
            elif step.failed >= FAILURES and len(self.steps) > 1:
                self._leave_alone(step, event.text or "its jobs fail")

    def _all(self) -> Iterator[Backend]:
        """Every backend that is in memory, the one in use first."""
        now = self.steps[self.at].held
        yield now.backend
        seen = {id(now)}
        for step in self.steps:
            if id(step.held) not in seen and step.held.loaded is not None:
                seen.add(id(step.held))
                yield step.held.backend

    # The contract.

    @property
    def backend(self) -> Backend:
        """The one in use."""
        return self.steps[self.at].held.backend

    @property
    def abilities(self) -> Abilities:
        return self.backend.abilities

    @property
    def remarks(self) -> Sequence[str]:
        return tuple(dict.fromkeys(remark for backend in self._all() for remark in backend.remarks))

    def load(self, rung: Rung) -> None:
        """Load the one in use."""
        self.steps[self.at].rung = rung
        self.steps[self.at].held.load(rung)

    def warm_up(self) -> None:
        self.backend.warm_up()

    def begin(self, job: Job) -> None:
        self.backend.begin(job)

    def feed(self, job: Job, data: Any) -> None:
        self.backend.feed(job, data)

    def finish(self, job: Job) -> None:
        self.backend.finish(job)

    def pause(self, job: Job, end: int) -> None:
        """For a recogniser that makes use of it."""
        if isinstance(self.backend, HearsPauses):
            self.backend.pause(job, end)

    def step(self, budget_ns: int) -> Sequence[Event]:
        """One step of the one in use; where that has nothing to do, of another that has: what it remembers of an
        answer is cut after the job's end."""
        busy = next((backend for backend in self._all() if not backend.idle), self.backend)
        events = busy.step(budget_ns)
        self._judge(events)
        return events

    @property
    def idle(self) -> bool:
        return all(backend.idle for backend in self._all())

    def cancel(self, tag: Tag) -> None:
        self.backend.cancel(tag)

    def settle(self, tag: Tag, heard: str) -> None:
        """The job may have been done on another rung than the present one."""
        for backend in self._all():
            backend.settle(tag, heard)

    def forget(self, session: int) -> None:
        for backend in self._all():
            backend.forget(session)

    def cost_ns(self, units: int) -> int:
        return self.backend.cost_ns(units)

    def unload(self) -> None:
        for step in self.steps:
            step.held.unload()
