"""Brings a model here: downloads what is missing, checks it, and puts it into its place, all of it or nothing.

What is expected of a file is said by the manifest, else by the lock, else by the hub itself. The first two are never
changed by what the hub says: a file that is not as expected is thrown away, and told.
"""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BackendError, OutputError
from engine.models import disk, lock
from engine.models.hub import Hub, Listing, Remote
from engine.models.lock import Locked
from engine.models.manifest import File, Model, fits

_WORK = ".pull"
"""Where models are put together, beside the models, so that the last step is a rename."""
_UNKNOWN = -1
"""A size."""
_SPARE = 64 << 20
"""Bytes that are to stay free."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of it. fetched: bytes that were downloaded; 0: everything was there. learned: how many hashes are known
    only now, taken on trust."""

    locked: Locked
    fetched: int
    learned: int


def pull(model: Model, directory: Path, hub: Callable[[], Hub], *, update: bool = False) -> Pulled:
    """Bring a model into its place below `directory`, which is `held`. hub: connects, when that is needed. update: take
    the newest, whatever the lock says.

    Raises BackendError: it cannot be had, or is not what it should be; OutputError: it cannot be written.
    """
    known = lock.read(directory)
    before = None if update else _still_meant(model, known.get(model.name))
    place = directory / model.name
    if before and not list(disk.faults(place, before.files)):
        return Pulled(before, 0, 0)
    try:
        connection = hub()
        listing = _listing(model, before, connection)
        work = directory / _WORK / model.name
        work.mkdir(parents=True, exist_ok=True)
        fetched = _gather(model, listing, before, place, work, connection)
        files = tuple(
            File(one.name, disk.size_of(work / one.name), disk.sha256(work / one.name)) for one in listing.files
        )
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        after = Locked(model.repo, listing.revision, now, files)
        lock.write(directory, known | {model.name: after})
        _put(work, place)
    except OSError as error:
        raise OutputError(
            f"{model.name}: {error.filename or directory}: {error.strerror}", "see models.directory"
        ) from error
    return Pulled(after, fetched, sum(file.name not in _expected(model, before) for file in files))


def _still_meant(model: Model, locked: Locked | None) -> Locked | None:
    """What the lock says, where the manifest means the same: it may have moved on since."""
    if locked is None or locked.repo != model.repo or model.revision not in ("", locked.revision):
        return None
    if not all(any(fits(file.name, wanted) for file in locked.files) for wanted in model.files):
        return None
    pinned = {file.name: file for file in model.known}
    return locked if all(pinned.get(file.name, file).sha256 == file.sha256 for file in locked.files) else None


def _listing(model: Model, before: Locked | None, hub: Hub) -> Listing:
    """The files to have, each with what is expected of it."""
    revision = model.revision or (before.revision if before else "") or model.branch
    expected = _expected(model, before)
    listing = _cached_listing(model, revision, expected, hub) if hub.offline else hub.listing(model, revision)
    for one in listing.files:
        said = expected.get(one.name)
        if said and one.sha256 and said.sha256 != one.sha256:
            what = f"{model.name}: {model.repo} now has another {one.name} than {_who(model, one.name)} says"
            raise BackendError(what, "it was changed there: look why, then engine models pull --update, or pin it anew")
    known = (expected.get(one.name) for one in listing.files)
    pairs = zip(listing.files, known, strict=True)
    return Listing(
        listing.revision,
        tuple(Remote(one.name, said.size or one.size, said.sha256) if said else one for one, said in pairs),
    )


def _cached_listing(model: Model, revision: str, expected: Mapping[str, File], hub: Hub) -> Listing:
    """Without the hub: what must be in its client's cache."""
    unknown = [one for one in model.files if "*" in one and not any(fits(name, one) for name in expected)]
    if unknown:
        what = f"{model.name}: HF_HUB_OFFLINE is set, and which files {unknown[0]} are is only known there"
        raise BackendError(what, "unset it")
    names = dict.fromkeys((*expected, *(one for one in model.files if "*" not in one)))
    found = hub.cached_revision(model, next(iter(names)), revision)
    return Listing(found or revision, tuple(Remote(name, _UNKNOWN) for name in names))


def _expected(model: Model, before: Locked | None) -> dict[str, File]:
    return {file.name: file for file in (*(before.files if before else ()), *model.known)}


def _who(model: Model, file: str) -> str:
    return "the manifest" if any(one.name == file for one in model.known) else lock.LOCK


def _gather(model: Model, listing: Listing, before: Locked | None, place: Path, work: Path, hub: Hub) -> int:
    """Put every file into `work`, checked; how many bytes of that were downloaded."""
    missing = [one for one in listing.files if not _here(model, one, listing.revision, place, work, hub)]
    if hub.offline and missing:
        what = f"{model.name}: {missing[0].name} is not in the hub's cache, and HF_HUB_OFFLINE is set"
        raise BackendError(what, "unset it, or set HF_HOME to where the model is")
    parts = {one.name: _part(work, one) for one in missing}
    needed = sum(max(0, one.size - max(0, disk.size_of(parts[one.name]))) for one in missing)
    free = shutil.disk_usage(work).free
    if missing and needed > free - _SPARE:
        what = f"{model.name} needs {needed / 1e6:.0f} MB more, and {work.parents[1]} has {free / 1e6:.0f} MB free"
        raise OutputError(what, "make room, or set models.directory to another disk")
    for one in missing:
        part = parts[one.name]
        part.parent.mkdir(parents=True, exist_ok=True)
        if disk.size_of(part) > one.size:  # of another download, whatever its name: there is nothing to go on from
            part.unlink()
        hub.fetch(model, one, listing.revision, part)
        if (why := _differs(part, one)) is not None:
            part.unlink()
            who = _who(model, one.name) if one.name in _expected(model, before) else "the hub"
            remedy = f"pull again; if it stays so, do not use it, and see {model.page}"
            raise BackendError(f"{model.name}: {one.name} is not what {who} says: {why}", remedy)
        part.replace(work / one.name)
    return needed


def _here(model: Model, one: Remote, revision: str, place: Path, work: Path, hub: Hub) -> bool:
    """The file is in `work`, or was found nearby and is now."""
    for found in (work / one.name, place / one.name, hub.cached(model, one.name, revision)):
        if found and found.is_file() and _differs(found, one) is None:
            if found != work / one.name:
                _link(found, work / one.name)
            return True
    return False


def _differs(path: Path, one: Remote) -> str | None:
    """In what a file is not as expected; None where it is. What is not known of it is not looked at."""
    if one.size >= 0 and (size := disk.size_of(path)) != one.size:
        return f"{size} bytes, not {one.size}"
    if one.sha256 and (found := disk.sha256(path)) != one.sha256:
        return f"SHA-256 {found}, not {one.sha256}"
    if one.git_id and disk.git_id(path) != one.git_id:
        return "another content"
    return None


def _part(work: Path, one: Remote) -> Path:
    """Where a file is downloaded to: another one for other content, so that what is resumed fits together."""
    content = (one.sha256 or one.git_id or "unknown")[:12]
    return work / f"{one.name}.{content}.part"


def _link(source: Path, target: Path) -> None:
    """The same content in a second place, without a second copy where the file system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)  # the client's cache is full of symbolic links
    except OSError:
        fresh = target.with_name(f"{target.name}.copy")
        shutil.copyfile(source, fresh)
        fresh.replace(target)


def _put(work: Path, place: Path) -> None:
    """Let `work` take the place of what is there. A reader finds the old one or the new one, or for a moment none."""
    for part in work.rglob("*.part"):
        part.unlink()
    old = work.with_name(f"{work.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    work.rename(place)
    shutil.rmtree(old, ignore_errors=True)
