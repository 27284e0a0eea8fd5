"""Nets that really compute and know nothing: the shapes of Whisper and of Llama in any size, with random weights, in
8-bit numbers on CTranslate2. For the backends called `computing`, which give way on any machine without a download.

A net is made when it is loaded, within a fraction of a second, and written to a temporary directory from where the
library reads it: nothing is fetched, kept or needed beside CTranslate2. What a pass costs depends on its size alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.contract import Rung
from engine.errors import BackendError, first_line
from workers.backends.library import library

HEAD = 64
"""Numbers in a head of attention, as in Whisper and in Llama."""
WORDS = 2048
"""Tokens that a net knows, beside the special ones."""
BANDS, AUDIO_POSITIONS, TEXT_POSITIONS, TAPS = 80, 1500, 448, 3
"""Whisper's: bands of a spectrogram, positions of its encoder and of its decoder, the width of a convolution."""
SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|transcribe|>", "<|nospeech|>", "<|notimestamps|>")
START = [WORDS + 1, WORDS + 4]
"""What a text of Whisper's begins with."""
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
SPREAD = 74
"""Standard deviation of a random byte with a sign."""
PRECISION = "int8"
SIZE = ("heads", "layers")
"""The settings of a net's size."""


class Closes(Protocol):
    def close(self) -> None: ...


Net = TypeVar("Net", bound=Closes)


@dataclass(frozen=True, slots=True)
class Size:
    """heads: of attention; the net is `heads * HEAD` wide. layers: of each of its stacks."""

    heads: int
    layers: int

    @property
    def width(self) -> int:
        return self.heads * HEAD


class Ears:
    """A Whisper. One call at a time, from any thread; calls run without the interpreter's lock."""

    def __init__(self, size: Size, threads: int, setting: str) -> None:
        """Raises BackendError: CTranslate2 is not there or cannot run it."""
        self._ct2 = library("ctranslate2", setting, "ctranslate2")
        self._net = _loaded(self._ct2.models.Whisper, _whisper(size), threads, setting)

    def encode(self, features: NDArray[np.float32]) -> Any:
        """Hear features, float32 [BANDS, frames]."""
        return self._net.encode(self._ct2.StorageView.from_array(features[None]))

    def write(self, encoded: Any, tokens: int) -> None:
        """Make a text of so many tokens of what was heard; what it says is nothing."""
        most = min(tokens, TEXT_POSITIONS // 2 - len(START))
        # The library allows half of it, and takes the prompt off it. No end is ever reached: `_whisper` forbids it.
        self._net.generate(encoded, [START], beam_size=1, max_length=max(2 * most, most + len(START)))

    def close(self) -> None:
        self._net.unload_model()


class Mind:
    """A Llama. One call at a time, from any thread; calls run without the interpreter's lock."""

    def __init__(self, size: Size, threads: int, setting: str) -> None:
        """Raises BackendError: CTranslate2 is not there or cannot run it."""
        ct2 = library("ctranslate2", setting, "ctranslate2")
        self._net = _loaded(ct2.Generator, _llama(size), threads, setting)

    def write(self, prompt: int, tokens: int, take: Callable[[], bool]) -> None:
        """Read a prompt of so many tokens and write as many as `tokens`; `take` is called after each of these, and
        says whether to stop."""
        asked = [_word(number) for number in range(max(1, prompt))]
        self._net.generate_batch(
            [asked],
            max_length=tokens,
            min_length=tokens,
            include_prompt_in_result=False,
            sampling_topk=1,
            callback=lambda _: take(),
        )

    def read(self, tokens: int) -> None:
        """One pass over so many tokens at once."""
        self._net.forward_batch([[number % WORDS for number in range(max(1, tokens))]])

    def close(self) -> None:
        self._net.unload_model()


class Kept(Generic[Net]):
    """The nets of a ladder's rungs, one for each size: moving to one that was there before takes no time, and to a
    smaller one some hundredths of a second."""

    def __init__(self, make: Callable[[Size, int, str], Net], setting: str) -> None:
        self._make, self._setting = make, setting
        self._nets: dict[tuple[Size, int], Net] = {}

    def of(self, rung: Rung) -> Net:
        """The net that a rung's settings ask for. Raises BackendError."""
        settings = rung.settings
        wanted = Size(int(settings.get("heads", 2)), int(settings.get("layers", 1))), rung.threads
        if wanted not in self._nets:
            self._nets[wanted] = self._make(*wanted, self._setting)
        return self._nets[wanted]

    def close(self) -> None:
        for net in self._nets.values():
            net.close()
        self._nets.clear()


def same_but(names: Sequence[str], now: Rung, then: Rung) -> bool:
    """Two rungs differ in these settings alone."""
    rest = [{key: value for key, value in each.settings.items() if key not in names} for each in (now, then)]
    return rest[0] == rest[1] and replace(then, settings=now.settings) == now


def tokens_of(text: str) -> int:
    """As many as a real model would make of it, about: one for every five letters, blanks included."""
    return -(-len(text) // 5)


def _loaded(make: Any, spec: Any, threads: int, setting: str) -> Any:
    try:
        with tempfile.TemporaryDirectory(prefix="computing") as folder:
            spec.validate()
            spec.save(folder)
            return make(folder, device="cpu", compute_type=PRECISION, inter_threads=1, intra_threads=threads)
    except (OSError, ValueError, RuntimeError) as error:
        what = f"{setting}: a net of this size cannot be made ({first_line(error)})"
        raise BackendError(
            what, "choose fewer heads or layers, and see that there is room in the directory for temporary files"
        ) from error


def _word(number: int) -> str:
    return f"w{number % WORDS}"


def _vocabulary(special: Sequence[str]) -> list[str]:
    return [*(_word(number) for number in range(WORDS)), *special]


class _Weights:
    """Fills the layers of a specification. The same ones each time."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def floats(self, *shape: int) -> NDArray[np.float32]:
        """As large together as those of a trained net."""
        found: NDArray[np.float32] = self._random.standard_normal(shape, np.float32)
        found /= np.float32(np.sqrt(np.prod(shape[1:])))
        return found

    def bytes(self, layer: Any, rows: int, columns: int) -> None:
        """A matrix in 8-bit numbers with a scale for each row, as CTranslate2 stores them."""
        layer.weight = np.frombuffer(self._random.bytes(rows * columns), np.int8).reshape(rows, columns)
        layer.weight_scale = np.full(rows, SPREAD * np.sqrt(columns), np.float32)

    def linear(self, layer: Any, rows: int, columns: int, *, bias: bool) -> None:
        self.bytes(layer, rows, columns)
        if bias:
            layer.bias = np.zeros(rows, np.float32)

    def convolution(self, layer: Any, rows: int, columns: int) -> None:
        layer.weight, layer.bias = self.floats(rows, columns, TAPS), np.zeros(rows, np.float32)

    def norm(self, layer: Any, width: int, *, bias: bool) -> None:
        layer.gamma = np.ones(width, np.float32)
        if bias:
            layer.beta = np.zeros(width, np.float32)

    def transformer(self, layer: Any, width: int) -> None:
        """A layer of Whisper's, with the attention to what was heard where it has one."""
        attentions = [layer.self_attention, *([layer.attention] if hasattr(layer, "attention") else [])]
        for attention in attentions:
            self.norm(attention.layer_norm, width, bias=True)
            rows = (3, 1) if len(attention.linear) == 2 else (1, 2, 1)
            for linear, times in zip(attention.linear, rows, strict=True):
                self.linear(linear, times * width, width, bias=True)
        self.norm(layer.ffn.layer_norm, width, bias=True)
        self.linear(layer.ffn.linear_0, 4 * width, width, bias=True)
        self.linear(layer.ffn.linear_1, width, 4 * width, bias=True)


def _whisper(size: Size) -> Any:
    from ctranslate2.specs import WhisperSpec

    weights, width = _Weights(), size.width
    spec = WhisperSpec(size.layers, size.heads, size.layers, size.heads)
    encoder, decoder = spec.encoder, spec.decoder
    weights.convolution(encoder.conv1, width, BANDS)
    weights.convolution(encoder.conv2, width, width)
    encoder.position_encodings.encodings = weights.floats(AUDIO_POSITIONS, width)
    decoder.position_encodings.encodings = weights.floats(TEXT_POSITIONS, width)
    for stack in (encoder, decoder):
        weights.norm(stack.layer_norm, width, bias=True)
        for layer in stack.layer:
            weights.transformer(layer, width)
    words = _vocabulary(SPECIAL)
    weights.bytes(decoder.embeddings, len(words), width)
    weights.bytes(decoder.projection, len(words), width)
    spec.register_vocabulary(words)
    never = [WORDS + number for number in range(len(SPECIAL))]
    for name, value in (("suppress_ids", never), ("suppress_ids_begin", []), ("lang_ids", []), ("alignment_heads", [])):
        spec.config.add_attribute(name, value)
    return spec


def _llama(size: Size) -> Any:
    from ctranslate2.specs import TransformerDecoderModelSpec
    from ctranslate2.specs.common_spec import Activation

    weights, width, heads = _Weights(), size.width, size.heads
    shared = heads // 4 if heads % 4 == 0 else heads
    """Heads of keys and values: several heads of queries share one, where they can be divided so."""
    spec = TransformerDecoderModelSpec.from_config(
        size.layers,
        heads,
        activation=Activation.SWISH,
        pre_norm=True,
        ffn_glu=True,
        rms_norm=True,
        rotary_dim=0,
        rotary_interleave=False,
        num_heads_kv=shared,
    )
    decoder, hidden = spec.decoder, 3 * width
    decoder.scale_embeddings = False
    for layer in decoder.layer:
        weights.norm(layer.self_attention.layer_norm, width, bias=False)
        weights.linear(layer.self_attention.linear[0], width + 2 * shared * HEAD, width, bias=False)
        weights.linear(layer.self_attention.linear[1], width, width, bias=False)
        weights.norm(layer.ffn.layer_norm, width, bias=False)
        for linear in (layer.ffn.linear_0, layer.ffn.linear_0_noact):
            weights.linear(linear, hidden, width, bias=False)
        weights.linear(layer.ffn.linear_1, width, hidden, bias=False)
    weights.norm(decoder.layer_norm, width, bias=False)
    words = _vocabulary((BEGIN, END, UNKNOWN))
    weights.bytes(decoder.embeddings, len(words), width)
    weights.bytes(decoder.projection, len(words), width)
    spec.register_vocabulary(words)
    return spec
