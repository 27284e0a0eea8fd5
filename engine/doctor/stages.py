"""The stages: whether what each is configured with loads, with the Python that its worker will have."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

from engine import own_python
from engine.doctor.finding import Finding, Visit, ok, problem
from engine.errors import BackendError, SharedMemoryError
from engine.models import names
from engine.worker import environment

_CHECK = "workers.check"


def backends(visit: Visit) -> Iterator[Finding]:
    """Models and libraries, by loading them; and every stage's own Python, by asking it whether it can join."""
    try:
        troubles = own_python.troubles(visit.config)
    except SharedMemoryError as error:
        yield problem(error)
        return
    for trouble in troubles:
        yield problem(BackendError(f"{', '.join(trouble.sections)}: {trouble.error.what}", trouble.error.remedy))
    ill = {section for trouble in troubles for section in trouble.sections}
    for stage, absent in names.missing(visit.config):
        ill.add(stage)
        yield problem(absent)
    for stage in visit.config.stages:
        if stage not in ill:
            yield _backend(stage, visit)


def _backend(stage: str, visit: Visit) -> Finding:
    section = getattr(visit.config, stage)
    try:
        done = subprocess.run(
            own_python.command(section.python, "-m", _CHECK, stage),
            env=environment(section.threads, section.python),
            input=json.dumps(visit.config.as_dict()),
            capture_output=True,
            text=True,
            timeout=visit.config.engine.start_timeout_s,
            check=False,
        )
    except OSError as error:
        return problem(BackendError(f"{stage}: its Python cannot be run ({error.strerror})", f"correct {stage}.python"))
    except subprocess.TimeoutExpired:
        limit = f"{visit.config.engine.start_timeout_s:g} s"
        return problem(BackendError(f"{stage}: not loaded after {limit}", "raise engine.start_timeout_s"))
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    last = said[-1] if said else f"it ended with code {done.returncode}"
    if done.returncode == 0:
        return ok(f"{stage}: {last}" + (f", by {section.python}" if section.python else ""))
    what, _, remedy = last.partition("; ")
    return Finding("problem", f"{stage}: {what}", remedy, BackendError.code)
