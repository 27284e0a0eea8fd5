"""CTranslate2 itself: imported, on the device that was asked for or, where that is allowed, on the processor.

Its wheels open NVIDIA's cuBLAS 12 by name when a model runs for the first time. The one from PyPI lies where the loader
does not look, so it is opened here beforehand; where there is none, warm-up fails, with the remedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import NAME
from engine.errors import BackendError, first_line
from workers.backends.ct2 import load_cublas
from workers.backends.library import library

CUBLAS = 'pip install "nvidia-cublas-cu12>=12" into the Python of this stage, or put libcublas.so.12 on its path'


@dataclass(frozen=True, slots=True)
class Ct2:
    """The module, the device a model shall run on, and what its owner should know."""

    module: Any
    device: str
    remarks: tuple[str, ...] = ()


def ct2(settings: Mapping[str, Any], setting: str, extra: str = "ctranslate2") -> Ct2:
    """CTranslate2 for these settings: `device` (cpu, cuda or auto), `require_device`, `compute_type`.

    Raises BackendError: not installed; no such device, where it is required; a compute type the device cannot do.
    """
    module = library("ctranslate2", setting, extra)
    wanted = str(settings["device"])
    remarks: tuple[str, ...] = ()
    device = "cpu" if wanted == "cpu" else "cuda"
    if device == "cuda":
        load_cublas()
        why = _no_cuda(module)
        if why and wanted == "cuda":
            what = f"{setting} shall run on cuda, but {why}"
            if settings["require_device"]:
                raise BackendError(what, 'mend that, or set device = "cpu" or require_device = false')
            remarks = (f"{what}: it runs on the processor",)
        device = "cpu" if why else device
    known = module.get_supported_compute_types(device)
    asked = str(settings["compute_type"])
    if asked not in ("default", "auto") and asked not in known:
        raise BackendError(
            f"{setting}: compute_type {asked} is not for {device} here", f"choose from {', '.join(sorted(known))}"
        )
    return Ct2(module, device, remarks)


def mended(error: Exception, setting: str) -> BackendError:
    """What a model that was loaded said when it ran for the first time, with the remedy."""
    why = first_line(error)
    remedies = (("libcublas", CUBLAS), ("libcudnn", f'pip install "{NAME}[ctranslate2]" with a newer ctranslate2'))
    remedy = next((each for sign, each in remedies if sign in why), "fetch the model again, or use another")
    return BackendError(f"{setting} does not run ({why})", remedy)


def _no_cuda(module: Any) -> str:
    """Why no model can run on CUDA here; empty if nothing speaks against it."""
    try:
        return "" if module.get_cuda_device_count() else "there is no NVIDIA GPU that its driver knows"
    except Exception as error:  # built without CUDA, or a driver that does not answer
        return first_line(error)
