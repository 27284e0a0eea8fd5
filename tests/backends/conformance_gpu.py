"""What every backend has to do that can run on a GPU, where there is none: it must not run on the processor without a
word. Every stage's suite has these cases; a subject with a `gpu` is put through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from engine.contract import Backend, Rung
from engine.errors import BackendError

MISSING = "libcudnn.so.9: cannot open shared object file"


@dataclass(frozen=True, slots=True)
class Gpu:
    """rung: loads it on a GPU (require_device: whether there has to be one). hide: makes its library find none.
    computing: a class and its method without which the backend computes nothing."""

    rung: Callable[[bool], Rung]
    hide: Callable[[pytest.MonkeyPatch], object] = lambda _: None
    computing: tuple[type[Any], str] | None = None


class HasGpu(Protocol):
    """A stage's subject."""

    @property
    def make(self) -> Callable[[], Backend]: ...

    @property
    def gpu(self) -> Gpu | None: ...


def gpu_of(subject: HasGpu) -> Gpu:
    if subject.gpu is None:
        pytest.skip("it does not run on a GPU, or on nothing else")
    return subject.gpu


class GpuConformance:
    """Inherited by the stages' suites."""

    def test_a_gpu_that_is_not_there_is_an_error_or_a_remark_by_choice(
        self, subject: HasGpu, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gpu = gpu_of(subject)
        gpu.hide(monkeypatch)
        backend = subject.make()
        with pytest.raises(BackendError) as caught:
            backend.load(gpu.rung(True))
        assert "cuda" in caught.value.what
        assert "device" in caught.value.remedy
        assert "\n" not in str(caught.value)
        backend.load(gpu.rung(False))
        backend.warm_up()
        assert any("processor" in remark or "CPU" in remark for remark in backend.remarks)
        assert all("\n" not in remark for remark in backend.remarks)
        backend.unload()

    def test_a_missing_cuda_library_is_found_by_warm_up_and_told_with_its_remedy(
        self, subject: HasGpu, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gpu = gpu_of(subject)
        if gpu.computing is None:
            pytest.skip("its library finds out by itself")
        gpu.hide(monkeypatch)
        backend = subject.make()
        backend.load(gpu.rung(False))

        def fail(*_: Any, **__: Any) -> Any:
            raise RuntimeError(f"{MISSING}\nat line 7")

        with monkeypatch.context() as patch:
            patch.setattr(*gpu.computing, fail)
            with pytest.raises(BackendError) as caught:
                backend.warm_up()
        assert MISSING in caught.value.what
        assert "nvidia" in caught.value.remedy
        assert "\n" not in str(caught.value)
        backend.warm_up()  # whoever mends it can go on
        backend.unload()
