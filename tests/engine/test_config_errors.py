"""What is wrong is told in one line, with file, line and key, and with what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import load, read
from engine.config_layers import MAX_BYTES, SYSTEM_CONFIG
from engine.errors import ConfigError, UsageError

NOTHING = {SYSTEM_CONFIG: ""}

FILE_ERRORS = {
    "unknown key": (
        "[turns]\n\nend_of_speach_ceiling_ms = 600",
        "3: turns.end_of_speach_ceiling_ms is not a setting; did you mean turns.end_of_speech_ceiling_ms?",
    ),
    "unknown key in a dotted key": (
        "# kiosk\nturns.end_of_speach_ceiling_ms = 600",
        "2: turns.end_of_speach_ceiling_ms is not a setting; did you mean turns.end_of_speech_ceiling_ms?",
    ),
    "unknown key in a table in one line": (
        "\nturns = { end_of_speach_ceiling_ms = 600 }",
        "2: turns.end_of_speach_ceiling_ms is not a setting; did you mean turns.end_of_speech_ceiling_ms?",
    ),
    "unknown key in a profile": (
        "[profiles.hall]\nturns.end_of_speach_ceiling_ms = 600",
        "2: turns.end_of_speach_ceiling_ms is not a setting; did you mean turns.end_of_speech_ceiling_ms?",
    ),
    "key in the wrong section": (
        "[audio]\nthreshold = 0.4",
        "2: audio.threshold is not a setting; did you mean vad.threshold?",
    ),
    "key without its section": ("threshold = 0.4", "1: threshold is not a setting; did you mean vad.threshold?"),
    "unknown section": ("\n[turn]\nx = 1", "2: turn is not a setting; did you mean turns?"),
    "unknown backend's table": (
        "[asr.kaldi]\nbeam = 3",
        "1: asr.kaldi is not a setting; the tables there are asr.pocketsphinx",
    ),
    "misspelt backend's table": (
        "[asr.pocketsfinx]\nbias = 1",
        "1: asr.pocketsfinx is not a setting; did you mean asr.pocketsphinx?",
    ),
    "nothing like it": ("[audio]\nzzz = 1", "2: audio.zzz is not a setting; [audio] may have driver, microphone,"),
    "key that needs quotes": ('"a\\nb" = 1', '1: "a\\nb" is not a setting; the file may have profile, language,'),
    "text for a whole number": (
        '[turns]\nend_of_speech_ceiling_ms = "600"',
        '2: turns.end_of_speech_ceiling_ms must be a whole number, not "600"',
    ),
    "fraction for a whole number": (
        "[turns]\nend_of_speech_ceiling_ms = 600.0",
        "2: turns.end_of_speech_ceiling_ms must be a whole number, not 600.0",
    ),
    "true for a whole number": (
        "[turns]\nend_of_speech_ceiling_ms = true",
        "2: turns.end_of_speech_ceiling_ms must be a whole number, not true",
    ),
    "true for a number": ("[turns]\nhard_limit_s = true", "2: turns.hard_limit_s must be a number, not true"),
    "no number at all": ("[turns]\nhard_limit_s = nan", "2: turns.hard_limit_s must be a number, not nan"),
    "infinite number": (
        "[turns]\nhard_limit_s = inf",
        "2: turns.hard_limit_s must be a number, not a number that large",
    ),
    "number for a text": ("language = 5", "1: language must be text in quotes, not 5"),
    "date for a text": ("language = 2024-01-01", "1: language must be text in quotes, not the date or time 2024-01-01"),
    "table for a value": (
        "[turns.end_of_speech_ceiling_ms]\nx = 1",
        "1: turns.end_of_speech_ceiling_ms must be a whole number, not a table",
    ),
    "value for a table": ("turns = 5", "1: turns must be a table, [turns], not 5"),
    "text for a list": ('[asr]\nexpect = "hi"', '2: asr.expect must be a list, [ ... ], not "hi"'),
    "wrong element of a list": (
        '[asr]\nexpect = [\n  "hi",\n  5,\n]',
        "4: asr.expect[1] must be text in quotes, not 5",
    ),
    "empty element of a list": ('[asr]\nexpect = [" "]', "2: asr.expect[0] must not be empty"),
    "too small": (
        "turns.end_of_speech_ceiling_ms = 99",
        "1: turns.end_of_speech_ceiling_ms must be between 100 and 3000, not 99",
    ),
    "too large": (
        "turns.end_of_speech_ceiling_ms = 3001",
        "1: turns.end_of_speech_ceiling_ms must be between 100 and 3000, not 3001",
    ),
    "too large to be written out": (
        f"turns.end_of_speech_ceiling_ms = 0x{'f' * 5000}",
        "1: turns.end_of_speech_ceiling_ms must be between 100 and 3000, not a number that large",
    ),
    "no type of a parameter": (
        '[[tools]]\nname = "go"\ndescription = "Go"\nparameters = { far = "numbr" }',
        (
            '4: tools[0].parameters.far must be one of "string", "number", "integer", "boolean", not "numbr"; '
            'did you mean "number"?'
        ),
    ),
    "a limit that is no number": (
        '[[tools]]\nname = "go"\ndescription = "Go"\nparameters = { far = { type = "number", maximum = "ten" } }',
        '4: tools[0].parameters.far.maximum must be a number, not "ten"',
    ),
    **{
        f"a limit of {limit[:6]}": (
            f'[[tools]]\nname = "g"\ndescription = "G"\nparameters = {{ far = {{type = "number", minimum = {limit}}}}}',
            "4: tools[0].parameters.far.minimum must be a number between -1e+15 and 1e+15",
        )
        for limit in ("nan", "inf", "-inf", "1" + "0" * 400)
    },
    "a choice that nobody can say": (
        '[[tools]]\nname = "go"\ndescription = "Go"\nparameters = { far = ["+", "-"] }',
        "4: tools[0].parameters.far must be a list of words, and not an empty one",
    ),
    "a limit on words": (
        '[[tools]]\nname = "go"\ndescription = "Go"\nparameters = { far = { type = "string", minimum = 1 } }',
        "4: tools[0].parameters.far.minimum goes with a number or an integer",
    ),
    "a tool without a description": ('[[tools]]\nname = "go"', "1: tools[0] has no description; add description = ..."),
    "a tool with a name that cannot be called": (
        '[[tools]]\nname = "Go On"\ndescription = "Go"',
        '2: tools[0].name must be at most 40 small letters, digits or _, a letter first, not "Go On"',
    ),
    "only one choice": ("audio.rate_hz = 44100", "1: audio.rate_hz must be 16000, not 44100"),
    "not one of the choices": (
        'llm.backend = "repaet"',
        (
            '1: llm.backend must be one of "facts", "reword", "phrasebook", "repeat", "ctranslate2", "openai", "host", '
            '"exllamav2", "exllamav3", "computing", or "package.module:Class" of your own, not "repaet"; '
            'did you mean "repeat"?'
        ),
    ),
    "bad name": (
        'engine.instance = "My Kiosk"',
        "1: engine.instance must be at most 24 small letters, digits, - or _,",
    ),
    "bad language": (
        '[phrases.German]\nunknown = "x"',
        "1: phrases.German is not a setting; the name must be a language",
    ),
    "control characters": ('vad.python = "a\\u0000b"', "1: vad.python must be clean UTF-8 text without control char"),
    "phrase without its place": (
        'phrases.en.repeat = "You said so."',
        '1: phrases.en.repeat must contain {text} and no other braces, not "You said so."',
    ),
    "phrase with another place": ('phrases.en.repeat = "{text} {nam}"', "1: phrases.en.repeat must contain {text} and"),
    "entry without answers": (
        '[llm.phrasebook]\nentries = [\n  { patterns = ["hi"], answers = ["Hi."] },\n\n  { patterns = ["bye"] },\n]',
        "5: llm.phrasebook.entries[1] has no answers; add answers = ...",
    ),
    "entry with misspelt answers": (
        '[[llm.phrasebook.entries]]\npatterns = ["hi"]\nanwsers = ["Hi."]',
        "3: llm.phrasebook.entries[0].anwsers is not a setting; did you mean llm.phrasebook.entries[0].answers?",
    ),
    "entry with no patterns in it": (
        '[[llm.phrasebook.entries]]\npatterns = []\nanswers = ["Hi."]',
        "2: llm.phrasebook.entries[0].patterns must not be empty",
    ),
    "entries that are no tables": (
        "llm.phrasebook.entries = [5]",
        "1: llm.phrasebook.entries[0] must be a table, not 5",
    ),
    "language without all its phrases": (
        '\n[phrases.de]\nunknown = "Das weiss ich nicht."',
        "3: phrases.de.not_heard is missing; add not_heard = ...",
    ),
    "language without phrases": (
        '\nlanguage = "de"',
        '2: language "de" has no phrases; add [phrases.de] or choose from en',
    ),
    "times that are no pairs": (
        "audio.virtual.unplug_s = [10.0, 2.5, 60.0]",
        "1: audio.virtual.unplug_s must be pairs, not 3 numbers; write for each time when and for how long, in seconds",
    ),
    "a room for a card with faults": (
        '\n[audio.virtual]\necho = "-12dB,40ms"\nabsent_s = 1.0',
        "3: audio.virtual.echo does not go together with the faults of the virtual sound card; take away one or the ",
    ),
    "values that do not go together": (
        "\n[vad]\nthreshold = 0.2",
        "3: vad.release must be below vad.threshold (vad.release is 0.35, vad.threshold is 0.2); change one of them",
    ),
    "utterance longer than what is kept": (
        "audio.history_s = 20",
        "1: the longest utterance with its preroll must fit into audio.history_s (turns.max_utterance_s is 30.0, ",
    ),
    "hard limit before the deadline": (
        "turns.response_budget_ms = 6000",
        "1: turns.response_budget_ms must not be longer than turns.hard_limit_s (",
    ),
    "a wait for the lease that is taken for hanging": (
        "lease.longest_ms = 6000",
        "1: lease.longest_ms must be shorter than asr.hard_limit_s, or who waits is taken for hanging (",
    ),
    "token later than clause": (
        "llm.first_token_budget_ms = 181",
        "1: the first token must not have more time than the first clause (llm.first_token_budget_ms is 181, ",
    ),
    "unknown profile": (
        '\nprofile = "patiet"',
        '2: profile "patiet" is not one of computing, hall, patient, realtime; did you mean patient?',
    ),
    "profile within a profile": (
        '[profiles.hall]\nprofile = "x"',
        "2: a profile cannot choose a profile; remove this line",
    ),
    "profile for profiles": (
        "\n[profile.hall.turns]\nend_of_speech_ceiling_ms = 600",
        "2: profile names the profile to use; write [profiles.NAME.section] to define one",
    ),
    "profile that is no table": (
        "[profiles]\nhall = 5",
        "2: profiles.hall must be a table, not 5; write [profiles.NAME.",
    ),
    "profiles that are no table": ("profiles = 5", "1: profiles must be a table, not 5; write [profiles.NAME.section]"),
    "not TOML": (
        "[turns]\nend_of_speech_ceiling_ms 600",
        "2:26: this is not TOML: expected '=' after a key in a key/value pair",
    ),
    "not TOML at the end": ('[turns]\n\npython = """\n', "3: this is not TOML: "),
    "twice the same key": ("a = 1\na = 2\n", "2:6: this is not TOML: cannot overwrite a value"),
}


@pytest.mark.parametrize(("text", "expected"), FILE_ERRORS.values(), ids=FILE_ERRORS.keys())
def test_an_error_in_a_file_names_file_line_and_key(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "kiosk.toml"
    file.write_text(text, encoding="utf-8")
    (error,) = read(config=file, environ=NOTHING).errors  # once
    assert isinstance(error, ConfigError)
    message = str(error)
    assert message.startswith(f"{file}:{expected}")
    assert "\n" not in message


def test_all_errors_of_all_sources_are_told_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    file = tmp_path / "kiosk.toml"
    file.write_text(
        "[profiles.a.turns]\nx = 1\n[turns]\ny = 1\npython = 5\n[vat]\n[profiles.b]\nz = 1", encoding="utf-8"
    )
    reading = read(config=file, sets=["q=1"], environ={**NOTHING, "ANTIPHON_X": "1"})
    assert reading.config is None
    places = [str(error).removeprefix(f"{file}:").split(":")[0] for error in reading.errors]
    assert places == ["2", "4", "5", "6", "8", "environment", "--set"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'# ok\nlanguage = "\xe9"\n', ":2: is not UTF-8 text; save the file as UTF-8"),
        (b"x = " + b"[" * 100_000, ": is nested too deeply; "),
        (b"x = " + b"{a=" * 50_000, ": is nested too deeply; "),
        (b"turns.hard_limit_s = " + b"9" * 5000, ": this is not TOML: it has a number that is too long"),
        (b"#" * (MAX_BYTES + 1), ": is larger than 1 MiB, so it is not a configuration; check --config"),
        (b"RIFF\x24\0\0\0WAVEfmt ", ":1:5: this is not TOML: "),
    ],
    ids=["not UTF-8", "deep list", "deep table", "long number", "large", "a recording"],
)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(tmp_path: Path, raw: bytes, expected: str) -> None:
    file = tmp_path / "kiosk.toml"
    file.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load(config=file, environ=NOTHING)
    assert str(caught.value).startswith(f"{file}{expected}")
    assert "\n" not in str(caught.value)


def test_deep_dotted_names_are_told_by_their_first_part(tmp_path: Path) -> None:
    file = tmp_path / "kiosk.toml"
    file.write_text(".".join(["turn"] * 900) + " = 1", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"kiosk\.toml:1: turn is not a setting; did you mean turns\?$"):
        load(config=file, environ=NOTHING)


def test_a_file_named_on_the_command_line_must_be_readable(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "absent.toml", "no such file or directory"), (tmp_path, "is a directory")):
        with pytest.raises(ConfigError) as caught:
            load(config=path, environ=NOTHING)
        assert str(caught.value) == f"{path}: cannot be read: {why}; check the path and its permissions"
        assert caught.value.code == 3


def test_a_file_in_its_usual_place_may_be_absent_but_not_unreadable(tmp_path: Path) -> None:
    assert load(environ={SYSTEM_CONFIG: str(tmp_path / "absent.toml")}).profile == "realtime"
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        load(environ={SYSTEM_CONFIG: str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "ANTIPHON_TURNS_HARD_LIMT_S",
            "600",
            "environment: ANTIPHON_TURNS_HARD_LIMT_S is not a setting; did you mean ANTIPHON_TURNS_HARD_LIMIT_S?",
        ),
        ("ANTIPHON_TURNS", "600", "environment: ANTIPHON_TURNS is not a setting; "),
        ("ANTIPHON_ZZZ", "600", "environment: ANTIPHON_ZZZ is not a setting; unset it"),
        (
            "ANTIPHON_TURNS_END_OF_SPEECH_CEILING_MS",
            "soon",
            (
                "environment ANTIPHON_TURNS_END_OF_SPEECH_CEILING_MS: "
                'turns.end_of_speech_ceiling_ms must be a whole number, not "soon"'
            ),
        ),
        (
            "ANTIPHON_TURNS_END_OF_SPEECH_CEILING_MS",
            "600\nother = 1",
            (
                "environment ANTIPHON_TURNS_END_OF_SPEECH_CEILING_MS: "
                'turns.end_of_speech_ceiling_ms must be a whole number, not "600\\n'
            ),
        ),
        ("ANTIPHON_VAD_PYTHON", "\udcff", "environment ANTIPHON_VAD_PYTHON: vad.python must be clean UTF-8 text"),
        ("ANTIPHON_ASR_EXPECT", "[" * 100_000, "environment ANTIPHON_ASR_EXPECT: asr.expect must be a list"),
        (
            "ANTIPHON_PHRASES_D_UNKNOWN",
            "x",
            "environment ANTIPHON_PHRASES_D_UNKNOWN: phrases.d.unknown is not a setting",
        ),
        (
            "ANTIPHON_PHRASES_DE_UNKNOWN",
            "x",
            "environment ANTIPHON_PHRASES_DE_UNKNOWN: phrases.de.not_heard is missing",
        ),
    ],
)
def test_an_error_in_the_environment_names_the_variable(name: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={**NOTHING, name: value})
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "turns.end_of_speach_ceiling_ms=1",
            "--set: turns.end_of_speach_ceiling_ms is not a setting; did you mean turns.end_of_speech_ceiling_ms?",
        ),
        (
            "turns.end_of_speech_ceiling_ms=1",
            "--set: turns.end_of_speech_ceiling_ms must be between 100 and 3000, not 1",
        ),
        ("turns=1", "--set: turns is a table of settings; name one, such as turns.end_of_speech_floor_ms, "),
        ("turns.python.x=1", "--set: turns.python.x is not a setting"),
        ("vad.threshold=0.3", "--set: vad.release must be below vad.threshold ("),
        ("=1", '--set: "" is not a setting'),
    ],
)
def test_an_error_on_the_command_line_names_set(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(sets=[text], environ=NOTHING)
    assert str(caught.value).startswith(expected)


def test_a_set_without_a_value_is_a_wrong_command_line() -> None:
    with pytest.raises(UsageError, match=r'^--set "turns" has no value; write --set section\.key=value$'):
        load(sets=["turns"], environ=NOTHING)
