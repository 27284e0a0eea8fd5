"""`engine licences`: every part of the running set-up, its version and its licence.

The parts are found, not listed by hand: the distributions that this one needs with all they need in turn, the shared
libraries inside their wheels, the system's libraries, and what the chosen backends load. Only what a package does not
say of itself stands in `engine/licence_notes.py`. What a package says is not taken on trust: the GPL's title in a
licence file counts more than the metadata beside it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engine import NAME
from engine import licence_notes as notes
from engine.config import Config
from engine.config_command import add_config_options, load_from_args
from engine.ladders import sections
from engine.licence_kinds import UNKNOWN, Kind, kind
from engine.licence_sound import SOUND, loaded_packages
from engine.models import disk, lock, manifest, names

_DOC = Path("/usr/share/doc")
_MAX_BYTES = 4 << 20
_LICENCE_FILE = re.compile(r"licen[cs]e|copying|notice", re.IGNORECASE)
_GPL_TITLE = re.compile(r"^\W*GNU (?:AFFERO )?GENERAL PUBLIC LICENSE\W*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """Something that runs. `why`: what brought it in."""

    name: str
    version: str
    licence: str
    why: str

    @property
    def kind(self) -> Kind:
        """What its licence means for those who ship it."""
        return kind(self.licence)


def parts(config: Config) -> list[Part]:
    """Everything that runs with this configuration, the interpreter first."""
    stages = {stage: getattr(config, stage) for stage in config.stages}
    used = [section for _, section in sections(config)]
    backends = [section.backend for section in used]
    tables = [_table(section) for section in used]
    if config.floor.enabled:
        backends += [config.floor.answers, config.floor.voice]
        tables += [getattr(config.llm, config.floor.answers, None), getattr(config.vocoder, config.floor.voice, None)]
    # What answers instead; and what turns words into phonemes for a voice is one of the voices itself.
    backends += [way for name in ("fallback", "phonemes") for each in tables if (way := getattr(each, name, ""))]
    extras = frozenset(notes.BACKENDS_IN_EXTRAS[name] for name in backends if name in notes.BACKENDS_IN_EXTRAS)
    python = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    found = [Part("Python", python, "PSF-2.0", "the interpreter")]
    for dist, why in _needed(NAME, extras):
        found += _of_distribution(dist, why) if isinstance(dist, Distribution) else [_absent(dist, why)]
    for package in notes.SYSTEM:
        found += _of_system(package, "system library")
    if config.audio.cleans:
        found += _of_system(notes.ECHO, "system library, echo cancelling")
    if config.audio.driver != "virtual":
        found += _of_sound()
    for name in dict.fromkeys(backends):
        known = notes.OF_BACKENDS.get(name)
        if known is None:
            found.append(Part(name, "", UNKNOWN, "backend that has no line in engine/licence_notes.py"))
            continue
        found += [Part(part, "", licence, f"backend {name}") for part, licence in known.data]
        for package in known.system:
            found += _of_system(package, f"system library, backend {name}")
    found += _of_models(config)
    for stage, section in stages.items():
        if section.python:
            found.append(Part(f"{stage}.python", "", UNKNOWN, f"ask there: {section.python} -m engine licences"))
    first = {(part.name, part.version, part.licence): part for part in reversed(found)}  # what several bring in
    return [part for part in found if part is first[part.name, part.version, part.licence]]


def _table(section: Any) -> Any:
    """The settings of the backend that a stage uses."""
    return getattr(section, section.backend, None)


def _needed(name: str, extras: frozenset[str]) -> Iterator[tuple[Distribution | str, str]]:
    """A distribution and all it needs here, each with what needs it; only a name for one that is not installed."""
    waiting = [(name, extras, "the project")]
    walked: set[tuple[str, str]] = set()
    yielded: set[str] = set()
    while waiting:
        name, extras, why = waiting.pop(0)
        key = canonicalize_name(name)
        fresh = {extra for extra in extras | {""} if (key, extra) not in walked}
        walked |= {(key, extra) for extra in fresh}
        try:
            found = distribution(name)
        except PackageNotFoundError:
            if fresh:
                yield name, why
            continue
        if key not in yielded:
            yielded.add(key)
            yield found, why
        for text in found.requires or []:
            needs = Requirement(text)
            if any(needs.marker is None or needs.marker.evaluate({"extra": extra}) for extra in fresh):
                waiting.append((needs.name, frozenset(needs.extras), f"needed by {found.name}"))


def _of_distribution(found: Distribution, why: str) -> Iterator[Part]:
    """A distribution, what is inside it, and what its licence files tell against it."""
    key = canonicalize_name(found.name)
    said = _said(found)
    yield Part(found.name, found.version, said, why)
    for name, licence in notes.LINKED_IN.get(key, ()):
        yield Part(name, "", licence, f"inside {found.name}")
    for file in found.files or []:
        if ".so" in file.suffixes and (file.name.startswith("lib") or file.parent.name.endswith(".libs")):
            licence = next((text for start, text in notes.BUNDLED.items() if file.name.startswith(start)), UNKNOWN)
            yield Part(file.name, "", licence, f"inside {found.name}")
        elif kind(said) != "copyleft" and _LICENCE_FILE.search(file.name) and not file.suffix.startswith(".py"):
            text = _text(Path(str(file.locate())))
            if _GPL_TITLE.search(text) and not _reviewed(key, text):
                yield Part(f"{found.name}: {file.name}", found.version, "GPL: it has the text", f"inside {found.name}")


def _said(found: Distribution) -> str:
    """What a distribution says of itself: expression, else classifiers, else the old field's first line."""
    meta: Any = found.metadata  # an email.message.Message, whatever its type says
    classifiers = [c.rsplit(" :: ", 1)[1] for c in meta.get_all("Classifier") or [] if c.startswith("License :: ")]
    old = (meta.get("License") or "").strip().splitlines()
    said = meta.get("License-Expression") or "; ".join(classifiers) or (old[0] if old else "")
    return said or notes.UNSAID.get(canonicalize_name(found.name), UNKNOWN)


def _of_models(config: Config) -> Iterator[Part]:
    """The models that the settings name from the models' directory."""
    used = list(names.used(config))
    known = manifest.models(config.models.manifest) if used else {}
    locked = lock.read(disk.directory(config.models.directory)) if used else {}
    for use in used:
        licence = known[use.name].licence if use.name in known else UNKNOWN
        version = locked[use.name].revision[:12] if use.name in locked else ""
        yield Part(use.name, version, licence, f"model, {use.setting}")


def _absent(name: str, why: str) -> Part:
    return Part(name, "not installed", notes.UNSAID.get(canonicalize_name(name), UNKNOWN), why)


def _reviewed(key: str, text: str) -> bool:
    """A person has looked why the GPL's text is there, and the reason still stands in the file."""
    reason = notes.REVIEWED.get(key)
    return reason is not None and reason in text


def _of_system(package: notes.System, why: str) -> Iterator[Part]:
    """A library of the system; Debian's own word on it is checked for the passage that its licence is known by."""
    places = [path for name in package.names for path in (_DOC / name / "copyright",) if path.exists()]
    if not places:
        if package.always:
            yield Part(package.names[0], "", package.licence, f"{why}; not from a Debian package here")
        return
    text = " ".join(_text(places[0]).split())
    licence = package.licence if package.passage in text else UNKNOWN
    name = places[0].parent.name
    yield Part(name, _debian_version(name), licence, f"{why}; see {places[0]}")


def _of_sound() -> Iterator[Part]:
    """The libraries that are loaded to open sound devices."""
    loaded = loaded_packages()
    for package in SOUND:
        if package.always or not loaded.isdisjoint(package.names):
            yield from _of_system(package, "system library, sound")
    known = {name for package in (*notes.SYSTEM, *SOUND) for name in package.names}
    for name in sorted(loaded - known):
        yield Part(name, _debian_version(name), UNKNOWN, "loaded for sound; it has no line in engine/licence_sound.py")


@cache
def _debian_version(package: str) -> str:
    try:
        asked = ["dpkg-query", "-W", "-f", "${Version}\n", package]
        lines = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    except OSError:
        return ""
    return lines[0] if lines else ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def add_parser(subparsers: Any) -> None:
    """Add `licences` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "licences",
        help="list every part of this set-up and its licence",
        description="List every part that runs with these settings, transitive and bundled ones included.",
        epilog="Exit code 1 with --permissive when a part is under the GPL or AGPL, is closed, or its licence is not "
        "known. The LGPL and GCC's libraries with their exception pass: they are shared libraries of their own.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--permissive", action="store_true", help="fail when one is under the GPL, closed or unknown")
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    found = parts(load_from_args(arguments))
    if arguments.json:
        print(json.dumps([asdict(part) | {"kind": part.kind} for part in found], indent=1))
    else:
        wide = max(len(f"{part.name} {part.version}") for part in found)
        for part in found:
            print(f"{f'{part.name} {part.version}':{wide}}  {part.kind:10}  {part.licence}  ({part.why})")
        print(f"{len(found)} parts:", ", ".join(f"{n} {name}" for name, n in Counter(p.kind for p in found).items()))
    bad = [part for part in found if part.kind in ("closed", "copyleft", UNKNOWN)]
    if arguments.permissive and bad:
        for part in bad:
            print(f"engine: {part.name} ({part.why}): licence {part.licence}", file=sys.stderr)
        return 1
    return 0
