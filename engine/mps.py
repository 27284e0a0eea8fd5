"""NVIDIA's MPS: what a stage's process is to have in its environment before it loads CUDA
(https://docs.nvidia.com/deploy/mps). Not run yet: it needs a GPU and the MPS daemon."""

from __future__ import annotations

from engine.processor_settings import Mps, of


def environment(settings: Mps, stage: str) -> dict[str, str]:
    """The variables for a stage; empty where nothing is set for it."""
    wanted = {
        "CUDA_MPS_PIPE_DIRECTORY": settings.directory,
        "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": of(settings.percent, stage),
        "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT": of(settings.memory, stage),
    }
    return {name: value for name, value in wanted.items() if value}
