"""Voices that are nets on ONNX Runtime and read phonemes: what Kokoro and Piper share.

A clause is one run of the net, which is stopped between two of its nodes when the job is cancelled; its sound then
goes to the sink in small chunks. Each run has `RunOptions` of its own: one that was told to stop stays told.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.contract import Rung, Tag
from engine.errors import BackendError, first_line
from workers.backends.clauses import CHUNK_MS, ClauseVoice
from workers.backends.onnx_session import GPU_REMEDY, missed_gpu, session
from workers.backends.phonemes import Part, Phonemizer, Speller, open_way
from workers.backends.sound import AUDIBLE

NUMPY = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


class PhonemeVoice(ClauseVoice):
    """A subclass loads with `_net`, `_spell_by` and `_open`, and implements `_encode` and `_synthesise`."""

    CHECKPOINT: Literal["chunk", "node"] = "node"
    REMEDY = "fetch its model again, or choose another"
    TABLE = ""
    """Its table in the configuration."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._options: Any = None
        """Of the run that is under way."""
        self._nets: dict[tuple[Path, int, int, str], Any] = {}
        self._way: Phonemizer | None = None
        self._way_key = ("", "")
        self._speller: Speller | None = None
        self._own_rate = 1
        self._remarks: list[str] = []
        self._begins: list[int] = []
        """The sample of the raw sound at which each id of the clause begins, where the net tells it."""
        self._heard = (0, 0)
        """From which to which sample the clause's raw sound is audible."""
        self._given = 0

    @abstractmethod
    def _encode(self, parts: Sequence[Part]) -> tuple[list[int], list[int]]:
        """What the net reads for these parts, and of each part the place of its first id."""

    @abstractmethod
    def _synthesise(self, ids: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        """The sound of these ids, [n] full scale ±1, in one or several pieces. Extends `_begins` where they are
        known, and ends early when `_run` gives nothing."""

    @property
    def remarks(self) -> Sequence[str]:
        return tuple(self._remarks)

    def cancel(self, tag: Tag) -> None:
        super().cancel(tag)
        with self._lock:
            work = self._work
            if self._options is not None and work is not None and work.job.tag == tag:
                self._options.terminate = True

    def unload(self) -> None:
        self._nets.clear()
        self._close_way()

    def _net(self, path: Path, rung: Rung) -> Any:
        """The session of a model file: the one that is there already, if nothing about it has changed."""
        device = str(rung.settings.get("device", "cpu"))
        key = (path, path.stat().st_mtime_ns, rung.threads, device)
        net = self._nets.get(key) or session(path, rung.threads, device)
        required = bool(rung.settings.get("require_device", True))
        if remark := missed_gpu(net, device, required, self.TABLE):
            self._remarks.append(remark)
        self._nets[key] = net
        return net

    def _keep(self, *nets: Any) -> None:
        """Let go of all sessions but these."""
        self._nets = {key: net for key, net in self._nets.items() if any(net is each for each in nets)}

    def _spell_by(self, way: str, language: str, lexicon: Mapping[str, str]) -> None:
        """Words are turned into phonemes this way from now on."""
        if self._way is None or self._way_key != (way, language):
            self._close_way()
            self._way, self._way_key = open_way(way, language), (way, language)
        self._speller = Speller(self._way, lexicon)

    def _close_way(self) -> None:
        if self._way is not None:
            self._way.close()
        self._way = self._speller = None

    def warm_up(self) -> None:
        try:
            for ids in self._buckets():
                self._begins = []
                for _ in self._synthesise(ids):
                    pass
        except Exception as error:  # ONNX Runtime's own exceptions share no base class
            why = first_line(error)
            remedy = GPU_REMEDY if any(sign in why.lower() for sign in ("cuda", "cudnn", "cublas")) else self.REMEDY
            raise BackendError(f"{self.TABLE}.model does not run ({why})", remedy) from None
        super().warm_up()
        if not self._begins:
            self._remarks.append("this model tells no durations: when each word is said is estimated by its phonemes")

    @abstractmethod
    def _buckets(self) -> Iterable[Sequence[int]]:
        """Ids of each length that is to be tried before the first clause."""

    def _readable(self, word: str) -> str:
        assert self._way is not None
        return self._way.readable(word)

    def _say(self, text: str) -> None:
        try:
            self._speak(text)
        except Exception as error:
            self._error = error

    def _speak(self, text: str) -> None:
        assert self._speller is not None
        parts = self._speller(text)
        ids, firsts = self._encode(parts)
        self._begins, self._heard, self._given = [], (0, 0), 0
        if not ids:
            return
        for sound in self._synthesise(ids):
            if not self._hand_out(sound):
                return
        starts = self._starts(len(ids))
        at = 0
        for written, part, first in zip(text.split(" "), parts, firsts, strict=True):
            if part.phonemes:
                self._mark(at, float(starts[min(first, len(starts) - 1)]) / self._own_rate)
            at += len(written) + 1

    def _starts(self, ids: int) -> NDArray[Any]:
        """The sample of the raw sound at which each id begins: by the net, or else as if all were equally long."""
        return np.array(self._begins) if len(self._begins) == ids else np.linspace(*self._heard, ids + 1)

    def _hand_out(self, sound: NDArray[np.float32]) -> bool:
        """Give sound to the sink. False: nobody wants the rest."""
        pcm = np.clip(np.nan_to_num(np.ravel(sound)) * 32767, -32768, 32767).astype(np.int16)
        audible = np.flatnonzero((pcm > AUDIBLE) | (pcm < -AUDIBLE))
        if audible.size:
            first, last = self._given + int(audible[0]), self._given + int(audible[-1])
            self._heard = (self._heard[0] if self._heard[1] else first, last)
        self._given += pcm.size
        size = self._own_rate * CHUNK_MS // 1000
        return all(self._take(pcm[at : at + size]) for at in range(0, pcm.size, size))

    def _run(self, net: Any, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]] | None:
        """The net's outputs for these inputs; None when the job was cancelled meanwhile."""
        import onnxruntime as ort

        work, options = self._work, ort.RunOptions()
        with self._lock:
            self._options = options
        try:
            # In this order: `cancel` first leaves word, and then stops what runs.
            if work is not None and work.cancelled:
                return None
            outputs: list[NDArray[Any]] = net.run(None, feeds, options)
            return outputs
        except Exception:
            if work is not None and work.cancelled:
                return None
            raise
        finally:
            with self._lock:
                self._options = None


def inputs_of(net: Any) -> dict[str, Any]:
    """By the name of each input of a model the NumPy type it takes."""
    return {each.name: NUMPY.get(each.type) for each in net.get_inputs()}
