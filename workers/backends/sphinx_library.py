"""The C library inside the `pocketsphinx` package, called through ctypes.

The package's Python face lacks three things a live recogniser needs: it holds the interpreter's lock while it
decodes, it cannot interpolate two language models, and it hides the cepstra, whose mean decides how well a live
recogniser hears. The C functions are those of `pocketsphinx.h`, `pocketsphinx/model.h` and, for the front end and the
words so far, `fe/fe.h` and `ngram_search.h`; their signatures are the same in 5.0 and 5.1.
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Iterator
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int, c_int32, c_long, c_size_t, c_void_p
from pathlib import Path
from typing import Any

from engine.contract import Alternative
from engine.errors import BackendError
from workers.backends.sphinx_front_end import FrontEnd, Rows

NGRAM_AUTO, NGRAM_ARPA = 0, 1
START, END = b"<s>", b"</s>"
AT_JOINTS = 0.5
"""The share of pauses that come between phrases and not within one (Goldman-Eisler, "Psycholinguistics", 1968: 55 % in
spontaneous speech, all in reading)."""
FATAL = 4
SEARCH_AT, WORD_AT = (place * ctypes.sizeof(c_void_p) for place in (1, 2))
"""Where the address of the search lies in what tells of a segment, and that of the word: ps_seg_t in
`pocketsphinx_internal.h`."""
WAYS = 200
"""How many ways through an utterance's words are looked at for alternatives, which takes 3 ms for a question of two
seconds. Many differ in pauses alone."""
UNIT = 1024 * math.log(1.0001)
"""What 1 of the search's scores is as a natural logarithm: they have the base 1.0001, less 10 bits."""

_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "err_set_loglevel": (c_int, (c_int,)),
    "logmath_exp": (c_double, (c_void_p, c_int)),
    "fe_end_utt": (c_int, (c_void_p, c_void_p, POINTER(c_int32))),
    "fe_free": (c_int, (c_void_p,)),
    "fe_init_auto_r": (c_void_p, (c_void_p,)),
    "fe_process_frames": (c_int, (c_void_p, POINTER(c_void_p), POINTER(c_size_t), c_void_p, POINTER(c_int32))),
    "fe_start_utt": (c_int, (c_void_p,)),
    "ngram_model_free": (c_int, (c_void_p,)),
    "ngram_model_read": (c_void_p, (c_void_p, c_char_p, c_int, c_void_p)),
    "ngram_model_set_init": (c_void_p, (c_void_p, c_void_p, c_void_p, c_void_p, c_int32)),
    "ngram_search_mark_bptable": (c_int, (c_void_p, c_int)),
    "ngram_ng_prob": (c_int, (c_void_p, c_int32, POINTER(c_int32), c_int32, POINTER(c_int32))),
    "ngram_wid": (c_int32, (c_void_p, c_char_p)),
    "ps_activate_search": (c_int, (c_void_p, c_char_p)),
    "ps_add_lm": (c_int, (c_void_p, c_char_p, c_void_p)),
    "ps_config_bool": (c_int, (c_void_p, c_char_p)),
    "ps_config_int": (c_long, (c_void_p, c_char_p)),
    "ps_config_free": (c_int, (c_void_p,)),
    "ps_config_init": (c_void_p, (c_void_p,)),
    "ps_config_set_bool": (c_void_p, (c_void_p, c_char_p, c_int)),
    "ps_config_set_float": (c_void_p, (c_void_p, c_char_p, c_double)),
    "ps_config_set_int": (c_void_p, (c_void_p, c_char_p, c_long)),
    "ps_config_set_str": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "ps_end_utt": (c_int, (c_void_p,)),
    "ps_free": (c_int, (c_void_p,)),
    "ps_get_hyp": (c_char_p, (c_void_p, POINTER(c_int32))),
    "ps_get_n_frames": (c_int, (c_void_p,)),
    "ps_get_logmath": (c_void_p, (c_void_p,)),
    "ps_init": (c_void_p, (c_void_p,)),
    "ps_nbest": (c_void_p, (c_void_p,)),
    "ps_nbest_free": (None, (c_void_p,)),
    "ps_nbest_hyp": (c_char_p, (c_void_p, POINTER(c_int32))),
    "ps_nbest_next": (c_void_p, (c_void_p,)),
    "ps_process_cep": (c_int, (c_void_p, c_void_p, c_int, c_int, c_int)),
    "ps_reinit_feat": (c_int, (c_void_p, c_void_p)),
    "ps_seg_frames": (None, (c_void_p, POINTER(c_int), POINTER(c_int))),
    "ps_seg_free": (None, (c_void_p,)),
    "ps_seg_iter": (c_void_p, (c_void_p,)),
    "ps_seg_next": (c_void_p, (c_void_p,)),
    "ps_seg_prob": (c_int32, (c_void_p, POINTER(c_int32), POINTER(c_int32), POINTER(c_int32))),
    "ps_seg_word": (c_char_p, (c_void_p,)),
    "ps_start_utt": (c_int, (c_void_p,)),
}
_SETTERS = {bool: "ps_config_set_bool", int: "ps_config_set_int", float: "ps_config_set_float"}


def library() -> Any:
    """The C library with the types of its functions set. Raises BackendError when it is missing or another one."""
    try:
        from pocketsphinx import _pocketsphinx
    except ImportError as error:
        raise BackendError(
            f"pocketsphinx cannot be imported ({error})", "run: pip install 'pocketsphinx>=5.0.4,<6'"
        ) from None
    lib = ctypes.CDLL(_pocketsphinx.__file__)  # already loaded: this is the same copy
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(lib, name, None)
        if function is None:
            raise BackendError(
                f"this build of pocketsphinx does not export {name} ({_pocketsphinx.__file__})",
                "install the one from PyPI: pip install --force-reinstall 'pocketsphinx>=5.0.4,<6'",
            )
        function.restype, function.argtypes = result, list(arguments)
    lib.err_set_loglevel(FATAL)
    return lib


class Decoder:
    """One recogniser. Sound goes through a `front_end` into cepstra, these through `search`, words come from `text`.

    `options` are PocketSphinx's own (`pocketsphinx.Config().describe()` lists them).
    """

    def __init__(self, options: dict[str, str | int | float | bool]) -> None:
        self._lib = lib = library()
        self._config = lib.ps_config_init(None)
        for name, value in options.items():
            setter = _SETTERS.get(type(value))
            if setter is None:
                lib.ps_config_set_str(self._config, name.encode(), os.fsencode(str(value)))
            else:
                getattr(lib, setter)(self._config, name.encode(), value)
        self._ps = lib.ps_init(self._config)
        self._noise_filter = False
        if self._ps:
            self._noise_filter = bool(lib.ps_config_bool(self._config, b"remove_noise"))
            # No mean normalisation in the decoder: see `cepstral_mean.py`. It is set here because ps_init takes the
            # model's own choice over the caller's.
            lib.ps_config_set_str(self._config, b"cmn", b"none")
            lib.ps_reinit_feat(self._ps, None)
        self._word_of = ctypes.CFUNCTYPE(c_void_p, c_void_p)(("ps_seg_word", lib))
        """Its address, rather than the word."""
        self._count = c_int32()
        self._numbers = [c_int32() for _ in range(3)]
        self._models: list[int] = []
        self._words: int = 0
        """What the searches look for words in: the set of `_models`."""
        self._searches: dict[tuple[int, int], bytes] = {}
        """Bounds → the name of the search that keeps to them. They share models, dictionary and cepstra."""
        self._usual_odds = 1.0

    @property
    def fit(self) -> bool:
        """The model could be loaded."""
        return bool(self._ps)

    def front_end(self, *, noise_filter: bool = True) -> FrontEnd:
        """One for this model. noise_filter: it takes noise away if the model was made so; False: it never does. It is
        to be closed before the decoder is."""
        return FrontEnd(self._lib, self._config, noise_filter=noise_filter and self._noise_filter)

    def use_language_models(self, general: Path, expected: str) -> bool:
        """Search with the model in the file `general`, and where it is likelier with the ARPA text `expected`.

        Both models keep their whole weight (1, 1): the scores they give are scaled by the language weight (6.5)
        before they are added, so the sum is in effect the greater of the two. Returns False if one cannot be read.
        """
        lib, log = self._lib, self._lib.ps_get_logmath(self._ps)
        models = [lib.ngram_model_read(self._config, os.fsencode(general), NGRAM_AUTO, log)]
        if expected:
            file = os.memfd_create("expected")
            try:
                os.write(file, expected.encode())
                models.append(lib.ngram_model_read(self._config, b"/proc/self/fd/%d" % file, NGRAM_ARPA, log))
            finally:
                os.close(file)
        if not all(models):
            return False
        count = len(models)
        names = (c_char_p * count)(*[b"general", b"expected"][:count])
        weights = (c_float * count)(*[1.0] * count)
        self._words = lib.ngram_model_set_init(self._config, (c_void_p * count)(*models), names, weights, count)
        self._models = models
        self._usual_odds = _odds(self._chance(END, []))
        return bool(self._words)

    def search_within(self, units: int, words: int) -> bool:
        """Follow at most so many sound units and words in a frame, from the next utterance on. The first time it takes
        half a second, and 40 MB for another search, then nothing. Returns False if that failed."""
        lib, bounds = self._lib, (units, words)
        if bounds not in self._searches:
            lib.ps_config_set_int(self._config, b"maxhmmpf", units)
            lib.ps_config_set_int(self._config, b"maxwpf", words)
            name = b"%d-%d" % bounds
            if lib.ps_add_lm(self._ps, name, self._words) != 0:
                return False
            self._searches[bounds] = name
        self._bounds = bounds
        return bool(lib.ps_activate_search(self._ps, self._searches[bounds]) == 0)

    def each_search(self) -> Iterator[None]:
        """Once for each search that there is, with that one in use; then the present one is again."""
        present = self._bounds
        for units, words in self._searches:
            self.search_within(units, words)
            yield
        self.search_within(*present)

    def complete(self, text: str) -> float:
        """How likely an utterance ends with these words, if there is a pause after them, 0 to 1; 0.5: they tell
        nothing. Takes some ten microseconds.

        The language model knows how much likelier an end is after the last two words than after any. As in the
        search, the greater of the two models' probabilities counts. But a pause within an utterance is not after any
        words: about half of them come where it could end as well (AT_JOINTS). So words that no end follows tell
        much, and words that one often follows tell little.
        """
        words = [START, *(word.encode() for word in text.split())]
        likelier = _odds(self._chance(END, words[:-3:-1])) / self._usual_odds
        odds = likelier / (AT_JOINTS * likelier + 1 - AT_JOINTS)
        return odds / (odds + 1)

    def _chance(self, word: bytes, before: list[bytes]) -> float:
        """The probability of a word after those before it, the last one first."""
        lib, log = self._lib, self._lib.ps_get_logmath(self._ps)
        chances = []
        for model in self._models:
            known = (c_int32 * len(before))(*[lib.ngram_wid(model, each) for each in before])
            score = lib.ngram_ng_prob(model, lib.ngram_wid(model, word), known, len(before), byref(self._count))
            chances.append(lib.logmath_exp(log, score))
        return float(max(chances))

    def start(self) -> None:
        """Begin an utterance."""
        self._lib.ps_start_utt(self._ps)

    def search(self, rows: Rows, first: int, count: int) -> bool:
        """Search the words of `count` frames. False if that failed."""
        return bool(self._lib.ps_process_cep(self._ps, rows.at(first), count, 0, 0) >= 0)

    def end(self) -> None:
        """End the utterance."""
        self._lib.ps_end_utt(self._ps)

    def text(self) -> str:
        """The best words so far."""
        found = self._lib.ps_get_hyp(self._ps, byref(self._numbers[0]))
        return found.decode() if found else ""

    def ended_well(self) -> bool:
        """After `end`: `text` is of a way that leads to an end, if only through silence. Without one it is empty."""
        segment = found = self._lib.ps_seg_iter(self._ps)
        while segment:
            segment = self._lib.ps_seg_next(segment)
        return bool(found)

    def alternatives(self, most: int, ended: bool = True) -> list[Alternative]:
        """What may have been said, the likeliest first, each once: of all, after `end`, or so far. The search goes on
        as if nothing were."""
        found = self._ways() if ended or self._mark() else {}
        best = max(found.values(), default=0)
        ranked = sorted(found.items(), key=lambda each: -each[1])
        return [Alternative(text, (best - score) * UNIT) for text, score in ranked[:most]]

    def _mark(self) -> bool:
        """Tell the search where its words so far end. It does so itself when it takes the next frame, and looks there
        when it is asked for all ways. False: there are no words yet."""
        lib = self._lib
        segment = lib.ps_seg_iter(self._ps)
        frames = lib.ps_get_n_frames(self._ps) - 1 - lib.ps_config_int(self._config, b"pl_window")
        if not segment:
            return False
        search, word = (c_void_p.from_address(segment + at).value for at in (SEARCH_AT, WORD_AT))
        known = bool(word) and word == self._word_of(segment)  # else this library's segments are others
        lib.ps_seg_free(segment)
        if not known or frames <= 0:
            return False
        lib.ngram_search_mark_bptable(search, frames)
        return True

    def _ways(self) -> dict[str, int]:
        """Ways through the words that were come by, with what they score."""
        lib, score, found = self._lib, self._numbers[0], dict[str, int]()
        way, looked_at = lib.ps_nbest(self._ps), 0  # the likeliest way already
        while way and looked_at < WAYS:
            words, looked_at = lib.ps_nbest_hyp(way, byref(score)), looked_at + 1
            if words:
                found[words.decode()] = max(score.value, found.get(words.decode(), score.value))
            way = lib.ps_nbest_next(way)  # after the last one there is none, and everything is freed
        if way:
            lib.ps_nbest_free(way)
        return found

    def word_score(self) -> tuple[int, int]:
        """Acoustic score of the words in `text`, without silence and fillers, and how many frames they last.

        The score of each frame is relative to the best sound unit in it: 0 would be a perfect fit.
        """
        acoustic, first, last = self._numbers
        total = frames = 0
        segment = self._lib.ps_seg_iter(self._ps)
        while segment:
            if not self._lib.ps_seg_word(segment).startswith((b"<", b"[", b"+")):
                self._lib.ps_seg_prob(segment, byref(acoustic), None, None)
                self._lib.ps_seg_frames(segment, byref(first), byref(last))
                total += acoustic.value
                frames += last.value - first.value + 1
            segment = self._lib.ps_seg_next(segment)
        return total, frames

    def close(self) -> None:
        """Free everything."""
        for model in (*self._models, self._words):
            self._lib.ngram_model_free(model)
        self._models, self._words = [], 0
        if self._ps:
            self._lib.ps_free(self._ps)
        self._lib.ps_config_free(self._config)
        self._ps = self._config = None


def _odds(chance: float) -> float:
    return chance / (1 - min(chance, 0.999))
