"""The files of a PocketSphinx model: found and looked at before the library reads them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BackendError

ACOUSTIC_FILES = {
    "mdef": (b"BMDF", b"FMDB", b"0.3", b"#"),
    "means": (b"s3",),
    "variances": (b"s3",),
    "transition_matrices": (b"s3",),
}
"""How the files of an acoustic model begin. We look, because the library ends the process when they do not."""


@dataclass(frozen=True, slots=True)
class Model:
    """Where the parts of a model lie: a directory, and two files."""

    acoustic: Path
    dictionary: Path
    language: Path

    @classmethod
    def find(cls, configured: str) -> Model:
        """The parts of a model in a directory, which may hold the acoustic one in a directory of its own."""
        if configured:
            place, remedy = Path(configured).expanduser(), "correct asr.pocketsphinx.model, or leave it empty"
        else:
            spec = importlib.util.find_spec("pocketsphinx")
            place = Path((spec.submodule_search_locations or [""])[0] if spec else "", "model", "en-us")
            remedy = "run: pip install 'pocketsphinx>=5.0.4,<6'"
        if not place.is_dir():
            raise BackendError(f"there is no PocketSphinx model {place}", remedy)
        found = []
        for what, patterns in (
            ("acoustic model (mdef)", ("mdef", "*/mdef")),
            ("dictionary (*.dict)", ("*.dict", "*.dic")),
            ("language model (*.lm.bin)", ("*[!e].lm.bin", "*.lm", "*.lm.gz")),
        ):
            first = next((path for pattern in patterns for path in sorted(place.glob(pattern))), None)
            if first is None:
                raise BackendError(f"there is no {what} in {place}", remedy)
            found.append(first)
        acoustic = found[0].parent
        for name, starts in ACOUSTIC_FILES.items():
            path = acoustic / name
            if not path.is_file():
                raise BackendError(f"there is no {name} in {acoustic}", remedy)
            with path.open("rb") as file:
                if not file.read(4).startswith(starts):
                    raise BackendError(f"{path} is not a part of an acoustic model", "fetch it again")
        return cls(acoustic, found[1], found[2])

    def pronounced(self, words: set[str]) -> set[str]:
        """Those of the words that the dictionary knows."""
        with self.dictionary.open(encoding="utf-8", errors="replace") as lines:
            return {word for line in lines if (word := line.partition(" ")[0]) in words}
