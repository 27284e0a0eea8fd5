"""The default set-up is free of the GPL, and the check that says so sees it where it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from engine import NAME, licences
from engine.config import Config, load
from engine.licence_kinds import kind
from engine.licence_notes import OF_BACKENDS
from engine.licence_sound import SOUND
from engine.licences import Part, parts
from engine.main import main
from workers.backends.registry import EXPERIMENTAL, REGISTRY

GPL_TEXT = f"{'GNU GENERAL PUBLIC LICENSE':>52}\n{'Version 3, 29 June 2007':>48}\n\n Copyright (C) 2007 Free Software"


pytestmark = pytest.mark.usefixtures("packaged_settings")


def config(*sets: str) -> Config:
    return load(sets=sets)


def bad(found: list[Part]) -> list[str]:
    return [part.name for part in found if part.kind in ("copyleft", "unknown")]


class Site:
    """A directory of installed distributions, ahead of the real ones."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        # The project itself, but needing one thing only.
        self.install(NAME, "License-Expression: Apache-2.0\nRequires-Dist: innocent")
        self.install("innocent", "License-Expression: MIT\nRequires-Dist: made-up")

    def install(self, name: str, metadata: str, files: dict[str, str] | None = None) -> None:
        info = self.place / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{metadata}\n")
        written = []
        for path, text in (files or {}).items():
            (self.place / path).parent.mkdir(parents=True, exist_ok=True)
            (self.place / path).write_text(text)
            written.append(f"{path},,\n")
        (info / "RECORD").write_text("".join(written))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(str(made.place))
    return made


def test_default_set_up_has_no_gpl_part_and_none_unknown() -> None:
    assert bad(parts(config())) == []


def test_permissive_command_passes_for_the_default_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["licences", "--permissive"]) == 0
    assert capsys.readouterr().err == ""


def test_every_library_bundled_with_numpy_is_listed() -> None:
    on_disk = {file.name for file in Path(sysconfig.get_path("platlib")).glob("numpy.libs/*.so*")}
    assert on_disk <= {part.name for part in parts(config())}


def test_gcc_runtime_inside_numpy_is_named_for_what_it_is() -> None:
    """NumPy's wheels have it beside their OpenBLAS or inside it; the metadata of NumPy do not say so."""
    inside = [part for part in parts(config()) if part.why == "inside numpy"]
    gcc = [part for part in inside if part.licence.endswith("GPL-3.0-or-later WITH GCC-exception-3.1")]
    assert bool(gcc) == bool(inside)
    assert {part.kind for part in gcc} <= {"weak"}
    assert {part.licence for part in inside if part.name.startswith("libquadmath")} <= {"LGPL-2.1-or-later"}


def test_ctranslate2_has_no_gpl_part_and_none_unknown() -> None:
    found = parts(config("llm.backend=ctranslate2"))
    assert bad(found) == []
    assert {"tokenizers", "Jinja2", "oneDNN"} <= {part.name for part in found}


def test_closed_parts_of_ctranslate2_are_called_so_and_are_not_permissive(capsys: pytest.CaptureFixture[str]) -> None:
    closed = {part.name for part in parts(config("llm.backend=ctranslate2")) if part.kind == "closed"}
    assert closed == {"Intel oneMKL, closed source", "NVIDIA's CUDA runtime, closed source"}
    assert main(["licences", "--permissive", "--set", "llm.backend=ctranslate2"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == len(closed)


def test_a_model_that_hears_the_question_has_no_gpl_part_and_none_unknown() -> None:
    found = parts(config(f"llm.backend={EXPERIMENTAL['voxtral']}"))
    assert bad(found) == []
    assert {"torch", "transformers", "tiktoken"} <= {part.name for part in found}


def test_what_stands_in_for_a_server_is_listed() -> None:
    found = parts(config("llm.backend=openai", "llm.openai.fallback=ctranslate2"))
    assert "ctranslate2" in {part.name for part in found}
    assert "ctranslate2" not in {part.name for part in parts(config("llm.backend=openai"))}


def test_espeak_is_listed_with_its_gpl_parts(capsys: pytest.CaptureFixture[str]) -> None:
    gpl = {part.name.split(".so")[0] for part in parts(config("vocoder.backend=espeak")) if part.kind == "copyleft"}
    assert {"espeakng-loader", "espeak-ng voices"} <= gpl
    assert main(["licences", "--permissive", "--set", "vocoder.backend=espeak"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) >= len(gpl)
    assert all(line.startswith("engine: ") and "GPL-3.0-or-later" in line for line in errors)


@pytest.mark.parametrize(
    "metadata",
    [
        "License-Expression: GPL-3.0-only",
        "License-Expression: MIT AND AGPL-3.0-or-later",
        "Classifier: License :: OSI Approved :: GNU General Public License v2 (GPLv2)",
        "Classifier: License :: OSI Approved :: GNU Affero General Public License v3",
        "License: GNU GPL",
        "License: All rights reserved",
        "Summary: says nothing",
    ],
)
def test_gpl_or_unknown_distribution_is_caught_however_deep_it_sits(site: Site, metadata: str) -> None:
    site.install("made-up", metadata)
    assert bad(parts(config())) == ["made-up"]


def test_gpl_text_is_caught_where_the_metadata_says_mit(site: Site) -> None:
    text = "made_up-1.0.dist-info/licenses/COPYING"
    site.install("made-up", "License-Expression: MIT", {text: GPL_TEXT})
    assert bad(parts(config())) == ["made-up: COPYING"]


def test_reviewed_exception_holds_only_while_its_reason_is_in_the_file(site: Site) -> None:
    text = "numpy-1.0.dist-info/licenses/LICENSE.txt"
    site.install("made-up", "License-Expression: MIT\nRequires-Dist: numpy")
    site.install("numpy", "License-Expression: BSD-3-Clause", {text: GPL_TEXT})
    assert bad(parts(config())) == ["numpy: LICENSE.txt"]
    (site.place / text).write_text(f"{GPL_TEXT}\nGCC RUNTIME LIBRARY EXCEPTION\n")
    assert bad(parts(config())) == []


def test_unheard_of_library_inside_a_wheel_is_caught(site: Site) -> None:
    site.install("made-up", "License-Expression: MIT", {"made_up.libs/libmystery-1a2b.so.3": ""})
    assert bad(parts(config())) == ["libmystery-1a2b.so.3"]


def test_part_that_is_not_installed_is_not_passed_over(site: Site) -> None:
    assert bad(parts(config())) == ["made-up"]


def test_distributions_that_need_each_other_end(site: Site) -> None:
    site.install("made-up", "License-Expression: MIT\nProvides-Extra: x\nRequires-Dist: innocent[y]")
    assert bad(parts(config())) == []


def test_system_library_whose_terms_have_changed_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/usr/share/doc/libflite1/copyright").exists():
        pytest.skip("libflite1 is not a Debian package here")
    assert "libflite1" not in bad(parts(config()))
    shutil.copytree("/usr/share/doc/libflite1", tmp_path / "libflite1")
    (tmp_path / "libflite1" / "copyright").write_text("Ask us first.")
    monkeypatch.setattr(licences, "_DOC", tmp_path)
    assert "libflite1" in bad(parts(config()))


def test_sound_libraries_are_listed_for_what_they_are() -> None:
    sound = {part.name: part.kind for part in parts(config()) if ", sound" in part.why}
    assert sound["libportaudio2"] == "permissive"
    assert {sound[name] for name in ("libasound2", "libasound2-plugins", "libpulse0")} == {"weak"}


def test_library_that_comes_with_sound_and_has_no_line_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "SOUND", [package for package in SOUND if "libpulse0" not in package.names])
    if shutil.which("dpkg-query") is None:
        pytest.skip("the system's libraries are not Debian packages here")
    assert bad(parts(config())) == ["libpulse0"]


def test_virtual_card_brings_no_sound_libraries() -> None:
    assert not any(", sound" in part.why for part in parts(config("audio.driver=virtual")))


def test_stage_with_a_python_of_its_own_is_not_vouched_for() -> None:
    assert bad(parts(config(f"asr.python={sys.executable}"))) == ["asr.python"]


def test_every_backend_has_its_line() -> None:
    named = {name for backends in REGISTRY.values() for name in backends}
    assert named | set(EXPERIMENTAL.values()) == set(OF_BACKENDS)


LOAD_ALL = """
import sys
import uvloop
from engine.config import load
from workers.backends.registry import make, rung
config = load()
backends = [make(stage, config) for stage in ("vad", "asr", "llm", "vocoder")]
for stage, backend in zip(("vad", "asr", "llm", "vocoder"), backends):
    backend.load(rung(stage, config))
from engine.devices.alsa import named
from workers.drivers.portaudio import PortAudio
PortAudio(library_messages=False)
named("loudspeaker", "pulse")
print(*{line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}, sep="\\n")
"""


def test_every_library_that_the_default_set_up_maps_belongs_to_a_listed_part() -> None:
    if shutil.which("dpkg-query") is None:
        pytest.skip("the system's libraries are not Debian packages here")
    mapped = subprocess.run([sys.executable, "-c", LOAD_ALL], capture_output=True, text=True, check=True).stdout.split()
    ours = (sysconfig.get_path("platlib"), sysconfig.get_path("stdlib"), str(Path(licences.__file__).parents[1]))
    listed = {part.name for part in parts(config())}
    strangers = []
    for file in mapped:
        if file.startswith(ours) or "/libpython3" in file:  # parts found by themselves, and the interpreter
            continue
        names = [file, file.removeprefix("/usr")]  # packages from before /lib and /usr/lib became one
        asked = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True, check=False)
        if not {line.split(":")[0] for line in asked.stdout.splitlines()} & listed:
            strangers.append(file)
    assert {"libflite", "libportaudio", "libpulse", "libasound_module_pcm_pulse"} <= {
        Path(file).name.split(".so")[0] for file in mapped
    }
    assert strangers == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("MIT", "permissive"),
        ("BSD License", "permissive"),
        ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("MIT OR GPL-2.0-only", "permissive"),
        ("MIT AND LGPL-2.1-or-later", "weak"),
        ("GNU Lesser General Public License v3 (LGPLv3)", "weak"),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", "weak"),
        ("GPL-2.0-only AND (MIT OR BSD-3-Clause)", "copyleft"),
        ("GNU Affero General Public License v3", "copyleft"),
        ("MIT License; GNU General Public License (GPL)", "copyleft"),
        ("GPL-3.0-only OR Proprietary", "copyleft"),
        ("Sleepycat", "weak"),
        ("AFL-2.1 OR GPL-2.0-or-later", "permissive"),
        ("Intel Simplified Software License", "closed"),
        ("MIT AND NVIDIA CUDA EULA", "closed"),
        ("Proprietary", "unknown"),
        ("MIT AND LicenseRef-ours", "unknown"),
        ("", "unknown"),
    ],
)
def test_kind_of_a_licence(said: str, expected: str) -> None:
    assert kind(said) == expected


def test_model_from_the_models_directory_is_a_part_with_its_own_licence(tmp_path: Path) -> None:
    sets = (f"models.directory={tmp_path}", "ending.backend=smart_turn")
    named = config(*sets, "ending.smart_turn.model=models:smart-turn-v3.2")
    (part,) = [part for part in parts(named) if part.name == "smart-turn-v3.2"]
    assert (part.licence, part.why) == ("BSD-2-Clause", "model, ending.smart_turn.model")
    (tmp_path / "mine").mkdir()
    strange = config(*sets, f"ending.smart_turn.model={tmp_path}/mine/x.onnx")
    assert bad(parts(strange)) == ["mine"]
