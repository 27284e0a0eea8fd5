"""The configuration: one typed, immutable whole out of layers.

Strongest first: command line (`--set`), environment, `--config FILE`, the user's file, the system's file, the packaged
`config.toml`. The chosen profile's values in a file stand above that file's plain ones and below the next layer's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.backend_settings import WITHOUT_MODEL
from engine.config_layers import Layer, Setting, files, read_environment, read_file, read_sets
from engine.conflicts import conflicts
from engine.errors import ConfigError, EngineError, UsageError
from engine.partner_settings import grounded
from engine.rules import MODEL_PREFIX, shown
from engine.schema import Key, Reader, build, dotted, kinds, near, plain
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Config(Settings):
    """The settings of one run, and where each came from."""

    origins: Mapping[Key, str] = field(default_factory=dict, repr=False, compare=False)

    def origin(self, key: str) -> str:
        """Who gave a setting its value: `kiosk.toml:12`, `environment ANTIPHON_…`, `--set`. KeyError: no such one."""
        return self.origins[tuple(key.split("."))]

    def as_dict(self) -> dict[str, Any]:
        """All settings as JSON knows them, without their origins."""
        return {name: plain(getattr(self, name)) for name in kinds(Settings)}

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Config:
        """The opposite of `as_dict`, for a worker: reads no file. ConfigError: the first thing wrong with it."""
        reader = Reader(Settings)
        origin = "the engine's configuration"
        found = {key: Setting(value, origin) for key, value in reader.settings(table)}
        if reader.problems:
            raise ConfigError(f"{origin}: {reader.problems[0].what}", reader.problems[0].remedy)
        config, errors = _assemble(found)
        if config is None:
            raise errors[0]
        return config

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that run a backend, by their sections."""
        names = [name for name in kinds(Settings) if hasattr(getattr(self, name), "backend")]
        return tuple(name for name in names if getattr(self, name).backend != "off")

    def loaded_with(self, stage: str) -> dict[str, Any]:
        """What a stage's backend is loaded with: `settings`, its own table, `expected` phrases and what is `alike`, and
        the `lexicon` of words whose phonemes are given. Of the rest only what it makes use of is in there, so that it
        need not be loaded anew when something else changes."""
        expected = self.expected_phrases() if stage == "asr" else ()
        alike = self._alike(expected) if stage == "asr" else ()
        settings = self._answering(self.llm.backend) if stage == "llm" else self.backend_settings(stage)
        lexicon = self.phonemes() if stage == "vocoder" else {}
        return {"settings": settings, "expected": expected, "alike": alike, "lexicon": lexicon}

    def floor_with(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The same for the backends of the floor: what answers, and its voice."""
        voice = {"settings": dict(plain(getattr(self.vocoder, self.floor.voice, {}))), "lexicon": self.phonemes()}
        answers = self._answering(self.floor.answers)
        if self.floor.answers == "facts":  # what it does not know is for others to say
            answers = {**answers, "tools": [], "persona": {**answers["persona"], "manner": "brief"}}
        return {"settings": answers}, voice

    def _answering(self, name: str) -> dict[str, Any]:
        """What a backend that answers is loaded with: one without a model its phrases, another one its prompt; and
        one that has another to fall back on, or another's words, in `fallback_settings` or `words_settings`, what that
        is loaded with."""
        table = dict(plain(getattr(self.llm, name, {})))
        if name == "facts":
            told = {"facts": list(self.facts), "tools": plain(self.tools), "persona": plain(self.persona)}
            return {**plain(self.phrases[self.language]), **plain(self.llm.phrasebook), **told}
        if name in WITHOUT_MODEL:
            return {**plain(self.phrases[self.language]), **table}
        if name == "reword":
            return {**table, "words_settings": self._answering("facts")}
        rest = {f"{key}_settings": self._answering(table[key]) for key in ("fallback", "words") if table.get(key)}
        prompt = grounded(self.llm.system_prompt, self.persona, self.facts)
        return {"system_prompt": prompt, "max_tokens": self.llm.max_tokens, **table, **rest}

    def backend_settings(self, stage: str) -> dict[str, Any]:
        """The table of the backend that a stage uses, `[asr.pocketsphinx]` for "asr"; empty if it has none."""
        section = getattr(self, stage)
        return dict(plain(getattr(section, section.backend, {})))

    def phonemes(self) -> dict[str, str]:
        """The words of the lexicon whose phonemes it has, and these without their slashes."""
        return {word: said[1:-1] for word, said in self.lexicon.items() if is_phonemes(said)}

    def expected_phrases(self) -> tuple[str, ...]:
        """What people are expected to say, each once: `asr.expect`; where facts or the phrasebook answer, the
        phrasebook's patterns that are whole phrases (no `*`); and with facts, what is asked about them and of tools."""
        phrases, answers = list(self.asr.expect), self._answers
        if answers & {"facts", "phrasebook"}:
            patterns = [pattern for entry in self.llm.phrasebook.entries for pattern in entry.patterns]
            phrases += [pattern for pattern in patterns if "*" not in pattern]
        if "facts" in answers:
            from engine.partner.expecting import expected  # not at the top: it takes a while

            requests = [tool.description for tool in self.tools]
            requests += [choice for tool in self.tools for each in tool.parameters for choice in each.choices]
            phrases += expected(self.language, self.facts, requests)
        return tuple(dict.fromkeys(phrases))

    def _alike(self, expected: tuple[str, ...]) -> tuple[str, ...]:
        """What else is likely beside these phrases, where facts answer."""
        if "facts" not in self._answers:
            return ()
        from engine.partner.expecting import alike  # not at the top: it takes a while

        return alike(self.language, expected)

    @property
    def reconsiders(self) -> bool:
        """What facts do not understand is reconsidered (`asr.reconsider`): on all rungs it is they that answer."""
        rungs = [value for rung in self.llm.rungs for key, value in rung.values if key == ("backend",)]
        return self.asr.reconsider and {self.llm.backend, *rungs} <= {"facts", "reword"}

    def reconsidered_with(self) -> dict[str, Any]:
        """The settings of what makes sense of what was heard: of what answers from facts."""
        return self._answering("facts")

    @property
    def _answers(self) -> set[str | None]:
        """The backends that answer with what was written down, and others."""
        beside = "fallback" if self.llm.backend == "host" else "words"
        found = {self.llm.backend, self.backend_settings("llm").get(beside)}
        return found | {"facts"} if "reword" in found else found  # which says what "facts" finds


def is_phonemes(said: str) -> bool:
    """A way to say a word that is written in phonemes: /ˈæntɪfɒn/."""
    return len(said) > 2 and said.startswith("/") and said.endswith("/")


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading the layers: a configuration, or all that is wrong."""

    config: Config | None
    files: tuple[str, ...]
    """The files that were there, weakest first."""
    errors: tuple[EngineError, ...]


def load(
    profile: str | None = None,
    config: Path | None = None,
    sets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Config:
    """The configuration of a run. ConfigError, UsageError: the first thing that is wrong.

    profile, config, sets: the options --profile, --config and --set. environ: os.environ unless given.
    """
    reading = read(profile, config, sets, environ)
    if reading.config is None:
        raise reading.errors[0]
    return reading.config


def read(
    profile: str | None = None,
    config: Path | None = None,
    sets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Reading:
    """Like `load`, but tells everything that is wrong and which files it read. UsageError: a --set without a value."""
    environ = os.environ if environ is None else environ
    layers: list[Layer] = []
    names: list[str] = []
    for path, label, must_exist in files(config, environ):
        if (layer := read_file(path, label, must_exist)) is not None:
            layers.append(layer)
            names.append(label)
    layers += [read_environment(environ), read_sets(sets)]
    errors: list[EngineError] = [error for layer in layers for error in layer.errors]
    found = None
    if not errors:
        try:
            found, wrong = _assemble(_merge(layers, profile))
            errors += wrong
        except EngineError as error:
            errors.append(error)
    return Reading(found, tuple(names), tuple(errors))


def _merge(layers: Sequence[Layer], wanted: str | None) -> dict[Key, Setting]:
    """All settings, each from its strongest source, in the order from the weakest layer to the strongest."""
    key: Key = ("profile",)
    chosen = Setting(wanted, "--profile")
    if wanted is None:
        # The packaged file always chooses one, so there is a last.
        chosen = [layer.settings[key] for layer in layers if key in layer.settings][-1]
    known = {name for layer in layers for name in layer.profiles}
    if chosen.value not in known:
        meant = near(chosen.value, sorted(known))
        remedy = f"did you mean {meant}?" if meant else "define it as [profiles.NAME.section]"
        what = f"profile {shown(chosen.value)} is not one of {', '.join(sorted(known))}"
        if wanted is not None:
            raise UsageError(f"--profile: {what}", remedy)
        raise ConfigError(f"{chosen.origin}: {what}", remedy)
    merged: dict[Key, Setting] = {}
    ranks: dict[Key, int] = {}
    for rank, layer in enumerate(layers):
        for settings in (layer.settings, layer.profiles.get(chosen.value, {})):
            for name, setting in settings.items():
                merged.pop(name, None)  # so that the order says who came last
                merged[name] = setting
                ranks[name] = rank
    merged[key] = chosen
    _put_aside(ranks, merged)
    return merged


_EITHER: tuple[Key, Key] = (("facts",), ("llm", "phrasebook", "entries"))
"""Two ways to write down what shall be answered. Who has written one of them does not mean the other one of a weaker
layer: that is about somebody else's house."""


def _put_aside(ranks: Mapping[Key, int], merged: dict[Key, Setting]) -> None:
    for key, other in (_EITHER, _EITHER[::-1]):
        if key in merged and other in merged and ranks[key] < ranks[other] and merged[other].value:
            merged[key] = Setting((), f"put aside by {merged[other].origin}")


def _assemble(found: Mapping[Key, Setting]) -> tuple[Config | None, list[ConfigError]]:
    """The typed whole, or what keeps it from being one. `found` is ordered, the strongest last."""
    located, errors = _located({key: setting.value for key, setting in found.items()}, found)
    if errors:
        return None, errors
    try:
        settings: Settings = build(Settings, located)
    except KeyError as error:
        missing: Key = error.args[0]
        where = _strongest(found, missing[:-1]) or "the configuration"
        return None, [ConfigError(f"{where}: {dotted(missing)} is missing", f"add {missing[-1]} = ...")]
    for conflict in conflicts(settings):
        keys = [tuple(key.split(".")) for key in conflict.keys]
        values = ", ".join(f"{dotted(key)} is {shown(found[key].value)}" for key in keys)
        what = f"{conflict.what} ({values})" if len(keys) > 1 else conflict.what
        errors.append(ConfigError(f"{_strongest(found, *keys)}: {what}", conflict.remedy))
    if errors:
        return None, errors
    origins = {key: setting.origin for key, setting in found.items()}
    return Config(**{name: getattr(settings, name) for name in kinds(Settings)}, origins=origins), []


def _located(values: dict[Key, Any], found: Mapping[Key, Setting]) -> tuple[dict[Key, Any], list[ConfigError]]:
    """The values, with the models that are named in them as paths; and what is wrong with which name."""
    if not any(MODEL_PREFIX in str(value) for value in values.values()):
        return values, []
    from engine.models.names import resolve  # it takes a while, and a worker does not need it

    try:
        values, wrong = resolve(values, Settings)
    except ConfigError as error:
        return values, [ConfigError(f"{found['models', 'manifest'].origin}: {error.what}", error.remedy)]
    return values, [
        ConfigError(f"{found[key].origin}: {dotted(key)}: {error}", error.remedy) for key, error in wrong.items()
    ]


def _strongest(found: Mapping[Key, Setting], *prefixes: Key) -> str:
    """Who had the last word on any of these: there the person who reads the error wrote something."""
    places = [
        setting.origin for key, setting in found.items() if any(key[: len(prefix)] == prefix for prefix in prefixes)
    ]
    return places[-1] if places else ""
