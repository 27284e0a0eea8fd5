"""`engine licences`: every part of the running set-up, its version and its licence.

The parts are found, not listed by hand: the distributions that this one needs, with all they need in turn, the shared
libraries bundled in their wheels, and what the chosen backends load. Only what a package does not say of itself
stands in the tables below.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engine import NAME
from engine.config import Config
from engine.config_command import add_config_options, load_from_args

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Part:
    """Something that runs. `why`: what brought it in."""

    name: str
    version: str
    licence: str
    why: str

    @property
    def copyleft(self) -> bool:
        """Under the GPL or AGPL without an exception for what it is linked into. The LGPL does not count here."""
        return re.search(r"(?<!L)GPL(?!.*exception)", self.licence) is not None


# Libraries that wheels carry inside, by the beginning of their file name.
_BUNDLED = {
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgcc_s": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libstdc++": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgomp": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libquadmath": "LGPL-2.1-or-later",
    "libscipy_openblas": "BSD-3-Clause",
    "libopenblas": "BSD-3-Clause",
    "libonnxruntime": "MIT",
    "libsamplerate": "BSD-2-Clause",
    "libespeak-ng": "GPL-3.0-or-later",
}

# What distributions do not say in their metadata.
_UNSAID = {"espeakng-loader": "MIT"}

# What the backends load beside Python packages: name, licence.
_OF_BACKENDS = {
    "silero": [("Silero VAD model", "MIT")],
    "pocketsphinx": [("CMUSphinx English model", "BSD-2-Clause")],
    "flite": [("libflite1 (system library)", "BSD-style (CMU), public domain")],
    "espeak": [("espeak-ng voices", "GPL-3.0-or-later")],
}
_EXTRA_OF_BACKENDS = {"espeak": "espeak"}


def _licence(found: Distribution) -> str:
    """What a distribution says of itself: expression, else classifiers, else the old field's first line."""
    meta: Any = found.metadata  # an email.message.Message, whatever its type says
    classifiers = [c.rsplit(" :: ", 1)[1] for c in meta.get_all("Classifier") or [] if c.startswith("License :: OSI")]
    old = (meta.get("License") or "").strip().splitlines()
    said = meta.get("License-Expression") or " or ".join(classifiers) or (old[0] if old else "")
    return said or _UNSAID.get(canonicalize_name(found.name), UNKNOWN)


def _needed(name: str, extras: frozenset[str], why: str, seen: dict[str, tuple[Distribution, str]]) -> None:
    """Collect a distribution and all it needs here, with these extras."""
    key = canonicalize_name(name)
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return
    if key in seen and not extras:
        return
    seen.setdefault(key, (found, why))
    for text in found.requires or []:
        needs = Requirement(text)
        if needs.marker is None or any(needs.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            _needed(needs.name, frozenset(needs.extras), found.name, seen)


def _libraries(found: Distribution) -> Iterator[Part]:
    """The shared libraries inside a wheel that are not extension modules."""
    for file in found.files or []:
        name = file.name
        if re.match(r"lib[^/]*\.so(\.|$)", name):
            licence = next((text for start, text in _BUNDLED.items() if name.startswith(start)), UNKNOWN)
            yield Part(name, found.version, licence, f"inside {found.name}")


def parts(config: Config) -> list[Part]:
    """Everything that runs with this configuration, the project first."""
    backends = [getattr(config, stage).backend for stage in ("vad", "asr", "llm", "vocoder")]
    extras = frozenset(_EXTRA_OF_BACKENDS[name] for name in backends if name in _EXTRA_OF_BACKENDS)
    seen: dict[str, tuple[Distribution, str]] = {}
    _needed(NAME, extras, "the project", seen)
    python = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    found = [Part("Python", python, "PSF-2.0", "the interpreter")]
    for dist, why in seen.values():
        found.append(Part(dist.name, dist.version, _licence(dist), why if why == "the project" else f"needed by {why}"))
        found += _libraries(dist)
    for backend in backends:
        found += [Part(name, "", licence, f"backend {backend}") for name, licence in _OF_BACKENDS.get(backend, [])]
    return found


def add_parser(subparsers: Any) -> None:
    """Add `licences` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "licences",
        help="list every part of this set-up and its licence",
        description="List every part that runs with these settings, transitive and bundled ones included.",
        epilog="Exit code 1 with --permissive when a part is under the GPL, or its licence is not known.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--permissive", action="store_true", help="fail when a part is under the GPL or unknown")
    add_config_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the parser of `add_parser` parsed; returns the exit code."""
    found = parts(load_from_args(arguments))
    if arguments.json:
        print(json.dumps([asdict(part) for part in found], indent=1))
    else:
        wide = max(len(f"{part.name} {part.version}") for part in found)
        for part in found:
            print(f"{f'{part.name} {part.version}':{wide}}  {part.licence}  ({part.why})")
    bad = [part for part in found if part.copyleft or part.licence == UNKNOWN]
    if arguments.permissive and bad:
        for part in bad:
            print(f"engine: {part.name} is under: {part.licence}", file=sys.stderr)
        return 1
    return 0
