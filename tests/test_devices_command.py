"""`engine devices` lists what can be copied into config.toml, and says what the engine would use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.config import load
from engine.main import main
from engine.toml import tomllib

pytestmark = pytest.mark.usefixtures("packaged_settings")


@pytest.fixture(autouse=True)
def _libraries_are_not_silenced(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would last for all other tests."""
    monkeypatch.setattr("engine.devices_command.quiet", lambda _: None)


@pytest.mark.usefixtures("server")
def test_output_is_a_configuration_that_names_what_would_be_used(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["devices"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert tomllib.loads(printed.out) == {"audio": {"microphone": "person.monitor", "loudspeaker": "speaker"}}
    (tmp_path / "mine.toml").write_text(printed.out)
    audio = load(config=tmp_path / "mine.toml").audio
    assert (audio.microphone, audio.loudspeaker) == ("person.monitor", "speaker")


@pytest.mark.usefixtures("server")
def test_every_other_device_is_a_line_to_uncomment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (other,) = [line for line in lines if line.startswith("# loudspeaker")]
    assert tomllib.loads(other.removeprefix("# ")) == {"loudspeaker": "person"}
    assert "ThePerson; 2 ch, 48000 Hz" in other
    (default,) = [line for line in lines if line.startswith("loudspeaker")]
    assert default.endswith("the system's default; used now")


@pytest.mark.usefixtures("server")
def test_json_has_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--json", "--set", "audio.loudspeaker=person"]) == 0
    printed = json.loads(capsys.readouterr().out)
    used = {device["side"]: device["name"] for device in printed["devices"] if device["used"]}
    assert used == {"microphone": "person.monitor", "loudspeaker": "person"}
    assert printed["use"]["loudspeaker"] == {"wanted": "person", "name": "person", "wait_s": 0.0, "error": None}
    assert {device["name"] for device in printed["devices"] if device["is_default"]} == {"person.monitor", "speaker"}


@pytest.mark.usefixtures("server")
def test_configured_device_that_is_absent_is_named_with_what_takes_its_place(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "kiosk.toml").write_text('[audio]\nmicrophone = "jabra"\nwait_s = 4\n')
    assert main(["devices", "--config", str(tmp_path / "kiosk.toml")]) == 0
    printed = capsys.readouterr()
    assert 'kiosk.toml:2: there is no microphone "jabra"; plug it in, or choose from person.monitor' in printed.err
    (line,) = [line for line in printed.out.splitlines() if line.startswith("microphone")]
    assert line.startswith('microphone = "person.monitor"')
    assert line.endswith("used after a wait of 4 s")


@pytest.mark.usefixtures("server")
def test_configured_device_is_marked_with_where_it_was_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--set", "audio.loudspeaker=ThePers"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("loudspeaker")]
    assert line.startswith('loudspeaker = "person"')
    assert line.endswith("used now, as --set says")


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"PULSE_SERVER": "unix:{0}/nobody"}, "no sound server answers at PULSE_SERVER=unix:{0}/nobody"),
        ({"XDG_RUNTIME_DIR": "{0}"}, "no sound server answers at {0}/pulse/native; systemctl --user start"),
        (
            {"XDG_RUNTIME_DIR": "{0}/absent"},
            "XDG_RUNTIME_DIR={0}/absent: there is no such folder, so that no sound server can be found; export XDG_RUN",
        ),
        ({}, "XDG_RUNTIME_DIR is not set"),
    ],
)
@pytest.mark.usefixtures("no_cards")
def test_no_devices_at_all_is_an_error_with_its_remedies(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environ: dict[str, str],
    says: str,
) -> None:
    for name in ("PULSE_SERVER", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # libpulse makes a folder there if it has no other place
    for name, value in environ.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert main(["devices"]) == 9
    printed = capsys.readouterr()
    assert tomllib.loads(printed.out) == {"audio": {}}
    assert says.format(tmp_path) in printed.err
    assert "there is no microphone" in printed.err
    assert "there is no loudspeaker" in printed.err
    assert not (tmp_path / "absent").exists()  # libpulse would have made it
