"""How much of the memory is in use: /proc/meminfo, and the limit of a container (cgroup version 2)."""

from __future__ import annotations

from pathlib import Path


class Memory:
    """The machine's, or the container's where that is fuller."""

    def __init__(self, meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> None:
        self._meminfo, self._cgroup = meminfo, cgroup

    @property
    def there(self) -> bool:
        return self.read() is not None

    def read(self) -> float | None:
        """The share in use, 0 to 1. What is only kept in case it is read again does not count."""
        shares = [share for share in (self._of_machine(), self._of_container()) if share is not None]
        return max(shares, default=None)

    def _of_machine(self) -> float | None:
        try:
            lines = dict(line.split(":", 1) for line in self._meminfo.read_text().splitlines() if ":" in line)
            whole, free = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
        except (OSError, KeyError, ValueError, IndexError):
            return None
        return 1 - free / whole if whole else None

    def _of_container(self) -> float | None:
        try:
            most = int((self._cgroup / "memory.max").read_text())  # "max": there is no limit
            used = int((self._cgroup / "memory.current").read_text())
            kept = dict(line.split() for line in (self._cgroup / "memory.stat").read_text().splitlines())
            return (used - int(kept["inactive_file"])) / most
        except (OSError, KeyError, ValueError, ZeroDivisionError):
            return None
