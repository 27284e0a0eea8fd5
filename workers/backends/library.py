"""Python packages that a backend needs and the default install does not: imported when it is loaded, not before."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from engine import NAME
from engine.errors import BackendError, first_line

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def library(name: str, setting: str, extra: str, also: str = "") -> Any:
    """The module `name`, with the model hubs' clients told to stay off the network.

    setting: what made it needed, "llm.backend ctranslate2". Raises BackendError whose remedy names the `extra`, and
    what it needs `also`.
    """
    os.environ.update(OFFLINE)
    try:
        return import_module(name)
    except Exception as error:  # a package that compiles itself when imported raises anything: OSError without nvcc
        why = first_line(error)
        raise BackendError(f"{setting} needs {name} ({why})", f'pip install "{NAME}[{extra}]"{also}') from error
