"""Why a machine shows no sound devices: what is around them, and the line that mends it."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.devices import alsa
from engine.devices.sound_server import NoLibraryError, NoServerError, server_name

_NODES = Path("/dev/snd")
_GROUP = "audio"
_START = "systemctl --user start pipewire-pulse (or pulseaudio)"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that keeps devices from being seen. remedy: what to do, in the imperative."""

    what: str
    remedy: str


def why_no_devices() -> list[Remark]:
    """What is wrong around the devices, the likeliest first; empty: nothing that can be seen from here."""
    remarks = [*why_no_server(), *why_no_access()]
    if not alsa.has_cards():
        remarks.append(Remark("the kernel knows no sound card", "plug one in, or load its driver"))
    return remarks


def why_no_server() -> Iterator[Remark]:
    """Why no sound server answers, if none does."""
    try:
        server_name()
        return
    except NoLibraryError as error:
        yield Remark(str(error), "apt-get install libpulse0, and install the engine's wheel whole")
        return
    except NoServerError:
        pass
    if address := os.environ.get("PULSE_SERVER"):
        yield Remark(f"no sound server answers at PULSE_SERVER={address}", "start it, or unset PULSE_SERVER")
        return
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    yield (
        _why_none_in(Path(runtime))
        if runtime
        else Remark(
            "XDG_RUNTIME_DIR is not set, so that no sound server can be found",
            f"export XDG_RUNTIME_DIR=/run/user/{os.getuid()}",
        )
    )


def _why_none_in(runtime: Path) -> Remark:
    what = f"no sound server answers at {runtime}/pulse/native"
    try:
        owner = runtime.stat().st_uid
    except OSError:
        usual = Path(f"/run/user/{os.getuid()}")
        linger = f"log in, or have it made at boot: loginctl enable-linger {_user(os.getuid())}"
        return Remark(
            f"XDG_RUNTIME_DIR={runtime}: there is no such folder, so that no sound server can be found",
            linger if runtime == usual else f"export XDG_RUNTIME_DIR={usual}",
        )
    if owner != os.getuid():
        return Remark(f"{what}: it belongs to {_user(owner)}", f"run the engine as {_user(owner)}, without sudo")
    return Remark(what, _START)


def why_no_access() -> Iterator[Remark]:
    """Why the cards that are there may not be opened by this user."""
    closed = [node.name for node in sorted(_NODES.glob("pcm*")) if not os.access(node, os.R_OK | os.W_OK)]
    if closed:
        user = _user(os.getuid())
        yield Remark(
            f"{user} may not open {_NODES}/{closed[0]}",
            f"usermod -aG {_group(_NODES / closed[0])} {user}, and log in anew",
        )


def ends_with_the_session() -> bool:
    """The sound server is that of a login over the network, and ends with it."""
    user = _user(os.getuid())
    own = os.environ.get("XDG_RUNTIME_DIR", "") == f"/run/user/{os.getuid()}"
    return "SSH_CONNECTION" in os.environ and own and not Path("/var/lib/systemd/linger", user).exists()


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(node: Path) -> str:
    try:
        return grp.getgrgid(node.stat().st_gid).gr_name
    except (KeyError, OSError):
        return _GROUP
