"""The front end of the C library (`fe/fe.h`): sound into cepstra, read where it lies."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_int32, c_size_t, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contract import Pcm

COEFFICIENTS = 13


class Rows:
    """Room for cepstra, float32 [size, 13], with the table of row addresses that the C library wants."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.values: NDArray[np.float32] = np.zeros((size, COEFFICIENTS), np.float32)
        start, stride = self.values.ctypes.data, self.values.strides[0]
        self._table = (c_void_p * size)(*[start + stride * i for i in range(size)])

    def at(self, first: int) -> int:
        """Address of the row table from row `first` on."""
        return ctypes.addressof(self._table) + ctypes.sizeof(c_void_p) * first


class FrontEnd:
    """13 numbers for every 10 ms of sound, of 25.6 ms around them. noise_filter: the library's filter takes away what
    is steady."""

    def __init__(self, library: Any, config: int, *, noise_filter: bool) -> None:
        self._lib, self._config, self._noise_filter = library, config, noise_filter
        self._fe = 0
        self._pointer, self._left, self._count = c_void_p(), c_size_t(), c_int32()

    def start(self) -> None:
        """Begin an utterance."""
        # One made anew forgets the noise it filtered out of the last utterance; it costs 0.1 ms.
        self.close()
        self._lib.ps_config_set_bool(self._config, b"remove_noise", self._noise_filter)
        self._fe = self._lib.fe_init_auto_r(self._config)
        self._lib.fe_start_utt(self._fe)

    def extract(self, pcm: Pcm, rows: Rows, first: int) -> tuple[int, int]:
        """Cepstra of `pcm`, read where it lies, into `rows` from `first` on: (samples used, frames made).

        It stops when the rows are full. Samples that make no whole frame yet are kept inside.
        """
        start = pcm.__array_interface__["data"][0]
        self._pointer.value, self._left.value, self._count.value = start, len(pcm), rows.size - first
        self._lib.fe_process_frames(
            self._fe, byref(self._pointer), byref(self._left), rows.at(first), byref(self._count)
        )
        return len(pcm) - self._left.value, self._count.value

    def extract_last(self, rows: Rows, first: int) -> int:
        """The last frame, of the samples that made no whole one: how many frames, 0 or 1."""
        self._lib.fe_end_utt(self._fe, rows.values[first].ctypes.data, byref(self._count))
        return self._count.value

    def close(self) -> None:
        """Free it."""
        if self._fe:
            self._lib.fe_free(self._fe)
        self._fe = 0
