"""ONNX Runtime, as a model needs it beside other stages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import BackendError, first_line

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
ON_GPU: Mapping[str, Any] = {
    # The usual search tries every algorithm anew at each new length of a clause: half a second each time.
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
    "do_copy_in_default_stream": True,
}
GPU_REMEDY = 'pip uninstall onnxruntime, pip install "antiphon[gpu]", and look at what nvidia-smi says'


def session(path: Path, threads: int, device: str = "cpu") -> Any:
    """An `onnxruntime.InferenceSession` of the model in a file. Raises BackendError when it cannot be read.

    device: "cpu" or "cuda". Whether the GPU was had is told by `missed_gpu`: ONNX Runtime itself says nothing.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when it is loaded; workers have it already
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    # Memory stays small without the arena; for a little net it is no slower.
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    # A thread that spins for work takes the processor from every other stage.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[Any] = [CPU]
    if device == "cuda" and CUDA in ort.get_available_providers():
        if hasattr(ort, "preload_dlls"):
            ort.preload_dlls()  # CUDA's libraries, where they came as Python packages
        providers.insert(0, (CUDA, dict(ON_GPU)))
    try:
        return ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions share no base class
        what = f"{path} is not a model ONNX Runtime can read ({first_line(error)})"
        raise BackendError(what, "fetch it again") from None


def missed_gpu(net: Any, device: str, required: bool, setting: str) -> str:
    """What to say of a session that asked for the GPU and got the CPU; nothing where it got what it asked for.

    required: raise it as BackendError instead. setting: the table of the configuration where both are set.
    """
    if device != "cuda" or net.get_providers()[0] == CUDA:
        return ""
    what = f"{setting}.device is cuda, and ONNX Runtime gives the CPU only"
    if required:
        raise BackendError(what, f"{GPU_REMEDY}; or set {setting}.require_device = false to run on the CPU")
    return f"{what}: slower; {GPU_REMEDY}"
