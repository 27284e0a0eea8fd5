"""CTranslate2 (OpenNMT, MIT): where a model runs, and what its errors mean. For every backend that uses it.

Its wheels open cuBLAS of CUDA 12 by name, and only when the first matrices are multiplied on the GPU: what is missing
is found by a warm-up, not by loading.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.errors import BackendError, first_line

EXTRA = 'pip install "antiphon[ctranslate2]"'
CUBLAS = ("libcublasLt.so.12", "libcublas.so.12")
NO_GPU = "run: pip install nvidia-cublas-cu12, look at nvidia-smi, or set {table}.device"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model runs, as the backend's table of the configuration says. table: its name, for the remedies."""

    table: str
    device: str = "cpu"
    index: int = 0
    compute_type: str = "default"
    required: bool = True
    """Where the GPU cannot be had, that is an error; otherwise the processor does it, and a remark says so."""

    @classmethod
    def of(cls, table: str, settings: Mapping[str, Any]) -> Place:
        return cls(
            table,
            str(settings.get("device", "cpu")),
            int(settings.get("device_index", 0)),
            str(settings.get("compute_type", "default")),
            bool(settings.get("require_device", True)),
        )

    @property
    def instead(self) -> Place | None:
        """Where it runs if it cannot run here; None: nowhere."""
        return Place(self.table) if self.device == "cuda" and not self.required else None


def library(table: str) -> Any:
    """The module. Raises BackendError where it is not installed or does not load."""
    try:
        import ctranslate2
    except (ImportError, OSError) as error:
        raise BackendError(f"{table} needs CTranslate2 ({error})", EXTRA) from None
    ctranslate2.set_log_level(logging.ERROR)
    return ctranslate2


def opened(place: Place, make: Callable[..., T], folder: Path) -> T:
    """What `make` (a class of CTranslate2's models) makes of the model in a folder. Raises BackendError."""
    if place.device == "cuda":
        load_cublas()
        if not library(place.table).get_cuda_device_count():
            raise BackendError(f"{place.table}.device is cuda, and CUDA finds no GPU", NO_GPU.format(table=place.table))
    try:
        return make(str(folder), device=place.device, device_index=place.index, compute_type=place.compute_type)
    except ValueError as error:  # a compute type that this processor does not have, a GPU that is not there
        remedy = f"set {place.table}.compute_type or {place.table}.device_index"
        raise BackendError(f"{folder} cannot be run so: {first_line(error)}", remedy) from error
    except RuntimeError as error:
        raise BackendError(
            f"CTranslate2 cannot load {folder}: {first_line(error)}", remedy_for(place, error)
        ) from error


def remedy_for(place: Place, error: Exception) -> str:
    """What to do about an error of the library."""
    why = str(error)
    if "cublas" in why or "CUDA" in why or "cuda" in why:
        return NO_GPU.format(table=place.table)
    return f"fetch the model again, converted for CTranslate2, and set {place.table}.model to its directory"


def load_cublas() -> None:
    """Load cuBLAS from NVIDIA's wheels, if they are here: the library itself looks in the system only."""
    spec = importlib.util.find_spec("nvidia")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in CUBLAS:
            with contextlib.suppress(OSError):
                ctypes.CDLL(str(Path(folder, "cublas", "lib", name)), ctypes.RTLD_GLOBAL)
