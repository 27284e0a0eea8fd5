"""Mistral's Voxtral by transformers (both Apache-2.0), loaded: sound and words become embeddings, embeddings a cache.

Written against transformers 5; its calls differ between releases (`past_key_values` became `cache`, and a cache is
cropped by negative counts), so what knows that is here and nowhere else.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import BackendError, first_line
from workers.backends.library import library
from workers.backends.log_mel import Frames
from workers.backends.model_files import read_json
from workers.backends.torch_library import Torch

SETTING, EXTRA = "the backend voxtral", "voxtral"
REMEDY = "fetch all files of a repository such as mistralai/Voxtral-Mini-3B-2507 into it"
NEEDED = ("config.json", "*.safetensors", "tekken.json")


class VoxtralModel:
    """The net. Embeddings are tensors of shape [tokens, hidden]."""

    def __init__(self, folder: Path, torch: Torch) -> None:
        """Raises BackendError."""
        transformers = library("transformers", SETTING, EXTRA)
        _check_kind(folder)
        transformers.utils.logging.disable_progress_bar()
        try:
            net, told = transformers.VoxtralForConditionalGeneration.from_pretrained(
                str(folder), dtype=torch.dtype, local_files_only=True, output_loading_info=True
            )
        except Exception as error:  # of safetensors, torch and transformers, which share no base
            raise BackendError(f"{folder}: transformers cannot load it ({first_line(error)})", REMEDY) from error
        if missing := sorted(told["missing_keys"]):  # it would make these up at random
            raise BackendError(f"{folder}: its files lack {len(missing)} weights, {missing[0]} first", REMEDY)
        self._torch, self._net = torch.module, net.to(torch.device).eval()
        self._device, self._made = torch.device, transformers.DynamicCache
        named = inspect.signature(net.forward).parameters
        self._cache_name = "cache" if "cache" in named else "past_key_values"
        audio = net.config.audio_config
        self.bands = int(audio.num_mel_bins)
        self.frames = int(audio.max_source_positions) * 2
        """Of the spectrogram, that it hears at a time: 30 s."""
        self.tokens = int(audio.max_source_positions) * int(audio.hidden_size) // int(audio.intermediate_size)
        """That these become: 375."""
        self.limit = int(net.config.text_config.max_position_embeddings)
        self.vocabulary = int(net.config.text_config.vocab_size)

    def hear(self, features: Frames) -> Any:
        """The embeddings of sound; its spectrogram is [bands, n * frames]. One call of the encoder for each 30 s."""
        parts = features.reshape(self.bands, -1, self.frames).transpose(1, 0, 2)
        with self._torch.no_grad():
            found = [self._encoded(self._torch.from_numpy(part.copy())[None].to(self._device)) for part in parts]
            return self._torch.cat(found)

    def read(self, ids: Sequence[int]) -> Any:
        """The embeddings of words."""
        with self._torch.no_grad():
            return self._net.get_input_embeddings()(self._torch.tensor(ids, dtype=self._torch.long).to(self._device))

    def join(self, *parts: Any) -> Any:
        """Embeddings one after the other."""
        return self._torch.cat(parts)

    def cache(self) -> Any:
        """An empty one."""
        return self._made()

    def extend(self, cache: Any, embeddings: Any) -> Any:
        """Take in what comes next; what the last of it says of the token after it: logits, float32 [vocabulary]."""
        with self._torch.no_grad():
            told = self._net(
                inputs_embeds=embeddings[None], use_cache=True, logits_to_keep=1, **{self._cache_name: cache}
            )
            return told.logits[0, -1].float()

    def choose(self, logits: Any, temperature: float, top_p: float) -> int:
        """The next token. temperature 0: always the likeliest."""
        if temperature == 0:
            return int(logits.argmax())
        odds, order = (logits / temperature).softmax(0).sort(descending=True)
        odds[odds.cumsum(0) - odds > top_p] = 0
        return int(order[self._torch.multinomial(odds, 1)])

    def _encoded(self, features: Any) -> Any:
        found = self._net.get_audio_features(features)
        return getattr(found, "pooler_output", found)  # the embeddings themselves in transformers 4


def audio_tokens(samples: int, whole: int, frames: int, trimmed: bool) -> tuple[int, int]:
    """For so many samples at 16 kHz: frames of the spectrogram in whole windows, and tokens. trimmed: of the tokens
    only those that the sound reaches. whole: tokens of a window of so many frames."""
    windows = max(1, math.ceil(samples / (frames * 160)))
    tokens = max(1, math.ceil(samples * whole / (frames * 160))) if trimmed else windows * whole
    return windows * frames, tokens


def _check_kind(folder: Path) -> None:
    kind = read_json(folder / "config.json", REMEDY).get("model_type")
    if kind != "voxtral":
        raise BackendError(f"{folder} is a model of the type {kind}, not voxtral", REMEDY)
