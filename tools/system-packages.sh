#!/bin/sh
# Sees to what pip cannot install:  PYTHON=python3 sh tools/system-packages.sh [dev]
# dev: what the tests and `make wheels` need, too.
#
# It looks for the things themselves, not for package names: where all are there, whatever brought them, no package
# manager is asked. What is missing is installed by Debian's where that may be done without a question, and named
# otherwise.
PYTHON="${PYTHON:-python3}"

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

python_can() { "$PYTHON" -c "$1" >/dev/null 2>&1; }

# Debian's name for this Python's packages: python3, or python3.12 where that was asked for.
debian_python=python3
case "${PYTHON##*/}" in python3.[0-9]*) debian_python="${PYTHON##*/}" ;; esac

if python_can ''; then
    python_can 'import sys; assert sys.version_info >= (3, 10)' ||
        fail "$PYTHON is $("$PYTHON" --version 2>&1), and 3.10 or newer is needed: make PYTHON=python3.11"
elif [ "$PYTHON" != python3 ]; then
    fail "$PYTHON does not run here: install it, or name a Python that does, as in: make PYTHON=python3"
fi

loads() { python_can "import ctypes; ctypes.CDLL('$1')"; }

# A plug-in of ALSA's, from where ALSA looks for it.
loads_into_alsa() {
    python_can "import ctypes
alsa = ctypes.CDLL('libasound.so.2')
alsa.snd_dlopen.restype = ctypes.c_void_p
assert alsa.snd_dlopen(b'$1', 2, None, 0)"
}

# The compiler that extension modules are built with.
compiler=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_config_var("CC"))' 2>/dev/null) || compiler=gcc

# A package, and how to see whether what it brings is here.
running() {
    cat <<TABLE
libflite1 python_can 'import ctypes; [ctypes.CDLL(f"libflite{part}.so.1") for part in ("", "_cmu_us_slt")]'
libportaudio2 loads libportaudio.so.2
libspeexdsp1 loads libspeexdsp.so.1
libpulse0 loads libpulse.so.0
libasound2-plugins loads_into_alsa libasound_module_pcm_pulse.so
gcc $compiler --version
libc6-dev echo '#include <stdlib.h>' | $compiler -E -
$debian_python-dev python_can 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")'
$debian_python-venv python_can 'import ensurepip, venv'
TABLE
}

testing() {
    cat <<'TABLE'
gcc cc --version
spin spin -V
tcc tcc -v
clang clang --version
libclang-rt-dev builds 'int LLVMFuzzerTestOneInput(const char *d, long n) { return !d + n < 0; }' clang -fsanitize=fuzzer,address
gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc --version
libc6-dev-arm64-cross builds 'int puts(const char *); int main(void) { return puts("") < 0; }' aarch64-linux-gnu-gcc -static
qemu-user-static qemu-aarch64-static --version
pulseaudio pulseaudio --version
pulseaudio-utils parec --version
pipewire pipewire --version
pipewire-pulse pipewire-pulse --version
wireplumber wireplumber --version
dbus-daemon dbus-daemon --version
portaudio19-dev echo '#include <portaudio.h>' | cc -E -
socat socat -V
jq jq --version
systemd systemd-analyze --version
procps ps --version
chromium chromium --version
chromium-driver chromedriver --version
TABLE
}

# A program of the C code $1 by the compiler that follows.
builds() {
    code=$1
    shift
    folder=$(mktemp -d) || return
    printf '%s\n' "$code" | "$@" -x c - -o "$folder/program"
    built=$?
    rm -r "$folder"
    return $built
}

find_missing() {
    missing=""
    while read -r package check; do
        case " $missing " in *" $package "*) continue ;; esac
        eval "$check" >/dev/null 2>&1 || missing="$missing $package"
    done <<TABLE
$(running)
$([ "$1" = dev ] && testing)
TABLE
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Unattended upgrades hold apt's lock for the first minutes of a fresh machine.
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@"; }

find_missing "$1"
[ -z "$missing" ] && exit 0
command -v apt-get >/dev/null || fail "These Debian packages, or what your system calls them, are missing:$missing"
if as_root true 2>/dev/null; then
    echo "Installing system packages:$missing"
    # The lists of a fresh machine are empty or old; those of an offline one may do as they are.
    apt install -y --no-install-recommends $missing >/dev/null 2>&1 ||
        { apt update && apt install -y --no-install-recommends $missing >/dev/null; }
    find_missing "$1"
    [ -z "$missing" ] && exit 0
    why="could not be installed"
else
    why="may not be installed from here"
fi
[ "$(id -u)" = 0 ] || sudo="sudo "
fail "System packages are missing and $why. Run this, then the same make again:" \
    "    ${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends$missing"
