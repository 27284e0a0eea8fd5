"""`engine models`: the models that can be had, how they come here, whether they are whole, and under which terms."""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engine.config import Config
from engine.config_command import add_config_options, load_from_args
from engine.errors import BackendError, UsageError
from engine.licence_kinds import kind
from engine.models import disk, lock, manifest, names
from engine.models.hub import Hub
from engine.models.lock import Locked
from engine.models.manifest import Model
from engine.models.pull import pull
from engine.rules import MODEL_PREFIX, shown
from engine.schema import near

_EPILOG = """\
A model is named in the settings by its path, or as "models:NAME". Nothing but `pull` uses the network, with
huggingface_hub (pip install "antiphon[models]"); HF_HOME, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE mean what they mean
there. Exit code 6 when a model cannot be had or is not what it was, 5 when it cannot be written.
"""


class _Place:
    """The models' directory, and what is known of it. Raises ConfigError, BackendError."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.directory = disk.directory(config.models.directory)
        self.models = manifest.models(config.models.manifest)
        self.locked = lock.read(self.directory)

    def chosen(self, wanted: Sequence[str]) -> list[Model]:
        """The models of these names. UsageError: there is no such one."""
        for name in wanted:
            if name not in self.models:
                meant = near(name, list(self.models))
                raise UsageError(
                    f"there is no model {shown(name)}", f"did you mean {meant}?" if meant else "see engine models list"
                )
        return [self.models[name] for name in dict.fromkeys(wanted)]

    def state(self, model: Model) -> disk.State:
        return disk.state(model, self.directory / model.name, self.locked.get(model.name))

    def size(self, model: Model) -> int:
        """Bytes on disk, or to download; 0: not known."""
        if locked := self.locked.get(model.name):
            return sum(file.size for file in locked.files)
        sure = {file.name for file in model.known if file.size} == set(model.files)
        return sum(file.size for file in model.known) if sure else 0


def add_parser(subparsers: Any) -> None:
    """Add `models` to what `ArgumentParser.add_subparsers` returned."""
    parser = subparsers.add_parser(
        "models",
        help="list, fetch and check models",
        description="List, fetch and check models.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, (action, what, named) in _ACTIONS.items():
        one = actions.add_parser(name, help=what, description=f"{what[:1].upper()}{what[1:]}.")
        one.set_defaults(run=functools.partial(_run, action))
        one.add_argument("name", nargs="*", metavar="NAME", help=named)
        if name == "pull":
            one.add_argument("--update", action="store_true", help="take the newest, whatever was pulled before")
        else:
            one.add_argument("--json", action="store_true", help="as JSON")
        add_config_options(one)


def _run(action: Callable[[_Place, argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    return action(_Place(load_from_args(arguments)), arguments)


def _list(place: _Place, arguments: argparse.Namespace) -> int:
    found = manifest.by_stage(place.chosen(arguments.name) or place.models.values())
    if arguments.json:
        rows = [
            manifest.as_json(model)
            | {"state": place.state(model), "size": place.size(model), "line": _line(model)}
            | {"directory": str(place.directory / model.name)}
            for model in found
        ]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return 0
    print(f"# {place.directory}")
    for stage, of_stage in itertools.groupby(found, key=lambda model: model.stage):
        print(f"\n{stage}")
        for model in of_stage:
            print(*_told(place, model), sep="\n")
    return 0


def _told(place: _Place, model: Model) -> Iterator[str]:
    """A model in the list: what there is of it and what it needs, what it is, and how it is named."""
    state, memory = place.state(model), f"about {model.memory_mb} MB" if model.memory_mb else "?"
    needs = f"{_megabytes(place.size(model)):>8} on disk, {memory:>13} of memory"
    terms = f"{model.licence}{', gated' if model.gated else ''}"
    yield f"  {state:10}  {model.name:22}  {needs}  {', '.join(model.languages) or 'many languages':14}  {terms}"
    yield f"{'':14}{model.about}"
    if line := _line(model):
        yield f"{'':14}{line}"
    elif state == "whole":
        yield f"{'':14}{place.directory / model.name / model.path}"


def _pull(place: _Place, arguments: argparse.Namespace) -> int:
    wanted = arguments.name or list(dict.fromkeys(use.name for use in names.used(place.config)))
    if not wanted:
        what = f'no NAME, and the settings name no model as "{MODEL_PREFIX}NAME"'
        raise UsageError(what, "name one of engine models list")
    hub = functools.cache(Hub)
    for model in place.chosen(wanted):
        with lock.held(place.directory):
            print(f"{model.name}: {model.repo}, {_terms(model)}", flush=True)
            pulled = pull(model, place.directory, hub, update=arguments.update)
        size = sum(file.size for file in pulled.locked.files)
        came = f"{_megabytes(pulled.fetched)} downloaded" if pulled.fetched else "all of it was here"
        print(f"{model.name}: {len(pulled.locked.files)} files, {_megabytes(size)}, {came}, {pulled.locked.revision}")
        if pulled.learned:
            told = f"{pulled.learned} of its hashes were not known before and are now in {lock.LOCK}"
            print(f"{model.name}: {told}; they are verified from now on")
    return 0


def _verify(place: _Place, arguments: argparse.Namespace) -> int:
    for name in arguments.name:
        if name not in place.locked:
            place.chosen([name])  # which may not be the name of any
            raise BackendError(f"{name} was not pulled into {place.directory}", f"engine models pull {name}")
    rows = [_verified(place, name, place.locked[name]) for name in arguments.name or place.locked]
    if arguments.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        for row in rows:
            state = "DAMAGED" if row["faults"] else "ok"
            print(f"{state:8}{row['name']}: {row['files']} files, {_megabytes(row['size'])}")
            for fault in row["faults"]:
                print(f"engine: {row['name']}: {fault}; engine models pull {row['name']}", file=sys.stderr)
        if not rows:
            print(f"nothing was pulled into {place.directory}")
    return BackendError.code if any(row["faults"] for row in rows) else 0


def _verified(place: _Place, name: str, locked: Locked) -> dict[str, Any]:
    """One model, read whole."""
    faults = [f"{file.name} {why}" for file, why in disk.faults(place.directory / name, locked.files)]
    pinned = {file.name: file for file in place.models[name].known} if name in place.models else {}
    faults += [
        f"{file.name} is what was pulled, and not what the manifest says"
        for file in locked.files
        if pinned.get(file.name, file).sha256 != file.sha256
    ]
    size = sum(file.size for file in locked.files)
    return {"name": name, "files": len(locked.files), "size": size, "revision": locked.revision, "faults": faults}


def _licences(place: _Place, arguments: argparse.Namespace) -> int:
    found = manifest.by_stage(place.chosen(arguments.name) or place.models.values())
    if arguments.json:
        keys = ("name", "repo", "licence", "licence_url", "attribution", "gated")
        rows = [
            {key: getattr(model, key) for key in keys} | {"here": place.state(model) != "absent"} for model in found
        ]
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return 0
    for model in found:
        here = "" if place.state(model) == "absent" else ", on this disk"
        print(f"{model.name}: {_terms(model)}{here}")
        if model.attribution:
            print(f"{'':4}attribution: {model.attribution}")
        if model.gated:
            print(f"{'':4}to be accepted at {model.page} before it can be pulled")
    return 0


def _terms(model: Model) -> str:
    """Its licence, and what is to be known of that."""
    own = "" if kind(model.licence) == "permissive" else ", read it: its own terms"
    return f"{model.licence} ({model.licence_url}){own}"


def _line(model: Model) -> str:
    """What to write into config.toml, or nothing where no backend takes it yet."""
    return f'{model.setting} = "{MODEL_PREFIX}{model.name}"' if model.setting else ""


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size else "? MB"


_ACTIONS: dict[str, tuple[Callable[[_Place, argparse.Namespace], int], str, str]] = {
    "list": (_list, "list the models, and what of them is on this disk", "only these"),
    "pull": (_pull, "fetch models and check them", "without any: those that the settings name"),
    "verify": (_verify, "read every file and compare it with what was pulled", "only these"),
    "licences": (_licences, "show the licence of every model, and what it asks for", "only these"),
}
