"""CTranslate2 (OpenNMT, MIT) for the backends that use it: the module, where a model runs, and what its errors mean.

Its wheels open cuBLAS of CUDA 12 by name, and only when the first matrices are multiplied on the GPU: what is missing
is found by a warm-up, not by loading. The one from PyPI lies where the loader does not look, so it is opened here
beforehand.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from engine.errors import BackendError, first_line
from workers.backends.library import library

EXTRA = "ctranslate2"
CUBLAS = ("libcublasLt.so.12", "libcublas.so.12")
NO_GPU = (
    'look at nvidia-smi, pip install "nvidia-cublas-cu12>=12" into the Python of this stage, or set '
    '{table}.device = "cpu" or {table}.require_device = false'
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model shall run, as the backend's table of the configuration says. table: its name, for the remedies."""

    table: str
    device: str = "cpu"
    """cpu, cuda, or auto: cuda where there is a GPU."""
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

    def on(self, device: str) -> Place:
        """The same with the device decided. What was to be computed with on a GPU, no processor need know."""
        compute_type = self.compute_type if device == self.device or self.device == "auto" else "default"
        return Place(self.table, device, self.index if device == "cuda" else 0, compute_type, self.required)


def module(table: str) -> Any:
    """CTranslate2. Raises BackendError where it is not installed or does not load."""
    found = library("ctranslate2", table, EXTRA)
    found.set_log_level(logging.ERROR)
    return found


class Placed(Generic[T]):
    """A model that `make` has opened in a place; on the processor where a GPU cannot be had and need not be."""

    def __init__(
        self, place: Place, make: Callable[[Place], T], close: Callable[[T], object] = lambda model: None
    ) -> None:
        """make: gets the place with its device decided. close: what else is to be done to let a model go. Raises
        BackendError."""
        self._make, self._close = make, close
        self.remarks: tuple[str, ...] = ()
        self.model: T | None = None
        wanted = place.device
        why = "" if wanted == "cpu" else _no_cuda(place.table)
        self.place = place.on("cpu" if wanted == "auto" and why else "cuda" if wanted == "auto" else wanted)
        if wanted == "cuda" and why:
            self._fall_back(why)
        else:
            try:
                self._open()
            except BackendError as error:
                if not self._may_fall_back:
                    raise
                self._fall_back(error.what)

    @property
    def _may_fall_back(self) -> bool:
        return self.place.device == "cuda" and not self.place.required

    def _open(self) -> None:
        check_compute_type(self.place)
        self.model = self._make(self.place)

    def _fall_back(self, why: str) -> None:
        """The GPU cannot be had. Raises BackendError where it has to be."""
        what = f"{self.place.table} shall run on cuda, but {why}"
        if not self._may_fall_back:
            raise BackendError(what, NO_GPU.format(table=self.place.table))
        self.close()
        self.place, self.remarks = self.place.on("cpu"), (f"{what}: it runs on the processor",)
        self._open()

    def warm_up(self, run: Callable[[T], object], otherwise: str) -> None:
        """Run the model for the first time. Raises BackendError where it does not run; its remedy is `otherwise` where
        nothing is known of the cause."""
        assert self.model is not None
        try:
            run(self.model)
        except Exception as error:  # RuntimeError, ValueError: whatever its C++ throws
            why = first_line(error)
            if not (self._may_fall_back and _is_of_cuda(why)):
                remedy = NO_GPU.format(table=self.place.table) if _is_of_cuda(why) else otherwise
                raise BackendError(f"{self.place.table} does not run ({why})", remedy) from error
            self._fall_back(why)
            self.warm_up(run, otherwise)

    def close(self) -> None:
        if self.model is not None:
            self._close(self.model)
        self.model = None


def opened(place: Place, make: Callable[..., T], folder: Path, remedy: str) -> T:
    """What `make` (a class of CTranslate2's models) makes of the model in a folder. Raises BackendError; `remedy` is
    what to do where the model is to blame."""
    try:
        return make(str(folder), device=place.device, device_index=place.index, compute_type=place.compute_type)
    except Exception as error:  # RuntimeError, ValueError: whatever its C++ throws
        why = first_line(error)
        mended = NO_GPU.format(table=place.table) if place.device == "cuda" and _is_of_cuda(why) else remedy
        raise BackendError(f"CTranslate2 cannot load {folder} ({why})", mended) from error


def check_compute_type(place: Place) -> None:
    """Raises BackendError where the device cannot compute so, with what it can."""
    try:
        known = module(place.table).get_supported_compute_types(place.device, place.index)
    except (RuntimeError, ValueError) as error:  # there is no GPU of this number
        remedy = f"set {place.table}.device_index; {NO_GPU.format(table=place.table)}"
        raise BackendError(f"{place.table} shall run on cuda, but {first_line(error)}", remedy) from error
    if place.compute_type not in ("default", "auto") and place.compute_type not in known:
        raise BackendError(
            f"{place.table}.compute_type {place.compute_type} is not for {place.device} here",
            f"choose from {', '.join(sorted(known))}",
        )


def _no_cuda(table: str) -> str:
    """Why no model can run on CUDA here; empty if nothing speaks against it."""
    _load_cublas()
    try:
        return "" if module(table).get_cuda_device_count() else "CUDA finds no NVIDIA GPU"
    except (RuntimeError, ValueError) as error:  # built without CUDA, or a driver that does not answer
        return first_line(error)


def _is_of_cuda(why: str) -> bool:
    return any(sign in why.lower() for sign in ("cuda", "cublas", "cudnn"))


def _load_cublas() -> None:
    """Load cuBLAS from NVIDIA's wheels, if they are here: the library itself looks in the system only."""
    spec = importlib.util.find_spec("nvidia")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in CUBLAS:
            with contextlib.suppress(OSError):
                ctypes.CDLL(str(Path(folder, "cublas", "lib", name)), ctypes.RTLD_GLOBAL)
