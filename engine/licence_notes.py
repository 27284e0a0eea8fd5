"""What packages do not say of their own licences, looked up by people. A new backend needs a line in OF_BACKENDS."""

from __future__ import annotations

from dataclasses import dataclass

_GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"
_GCC_PASSAGE = "GCC RUNTIME LIBRARY EXCEPTION"


@dataclass(frozen=True, slots=True)
class System:
    """A library of the operating system.

    names: of its Debian package, over the releases. passage: words of the package's copyright file, with single
    spaces, that the licence is known by. always: it runs even where no Debian package holds it.
    """

    names: tuple[str, ...]
    licence: str
    passage: str
    always: bool = True


@dataclass(frozen=True, slots=True)
class OfBackend:
    """What a backend loads beside Python packages: models and voices by name and licence, system libraries."""

    data: tuple[tuple[str, str], ...] = ()
    system: tuple[System, ...] = ()


# Shared libraries that wheels carry inside, by the beginning of their file name.
BUNDLED = {
    "libgfortran": _GCC,
    "libgcc_s": _GCC,
    "libstdc++": _GCC,
    "libgomp": _GCC,
    "libquadmath": "LGPL-2.1-or-later",
    # Newer ones have libgfortran inside instead of beside them.
    "libscipy_openblas": f"BSD-3-Clause AND {_GCC}",
    "libopenblas": f"BSD-3-Clause AND {_GCC}",
    "libonnxruntime": "MIT",
    "libctranslate2": "MIT",
    "libsamplerate": "BSD-2-Clause",
    "libespeak-ng": "GPL-3.0-or-later",
    "libsherpa-onnx": "Apache-2.0",
    "libasound": "LGPL-2.1-or-later",
    # PyTorch's own, tests of its loader among them.
    "libtorch": "BSD-3-Clause",
    "libc10": "BSD-3-Clause",
    "libshm": "BSD-3-Clause",
    "libaoti_custom_ops": "BSD-3-Clause",
    "libbackend_with_compiler": "BSD-3-Clause",
    "libjitbackend_test": "BSD-3-Clause",
}

# Libraries that are part of a wheel's extension modules, so that no file shows them.
LINKED_IN = {
    "cffi": [("libffi", "MIT")],
    "ctranslate2": [
        ("oneDNN", "Apache-2.0"),
        ("spdlog", "MIT"),
        # Only in wheels for x86-64.
        ("Intel oneMKL, closed source", "Intel Simplified Software License"),
        ("NVIDIA's CUDA runtime, closed source", "NVIDIA CUDA EULA"),
    ],
    "onnxruntime": [
        ("Eigen", "MPL-2.0"),
        ("its ThirdPartyNotices.txt", "Apache-2.0 AND BSD-3-Clause AND MIT"),
    ],
    "pocketsphinx": [("PocketSphinx", "BSD-2-Clause")],
    "samplerate": [("libsamplerate", "BSD-2-Clause"), ("pybind11", "BSD-3-Clause")],
    "sherpa-onnx": [
        ("kaldi-native-fbank, kaldi-decoder, OpenFst, simple-sentencepiece", "Apache-2.0"),
        ("Eigen", "MPL-2.0"),
    ],
    "torch": [
        ("oneDNN", "Apache-2.0"),
        # Only in wheels for x86-64.
        ("Intel oneMKL, closed source", "Intel Simplified Software License"),
    ],
    "uvloop": [("libuv", "MIT")],
}

# Distributions whose metadata is silent.
UNSAID = {
    # Its author names no licence; what it is there for is the libespeak-ng inside it.
    "espeakng-loader": "GPL-3.0-or-later",
}

# Distributions whose licence files hold the text of the GPL for a good reason, and the words that show it.
REVIEWED = {
    # For the libgfortran inside its wheels, which is listed as a part of its own.
    "numpy": _GCC_PASSAGE,
    # For the tests of cpr, which come with the sources of a profiler's helper, and of which no part is in the wheel.
    "torch": "This license applies to everything inside this directory",
}

# What Python and the wheels load from the system, wherever it runs.
SYSTEM = (
    System(("libc6",), "LGPL-2.1-or-later", "GNU Lesser General Public"),
    System(("libgcc-s1",), _GCC, _GCC_PASSAGE),
    System(("libstdc++6",), _GCC, _GCC_PASSAGE),
    # Python's standard library uses these, where it was built so.
    System(("zlib1g",), "Zlib", "freely, subject to the following restrictions", always=False),
    System(("libffi8",), "MIT", "Permission is hereby granted, free of charge", always=False),
    System(("libssl3", "libssl3t64"), "Apache-2.0", "Apache", always=False),
    System(("libbz2-1.0",), "bzip2-1.0.6", "Julian", always=False),
    System(("liblzma5",), "public domain", "public domain", always=False),
    System(("libexpat1",), "MIT", "Permission is hereby granted, free of charge", always=False),
)

BACKENDS_IN_EXTRAS = {
    "espeak": "espeak",
    "whisper": "ctranslate2",
    "sherpa": "sherpa",
    "ctranslate2": "ctranslate2",
    "exllamav2": "exllamav2",
    "exllamav3": "exllamav3",
    "computing": "ctranslate2",
    "reword": "ctranslate2",
    "workers.backends.moshi:Moshi": "moshi",
    "workers.backends.voxtral:Voxtral": "voxtral",
}
"""Backends whose libraries come with an extra, and which."""

_SPHINX = ("CMUSphinx English model and dictionary", "BSD-2-Clause")
_FLITE = (
    # The licence of CMU and Festival, as SPDX calls it. The GPL in Debian's file is that of the scripts that
    # build and package it (config.guess, debian/), not of the library.
    System(("libflite1",), "MIT-Festival", "The code must retain the above copyright notice"),
    System(("libasound2", "libasound2t64"), "LGPL-2.1-or-later", "GNU Lesser General Public"),
)

OF_BACKENDS = {
    "silero": OfBackend(data=(("Silero VAD model", "MIT"),)),
    "pocketsphinx": OfBackend(data=(_SPHINX,)),
    "whisper": OfBackend(data=(("Whisper or Distil-Whisper model, as its makers publish it", "MIT"),)),
    "sherpa": OfBackend(data=(("sherpa-onnx transducer, as k2-fsa publishes it", "Apache-2.0"),)),
    "prosody": OfBackend(),
    "smart_turn": OfBackend(data=(("smart-turn v3 model", "BSD-2-Clause"),)),
    "facts": OfBackend(data=(_SPHINX,)),  # it knows by the dictionary how words sound
    "reword": OfBackend(data=(_SPHINX,)),  # its model is made by whoever uses it
    "phrasebook": OfBackend(),
    "repeat": OfBackend(),
    # Their models are the user's choice, each with a licence of its own; of a server's no part runs here.
    "ctranslate2": OfBackend(),
    "openai": OfBackend(),
    "host": OfBackend(),
    "exllamav2": OfBackend(),
    "exllamav3": OfBackend(),
    "flite": OfBackend(system=_FLITE),
    # Words of the one and sound of the other; their nets are made of random numbers.
    "computing": OfBackend(data=(_SPHINX,), system=_FLITE),
    "espeak": OfBackend(data=(("espeak-ng voices", "GPL-3.0-or-later"),)),
    # Both turn words into phonemes by one of the two above, whose parts are listed, too.
    "kokoro": OfBackend(data=(("Kokoro-82M net and voices", "Apache-2.0"),)),
    "piper": OfBackend(data=(("Piper voice: see its MODEL_CARD", "unknown"),)),
    # No stage drives these yet.
    "workers.backends.moshi:Moshi": OfBackend(data=(("Moshi and Mimi, as Kyutai publishes them", "CC-BY-4.0"),)),
    "workers.backends.voxtral:Voxtral": OfBackend(data=(("Voxtral model, as Mistral publishes it", "Apache-2.0"),)),
}

# What cancels echoes (`audio.aec`), and suppresses noise.
ECHO = System(("libspeexdsp1",), "BSD-3-Clause", "Xiph")
