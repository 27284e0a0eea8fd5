"""The files of a streaming transducer for sherpa-onnx: found and looked at before the library reads them.

The library ends the process, by `_Exit`, where a file lacks what it expects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import BackendError
from engine.wording import words_of
from workers.backends.onnx_file import metadata

TABLE = "asr.sherpa"
SOURCE = "fetch a streaming transducer with all its files from github.com/k2-fsa/sherpa-onnx/releases/tag/asr-models"
ENCODERS = {
    "conformer": "num_encoder_layers T decode_chunk_len left_context encoder_dim pad_length cnn_module_kernel",
    "lstm": "num_encoder_layers T decode_chunk_len rnn_hidden_size d_model",
    "zipformer": "encoder_dims attention_dims num_encoder_layers cnn_module_kernels left_context_len T"
    " decode_chunk_len",
    "zipformer2": "encoder_dims query_head_dims value_head_dims num_heads num_encoder_layers cnn_module_kernels"
    " left_context_len T decode_chunk_len",
}
"""Kinds of encoders, and what the metadata of each must have."""
DECODER = "vocab_size context_size"
WORD = "\N{LOWER ONE EIGHTH BLOCK}"
"""Begins the tokens that begin a word."""


@dataclass(frozen=True, slots=True)
class Files:
    """A model's parts. chunk: frames of 10 ms that it decodes at a time; window: frames that it needs for that."""

    tokens: Path
    encoder: Path
    decoder: Path
    joiner: Path
    bpe_vocabulary: Path | None
    kind: str
    chunk: int
    window: int
    letters: frozenset[str]
    """Characters that its tokens are made of."""

    @property
    def shouts(self) -> bool:
        """It writes capital letters only."""
        cased = [each for each in self.letters if each.lower() != each.upper()]
        return bool(cased) and all(each == each.upper() for each in cased)

    def written(self, phrase: str) -> str:
        """A phrase as the model writes; empty where it has not all of its letters."""
        words = " ".join(words_of(phrase))
        words = words.upper() if self.shouts else words
        return words if set(words) - {" "} <= self.letters else ""


def find(folder: Path, int8: bool) -> Files:
    """The parts of the model in a directory. Raises BackendError: one is missing, or not what it has to be."""
    if not folder.is_dir():
        raise BackendError(f"there is no directory {folder}", f"correct {TABLE}.model")
    tokens = folder / "tokens.txt"
    if not tokens.is_file():
        raise BackendError(f"{folder} has no tokens.txt", SOURCE)
    encoder, decoder, joiner = (_part(folder, part, int8) for part in ("encoder", "decoder", "joiner"))
    said = metadata(encoder, SOURCE)
    kind = said.get("model_type", "")
    if kind not in ENCODERS:
        known = ", ".join(ENCODERS)
        what = f"{encoder} is no streaming encoder known here: its model_type is {kind!r}, not one of {known}"
        raise BackendError(what, SOURCE)
    _numbers(encoder, said, ENCODERS[kind])
    has = metadata(decoder, SOURCE)
    _numbers(decoder, has, DECODER)
    metadata(joiner, SOURCE)
    symbols = _symbols(tokens)
    if len(symbols) < int(has["vocab_size"]):
        what = f"{tokens} has {len(symbols)} tokens, and {decoder.name} is for {has['vocab_size']}"
        raise BackendError(what, SOURCE)
    letters = frozenset("".join(each for each in symbols if not each.startswith("<"))) - {WORD}
    bpe = folder / "bpe.vocab"
    chunk, window = int(said["decode_chunk_len"]), int(said["T"])
    return Files(tokens, encoder, decoder, joiner, bpe if bpe.is_file() else None, kind, chunk, window, letters)


def _part(folder: Path, part: str, int8: bool) -> Path:
    """Releases hold most parts twice, in float32 and in int8."""
    found = sorted(folder.glob(f"{part}*.onnx"))
    small = [path for path in found if ".int8." in path.name]
    large = [path for path in found if path not in small]
    chosen = (small or large) if int8 else (large or small)
    if not chosen:
        raise BackendError(f"{folder} has no {part}*.onnx", SOURCE)
    if len(chosen) > 1:
        names = ", ".join(path.name for path in chosen)
        raise BackendError(f"{folder} has several of {part}*.onnx: {names}", "leave one of them there")
    return chosen[0]


def _numbers(path: Path, said: dict[str, str], wanted: str) -> None:
    for key in wanted.split():
        numbers = said.get(key, "").split(",")
        if not all(number.strip().isdecimal() for number in numbers):
            what = f"its metadata have no {key}" if key not in said else f"{key} is {said[key]!r}"
            raise BackendError(f"{path} is no part of a streaming transducer: {what}", SOURCE)


def _symbols(path: Path) -> list[str]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise BackendError(f"{path} is not text ({error})", SOURCE) from error
    pairs = [line.strip().rpartition(" ") for line in lines]  # a number alone is that of the blank
    for line, (_, _, number) in zip(lines, pairs, strict=True):
        if not number.isdecimal():
            raise BackendError(f"{path} has no token and number in {line[:40]!r}", SOURCE)
    return [symbol.strip() for symbol, _, _ in pairs]
