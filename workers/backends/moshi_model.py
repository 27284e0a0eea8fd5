"""Kyutai's Moshi (package `moshi`, MIT), loaded from the files that Kyutai publishes: frames in, frames and words out.

What a conversation begins from is computed once and kept: the model has heard a moment of silence, and has said the
prompt to itself where there is one. Going back to it copies that state into the tensors the model works on, in place,
because CUDA graphs hold their addresses; `copy.deepcopy` of the state would copy the weights along, to which the state
refers by bound methods. LMGen detaches the language model's own state from its own, so both are kept, and Mimi's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BackendError, first_line
from workers.backends.detokeniser import Detokeniser
from workers.backends.library import library
from workers.backends.model_files import directory, read_json
from workers.backends.torch_library import Torch

SETTING, EXTRA = "the backend moshi", "moshi"
RATE, FRAME, FRAME_MS = 24000, 1920, 80
"""Of the model's own sound: samples a second, samples a frame."""
REMEDY = "fetch all files of a repository such as kyutai/moshiko-pytorch-bf16 into it"
NAMES = {
    "moshi_name": "model.safetensors",
    "mimi_name": "tokenizer-e351c8d8-checkpoint125.safetensors",
    "tokenizer_name": "tokenizer_spm_32k_3.model",
    "mimi_config_name": "",
    "lora_name": "",
}
"""What config.json calls the other files, and how they are called where it does not; an empty one need not be there."""


class MoshiModel:
    """Language model and codec. One conversation at a time: they are made for a batch of one."""

    def __init__(self, configured: str, torch: Torch) -> None:
        """Load the model's directory. Raises BackendError."""
        folder = directory(configured, "moshi.model", ("config.json",), REMEDY)
        files = _files(folder)
        loaders, models = (library(name, SETTING, EXTRA) for name in ("moshi.models.loaders", "moshi.models"))
        self._kv_cache = library("moshi.modules.transformer", SETTING, EXTRA).RingKVCache
        compiling = library("moshi.utils.compile", SETTING, EXTRA)
        # torch.compile needs a compiler on the machine, and takes longer than it saves on the processor.
        self._eager: Any = compiling.no_compile if torch.device == "cpu" else nullcontext
        self._torch, self._models = torch, models
        try:
            info = loaders.CheckpointInfo.from_hf_repo(  # with every path given, it does not look further
                str(folder),
                moshi_weights=files["moshi_name"],
                mimi_weights=files["mimi_name"],
                tokenizer=files["tokenizer_name"],
                config_path=folder / "config.json",
                mimi_config_path=files["mimi_config_name"],
                lora_weights=files["lora_name"],
            )
            self._mimi = info.get_mimi(torch.device)
            self._lm = info.get_moshi(torch.device, torch.dtype)
            self._words = info.get_text_tokenizer()
        except Exception as error:  # of safetensors, torch and sentencepiece, which share no base
            raise BackendError(f"{folder}: moshi cannot load it ({first_line(error)})", REMEDY) from error
        self._check(folder)
        self._gen: Any = None
        self._streams = ExitStack()
        self._saved: list[tuple[Any, str, Any]] = []
        self._forced: int | None = None

    def _check(self, folder: Path) -> None:
        text, card = self._words.vocab_size(), self._lm.text_card
        if text > card:
            raise BackendError(f"{folder}: its tokenizer has {text} words, and the model knows {card}", REMEDY)
        if self._mimi.frame_size != FRAME or self._mimi.sample_rate != RATE:
            what = f"{self._mimi.frame_size} samples at {self._mimi.sample_rate} Hz"
            raise BackendError(f"{folder}: frames of {what} are none of Moshi's", REMEDY)
        if not self._lm.dep_q or self._lm.fuser is not None:
            raise BackendError(f"{folder}: this model does not hold conversations", REMEDY)

    def sample(self, temperature: float, text_temperature: float, top_k: int, text_top_k: int) -> None:
        """How its sound and its words are chosen. 0: always the likeliest. To be followed by `prepare`."""
        self._streams.close()
        self._saved = []
        self._gen = self._models.LMGen(
            self._lm,
            use_sampling=temperature > 0 or text_temperature > 0,
            temp=temperature,
            temp_text=text_temperature,
            top_k=top_k,
            top_k_text=text_top_k,
            on_text_hook=self._force,
        )
        for part in (self._mimi, self._gen):
            self._streams.enter_context(part.streaming(1))

    def prepare(self, prompt: str) -> None:
        """Compute what conversations begin from: silence heard, and `prompt` said to itself, which nobody hears."""
        for part in (self._mimi, self._gen):
            part.reset_streaming()
        # As many frames as the streams lie apart: from then on every frame is answered by one.
        quiet: list[int | None] = [None] * (self._gen.max_delay + 1)
        with self._computing():
            for word in [*quiet, *self._words.encode(prompt)]:
                self._forced = word
                self._step(np.zeros(FRAME, np.float32))
        self._forced = None
        self._saved = list(self._state())
        self._text = Detokeniser(self._words.decode)

    def frame(self, pcm: NDArray[np.float32]) -> tuple[NDArray[np.float32], str]:
        """Hear a frame, [1920] full scale ±1; what is said meanwhile: such a frame, and words, often none."""
        with self._computing():
            tokens = self._step(pcm)
            sound = self._mimi.decode(tokens[:, 1:])[0, 0]
            word = int(tokens[0, 0, 0])
        silent = word in (self._lm.text_padding_token_id, self._lm.end_of_text_padding_id)
        return sound.float().cpu().numpy(), "" if silent else self._text.add(word)

    def rest(self) -> str:
        """The words that are not whole yet."""
        return self._text.end()

    def restart(self) -> None:
        """Back to what conversations begin from. Nothing of the last one stays."""
        tensor = self._torch.module.Tensor
        for owner, name, value in self._saved:
            if not isinstance(value, tensor):
                setattr(owner, name, value)
            elif isinstance(owner, self._kv_cache) and name == "cache":
                owner.cache.zero_()
                owner.cache[:, :, :, : value.shape[3]].copy_(value)
            else:
                getattr(owner, name).copy_(value)
        self._text = Detokeniser(self._words.decode)

    def _step(self, pcm: NDArray[np.float32]) -> Any:
        """Its tokens, [1, 1 + codebooks, 1]; None within the first frames."""
        sound = self._torch.module.from_numpy(pcm)[None, None].to(self._torch.device)
        return self._gen.step(self._mimi.encode(sound))

    def _force(self, word: Any) -> None:
        """Called with the word it has chosen, [1], before it makes sound of it."""
        if self._forced is not None:
            word.fill_(self._forced)

    def _state(self) -> Iterator[tuple[Any, str, Any]]:
        """Everything that a frame changes: whose attribute it is, and a copy of it."""
        for part in (self._mimi, self._gen, self._lm):
            for state in part.get_streaming_state().values():
                for name, value in vars(state).items():
                    if isinstance(value, self._kv_cache):
                        used = min(int(value.end_offset.max()), value.capacity)
                        yield value, "cache", value.cache[:, :, :, :used].clone()
                        yield value, "end_offset", value.end_offset.clone()
                    elif isinstance(value, self._torch.module.Tensor):
                        yield state, name, value.clone()
                    elif isinstance(value, int):
                        yield state, name, value

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with self._torch.module.no_grad(), self._eager():
            yield


def _files(folder: Path) -> dict[str, Path | None]:
    """The files beside config.json by the names of its settings; None for one that this model does not have."""
    config = read_json(folder / "config.json", REMEDY)
    kind = config.get("model_type", "moshi")
    if kind != "moshi":
        raise BackendError(f"{folder} is a model of the type {kind}, not moshi", REMEDY)
    names = {key: str(config.get(key) or usual) for key, usual in NAMES.items()}
    if strange := [name for name in names.values() if name != Path(name).name or set(name) & set("*?[|")]:
        raise BackendError(f"{folder / 'config.json'} names no file beside it: {strange[0]!r}", REMEDY)
    directory(str(folder), "moshi.model", [name for name in names.values() if name], REMEDY)
    return {key: folder / name if name else None for key, name in names.items()}
