"""ONNX Runtime, as a small model on the processor needs it beside other stages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from engine.errors import BackendError


def session(path: Path, threads: int) -> Any:
    """An `onnxruntime.InferenceSession` of the model in a file. Raises BackendError when it cannot be read."""
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
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no base class
        why = str(error).splitlines()[0]
        raise BackendError(f"{path} is not a model ONNX Runtime can read ({why})", "fetch it again") from None
