"""What sound brings into a process: the libraries that PortAudio, ALSA and a sound server's client load, found by
loading them, and what people have looked up of their licences."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

from engine.licence_notes import ECHO, System

# Loads what the audio worker loads, and prints the files that came with it.
_LOAD = """
import ctypes

def files():
    return {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}

before = files()
for name in ("libportaudio.so.2", "libpulse.so.0"):
    try:
        ctypes.CDLL(name)
    except OSError:
        pass
try:
    alsa = ctypes.CDLL("libasound.so.2")
    for name in (b"libasound_module_pcm_pulse.so", b"libasound_module_rate_speexrate.so"):
        alsa.snd_dlopen(name, 2, None, 0)
except OSError:
    pass
print(*sorted(files() - before), sep="\\n")
"""

_LESSER = "Lesser General Public License"
_GRANTED = "Permission is hereby granted, free of charge"

SOUND = (
    System(("libportaudio2",), "MIT", _GRANTED),
    System(("libasound2", "libasound2t64"), "LGPL-2.1-or-later", _LESSER),
    System(("libasound2-plugins",), "LGPL-2.1-or-later", _LESSER),
    System(("libpulse0", "libpulse0t64"), "LGPL-2.1-or-later", "License: LGPL-2.1+"),
    # What Debian's PortAudio is linked to. Of JACK it is the client library; the server's parts are under the GPL.
    System(("libjack-jackd2-0", "libjack0"), "LGPL-2.1-or-later", "License: LGPL-2.1+", always=False),
    # It asks for the source of what uses it. Here that is JACK's library, whose source is open.
    System(("libdb5.3", "libdb5.3t64"), "Sleepycat", "License: Sleepycat", always=False),
    # What libpulse is linked to.
    System(("libdbus-1-3",), "AFL-2.1 OR GPL-2.0-or-later", "GPL-2+ or AFL-2.1", always=False),
    System(("libsndfile1",), "LGPL-2.1-or-later", "License: LGPL-2.1+", always=False),
    System(("libasyncns0",), "LGPL-2.1-or-later", "License: LGPL-2.1+", always=False),
    System(("libsystemd0",), "LGPL-2.1-or-later", "License: LGPL-2.1+", always=False),
    System(("libflac12", "libflac12t64", "libflac14"), "BSD-3-Clause", "Xiph", always=False),
    System(("libvorbis0a",), "BSD-3-Clause", "License: BSD-3-Clause", always=False),
    System(("libvorbisenc2",), "BSD-3-Clause", "License: BSD-3-Clause", always=False),
    System(("libogg0",), "BSD-3-Clause", "License: BSD-3-clause", always=False),
    System(("libopus0",), "BSD-3-Clause", "License: BSD-3-clause", always=False),
    System(("libmpg123-0", "libmpg123-0t64"), "LGPL-2.1-only", "License: LGPL-2.1", always=False),
    System(("libmp3lame0",), "LGPL-2.0-or-later", "License: LGPL-2+", always=False),
    System(("libx11-6",), "MIT", _GRANTED, always=False),
    System(("libx11-xcb1",), "MIT", _GRANTED, always=False),
    System(("libxcb1",), "MIT", _GRANTED, always=False),
    System(("libxau6",), "MIT", "hereby granted without fee", always=False),
    System(("libxdmcp6",), "MIT", "hereby granted without fee", always=False),
    System(("libcap2",), "BSD-3-Clause OR GPL-2.0-only", "License: BSD-3-clause or GPL-2", always=False),
    System(("libgcrypt20",), "LGPL-2.1-or-later", "License (library): LGPLv2.1+", always=False),
    System(("libgpg-error0",), "LGPL-2.1-or-later", "License: LGPL-2.1+", always=False),
    System(("libzstd1",), "BSD-3-Clause OR GPL-2.0-only", "License: BSD-3-clause", always=False),
    System(("liblz4-1",), "BSD-2-Clause", "License: BSD-2-clause", always=False),
    System(("libbsd0",), "BSD-3-Clause", "License: BSD-3-clause", always=False),
    System(("libmd0",), "BSD-3-Clause", "License: BSD-3-clause", always=False),
    # What ALSA converts rates with, where a card is opened by its fallback.
    replace(ECHO, always=False),
)
"""Debian's packages of everything that is loaded. What is found and has no line here is unknown, and looked at."""


@cache
def loaded_packages() -> frozenset[str]:
    """The Debian packages of all that is loaded for sound; empty where Debian's package manager is not. Asked once."""
    loaded = subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, text=True, check=False).stdout.split()
    # Debian 12 knows some of them by the path before /lib became a link to /usr/lib.
    names = {name for path in loaded for name in (path, str(Path(path).resolve()), path.removeprefix("/usr"))}
    try:
        asked = subprocess.run(["dpkg-query", "-S", *sorted(names)], capture_output=True, text=True, check=False)
    except OSError:
        return frozenset()
    lines = asked.stdout.splitlines()
    return frozenset(line.partition(":")[0] for line in lines if not line.startswith("diversion by"))
