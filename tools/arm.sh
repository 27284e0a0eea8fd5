#!/bin/sh
# Runs tests of `ringbuf` under an aarch64 CPython with NumPy, emulated:  PYTHON=python3 sh tools/arm.sh [for pytest]
#
# Debian's packages and PyPI's wheels for aarch64 are unpacked below build/arm; nothing is installed and no root is
# needed, only a Debian with `sh tools/system-packages.sh dev` done, and the wheel of `make wheels`. qemu-user runs the
# instructions but shows no weak memory ordering: the disassembly (tests/ringbuf/test_arm.py) and the models do that.
set -e
cd "$(dirname "$0")/.."
python=$(command -v "${PYTHON:-python3}")
arm="$PWD/build/arm"
wheel=$(ls dist/*-abi3-*aarch64.whl) || { echo "there is no such wheel: make wheels" >&2; exit 1; }

if [ ! -e "$arm/.complete" ]; then
    rm -rf "$arm"
    mkdir -p "$arm/apt/lists/partial" "$arm/apt/archives/partial" "$arm/root" "$arm/packages"
    cat >"$arm/apt/conf" <<CONF
APT { Architecture "arm64"; Architectures { "arm64"; }; Sandbox::User "$(id -un)"; };
Dir { State "$arm/apt"; State::status "/dev/null"; Cache "$arm/apt"; };
Debug::NoLocking "1";
CONF
    echo "Fetching Debian's Python for aarch64"
    APT_CONFIG="$arm/apt/conf" apt-get -qq update
    APT_CONFIG="$arm/apt/conf" apt-get -qq install -y --download-only --no-install-recommends python3 libstdc++6
    for package in "$arm"/apt/archives/*.deb; do dpkg -x "$package" "$arm/root"; done
    # Its own path, and the one its children are started by: the kernel knows no aarch64 programs, so it is a script.
    cat >"$arm/python" <<SCRIPT
#!/bin/sh
export PYTHONHOME="$arm/root/usr" PYTHONPATH="$arm/packages"
exec qemu-aarch64-static -0 "$arm/python" -L "$arm/root" "$arm/root/usr/bin/python3" "\$@"
SCRIPT
    chmod +x "$arm/python"
    version=$("$arm/python" -c 'import sys; print("{}.{}".format(*sys.version_info))')
    "$python" -m pip --quiet --disable-pip-version-check install --target "$arm/packages" --only-binary=:all: \
        --implementation cp --python-version "$version" \
        --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 \
        numpy posix-ipc hypothesis pytest pytest-timeout pytest-xdist
    rm -rf "$arm/apt"
    touch "$arm/.complete"
fi

rm -rf "$arm/work"
mkdir "$arm/work"
"$python" -m zipfile -e "$wheel" "$arm/packages"
cp -r tests pyproject.toml "$arm/work"
cd "$arm/work"
# Not those that build something: they would build it for the machine they run on. And qemu makes up when its own process
# started, so that nobody else takes that process for alive.
not_here="its_holder_lives or reap_removes or who_reads"
tests="arguments damage history latest_and_cells observe roles segments stream stream_model strict two_processes waiter"
exec "$arm/python" -m pytest -q -n auto --dist loadgroup -p no:cacheprovider -k "not ($not_here)" "$@" \
    $(printf 'tests/ringbuf/test_%s.py ' $tests)
