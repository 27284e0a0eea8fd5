"""PyTorch for a backend: imported, on the device that was asked for or, where that is allowed, on the processor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.errors import BackendError, first_line
from workers.backends.library import library

AUTO = {"cpu": "float32", "cuda": "bfloat16"}
"""What numbers a device computes with where nothing else was asked for."""
CUDA = 'check `nvidia-smi`, and that torch is built for the driver\'s CUDA; or set device = "cpu"'


@dataclass(frozen=True, slots=True)
class Torch:
    """The module, where its tensors shall be, what numbers they hold, and what its owner should know."""

    module: Any
    device: str
    dtype: Any
    remarks: tuple[str, ...] = ()


def torch_on(device: str, require: bool, dtype: str, threads: int, setting: str, extra: str) -> Torch:
    """PyTorch with this many threads. device: cpu, cuda; dtype: a floating type's name, or auto.

    Raises BackendError: not installed; no CUDA, where it is required.
    """
    torch = library("torch", setting, extra)
    torch.set_num_threads(threads)
    remarks: tuple[str, ...] = ()
    if device == "cuda" and (why := _no_cuda(torch)):
        what = f"{setting} shall run on cuda, but {why}"
        if require:
            raise BackendError(what, f"{CUDA} or require_device = false")
        device, remarks = "cpu", (f"{what}: it runs on the processor",)
    return Torch(torch, device, getattr(torch, AUTO[device] if dtype == "auto" else dtype), remarks)


def remedy_of(why: str, otherwise: str) -> str:
    """What to do when a model that was loaded does not run, by what it said."""
    return CUDA if any(sign in why.lower() for sign in ("cuda", "cublas", "cudnn", "nvidia")) else otherwise


def _no_cuda(torch: Any) -> str:
    """Why nothing can run on CUDA here; empty if nothing speaks against it."""
    try:
        return "" if torch.cuda.is_available() else "torch finds no NVIDIA GPU"
    except Exception as error:  # a driver that does not answer
        return first_line(error)
