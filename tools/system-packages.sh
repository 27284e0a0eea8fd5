#!/bin/sh
# Installs the Debian packages named as arguments where it may, and names the one line to run where it may not.
missing=""
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
command -v apt-get >/dev/null || { echo "This machine has no apt-get. Install these or their like:$missing" >&2; exit 0; }
if $SUDO true 2>/dev/null && $SUDO apt-get update -qq && $SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing; then
    exit 0
fi
echo "System packages are missing and may not be installed from here. Run this, then try again:" >&2
echo "    sudo apt-get update && sudo apt-get install -y$missing" >&2
exit 1
