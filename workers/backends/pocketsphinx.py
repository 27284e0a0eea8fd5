"""Speech recognition with PocketSphinx (BSD), on the processor, word by word while the user speaks.

The words are found as the sound comes in, so that after `finish` only the last frames are left to do, and to choose
the best way through all words that were come by. The front ends read the borrowed samples where they lie and keep 13
numbers each for every 10 ms.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.contract import Abilities, Alternative, Ended, Event, Heard, Job, Pcm, Rung, Tag
from engine.errors import BackendError
from engine.wording import words_of
from workers.backends.cepstra import Cepstra
from workers.backends.expected_words import arpa, unknown_words
from workers.backends.speech_sounds import sounds_of
from workers.backends.sphinx_library import Decoder
from workers.backends.sphinx_model import Model

RATE = 16000
FRAMES = 512
"""Cepstra that may wait for the search: 5 s. When they are full the search goes on whatever the budget says."""
LIBRARY_FRAMES = 12
"""Frames in the library's own ring."""
BLOCK = 5
"""Frames given to the search at a time, then the clock is looked at. With more than 7 at once the library's ring would
overwrite the 5 that its phoneme look-ahead still needs."""
HEAD = 60
"""Frames that are collected before the search begins, so that their mean is known: 0.6 s."""
TAIL = 3
"""Frames on either side that a feature is made of: at the end the last frame is repeated so often."""
SEARCH: dict[str, str | int | float] = {"fwdflat": False, "bestpath": True, "loglevel": "FATAL"}
"""No second pass: it would begin only when the user has ended, and take a tenth of the utterance's time. The third, the
best way through the words that the first has come by, takes milliseconds, and gains as much: of 646 words of flite's in
noise 22.1 % were wrong with neither, 18.0 % with the second, 18.7 % with the third."""
THIRD_PASS = 1500
"""Frames of an utterance, at most, for the third pass: 15 s. What it takes grows with their square: 3 ms for 5 s, 16
for 15 s, 59 for 30 s."""
UNITS, WORDS = 3000, 10
"""The most sound units and words that are followed in a frame bound its work, which the library leaves open (30000, and
any number). Three times as fast, and no worse: 34.9 % of words wrong, else 35.8 %, on thirteen recordings, half of them
read numbers and literature."""
EXPECTED = 5
"""An expected phrase counts as much as so many of those that are likely beside it."""
CLEAR, WIDTH = -35, 4.5
"""Acoustic score of a frame that is as likely right as wrong, and how quickly trust changes around it."""


class PocketSphinx:
    """`settings`: `model`, directory with an acoustic model, a dictionary (*.dict) and a language model (*.lm.bin or
    *.lm), empty: the English one in the package. `bias`, 0 to 1: how far to lean towards `rung.expected`, and less
    towards `rung.alike`. `most_units` and `most_words`: what is followed in a frame, at most. `denoise`: where it is
    noisy, see `behind_noise.py`; False, or with a model of another kind: the library's own filter everywhere.

    `unknown_words`: expected words that the dictionary cannot pronounce, and that are therefore never heard.
    One utterance at a time: a job begun while another is open ends as failed. The confidence is the acoustic score
    of the words of the first pass, frame by frame against the sound unit that fits best there, through a logistic
    curve.
    """

    def __init__(self) -> None:
        self.abilities = Abilities(checkpoint="frame", incremental=True, rate=RATE)
        self.unknown_words: tuple[str, ...] = ()
        self._decoder: Decoder | None = None
        self._loaded: Rung | None = None
        self._cepstra: Cepstra | None = None
        self._open: _Utterance | None = None
        self._fed: list[Pcm] = []
        self._refused: list[Event] = []
        self._cancelled: set[Tag] = set()
        self._cost_ns = 0
        self._language = "en"
        self._third_pass = False
        """The last utterance had it."""

    def load(self, rung: Rung) -> None:
        if rung.rate != RATE:
            raise BackendError(
                f"PocketSphinx hears {RATE} samples a second, not {rung.rate}", f"set the rate to {RATE}"
            )
        configured = str(rung.settings.get("model", ""))
        if not configured and rung.language.split("-")[0] != "en":
            raise BackendError(
                f'PocketSphinx comes with an English model only, and the language is "{rung.language}"',
                "set asr.pocketsphinx.model to the directory of a model for it, or choose another asr.backend",
            )
        if self._decoder is not None and self._loaded is not None and self.changes_quickly(self._loaded, rung):
            self._decoder.search_within(*bounds(rung))
            self._third_pass = False  # that was another search
            return
        self._language = rung.language
        model = Model.find(configured)
        likely = (*rung.expected * EXPECTED, *rung.alike)
        pronounced = model.pronounced({w for phrase in likely for w in words_of(phrase)})
        self.unknown_words = unknown_words(rung.expected, pronounced)
        expected = arpa(likely, pronounced, float(rung.settings.get("bias", 0.6)))
        sounds = sounds_of(model.acoustic) if rung.settings.get("denoise", True) else None
        self.unload()
        files = {"hmm": str(model.acoustic), "dict": str(model.dictionary)}
        self._decoder = decoder = Decoder({**files, **SEARCH})
        fit = decoder.fit and decoder.use_language_models(model.language, expected)
        if fit and decoder.search_within(*bounds(rung)):
            self._cepstra = Cepstra(decoder, sounds, FRAMES)
            self._loaded = rung
        else:
            self.unload()
            raise BackendError(
                f"PocketSphinx cannot read {model.acoustic} or {model.language}", "fetch the model again"
            )

    def changes_quickly(self, now: Rung, then: Rung) -> bool:
        """Only how much is followed has changed: each has a search of its own beside the others."""
        return replace(then, settings=now.settings) == now and all(
            now.settings.get(name) == then.settings.get(name) for name in ("model", "bias", "denoise")
        )

    def warm_up(self) -> None:
        tag = Tag(-1, -1, -1)
        job = Job(tag)
        self.begin(job)
        # The second half is so much louder that it passes for a voice in noise, and what is for that is warm, too.
        loudness = np.repeat([300, 520], RATE // 2)
        self.feed(job, (np.random.default_rng(0).standard_normal(RATE) * loudness).astype(np.int16))
        self.finish(job)
        events: list[Event] = []
        while not self.idle:
            events += self.step(0)
        if not isinstance(events[-1], Ended) or events[-1].reason != "done":
            raise BackendError("PocketSphinx does not decode", "install it again, or use another model")

    def begin(self, job: Job) -> None:
        if self._open is not None or self._decoder is None or self._cepstra is None:
            self._refused.append(Ended(job.tag, "failed", "PocketSphinx hears one utterance at a time"))
            return
        self._cancelled.discard(job.tag)  # of one that had ended before
        self._open, self._third_pass = _Utterance(job.tag), False
        self._cepstra.start()
        self._decoder.start()

    def feed(self, job: Job, data: Any) -> None:
        now = self._open
        if now is None or now.tag != job.tag or now.finished:
            return
        if data.dtype != np.int16 or data.ndim != 1 or not data.flags.c_contiguous:
            # The library would read beyond it.
            self._close()
            self._refused.append(Ended(now.tag, "failed", f"sound is contiguous int16 [n], not {data.dtype}"))
            return
        self._fed.append(data)

    def finish(self, job: Job) -> None:
        if self._open is not None and self._open.tag == job.tag:
            self._open.finished = True

    def step(self, budget_ns: int) -> Sequence[Event]:
        """Take in all that was fed, since it is only borrowed, then search for as long as the budget lasts."""
        until = time.monotonic_ns() + budget_ns
        events, self._refused = self._refused, []
        while self._cancelled:
            tag = self._cancelled.pop()
            if self._open is not None and self._open.tag == tag:
                self._close()
                events.append(Ended(tag, "cancelled"))
        now = self._open
        if now is not None and self._decoder is not None and self._cepstra is not None:
            try:
                events += self._work(now, self._decoder, self._cepstra, until)
            except _SearchError as error:
                self._close()
                events.append(Ended(now.tag, "failed", str(error)))
        return events

    def _work(self, now: _Utterance, decoder: Decoder, cepstra: Cepstra, until: int) -> list[Event]:
        for pcm in self._fed:
            while len(pcm):
                self._make_room(now, decoder, cepstra, 1)
                used, made = cepstra.take_in(pcm, now.stop)
                now.stop += made
                now.heard_frames += made
                pcm = pcm[used:]
        self._fed.clear()
        if now.finished and not now.drained:
            now.drained = True
            self._make_room(now, decoder, cepstra, 1 + TAIL)
            rows = cepstra.take_in_last(now.stop, TAIL)
            now.stop += rows
            now.heard_frames += min(rows, 1)
        if now.heard_frames >= HEAD or now.finished:
            while now.waiting:
                self._search(now, decoder, cepstra)
                if time.monotonic_ns() >= until:
                    break
        if now.drained and not now.waiting:
            # Both of the first pass, and without the last 50 ms: the third has scores of another kind, and no words
            # where none of its ways leads to an end.
            score, words = decoder.word_score(), decoder.text()
            decoder.end()
            self._open = None
            self._third_pass = now.is_short and decoder.ended_well()
            if self._third_pass:
                words = decoder.text()
            return [self._heard(now, decoder, words, score, final=True), Ended(now.tag)]
        text, decoded = decoder.text(), now.heard_frames - now.waiting
        if (text, decoded) == (now.text, now.decoded) or not text:
            return []
        now.text, now.decoded = text, decoded
        return [self._heard(now, decoder, text, decoder.word_score(), final=False)]

    def _make_room(self, now: _Utterance, decoder: Decoder, cepstra: Cepstra, rows: int) -> None:
        if now.stop + rows > FRAMES:
            while now.waiting:
                self._search(now, decoder, cepstra)

    def _search(self, now: _Utterance, decoder: Decoder, cepstra: Cepstra) -> None:
        """Search the next block."""
        count = min(BLOCK, now.waiting)
        began = time.monotonic_ns()
        cepstra.clean(now.start, count)
        if not decoder.search(cepstra.rows, now.start, count):
            raise _SearchError("PocketSphinx could not decode the sound")
        now.start += count
        if not now.waiting:
            now.start = now.stop = 0
        took = (time.monotonic_ns() - began) // count
        self._cost_ns += (took - self._cost_ns) // 16 if self._cost_ns else took

    def _heard(self, now: _Utterance, decoder: Decoder, text: str, fit: tuple[int, int], final: bool) -> Heard:
        score, frames = fit
        trust = 1 / (1 + math.exp((CLEAR - score / frames) / WIDTH)) if frames else 0.0
        decoded = (now.heard_frames - now.waiting) * RATE // 100
        return Heard(now.tag, text, trust, self._language, final, max(0, decoded), decoder.complete(text))

    def _close(self) -> None:
        if self._decoder is not None:
            self._decoder.end()
        self._open = None
        self._fed.clear()

    def alternatives(self, most: int) -> Sequence[Alternative]:
        """See `engine.contract.HasAlternatives`: other ways through the words that the third pass chooses from."""
        now = self._open
        if self._decoder is None or not (self._third_pass if now is None else now.text and now.is_short):
            return ()
        return self._decoder.alternatives(most, ended=now is None)

    @property
    def remarks(self) -> Sequence[str]:
        if not self.unknown_words:
            return ()
        return (f"not in the dictionary, so never heard: {', '.join(self.unknown_words)}",)

    @property
    def idle(self) -> bool:
        now = self._open
        if self._fed or self._refused or (now is not None and now.tag in self._cancelled):
            return False
        return now is None or not (now.finished or (now.waiting and now.heard_frames >= HEAD))

    def cancel(self, tag: Tag) -> None:
        self._cancelled.add(tag)

    def settle(self, tag: Tag, heard: str) -> None:
        """Nothing is kept of a job but what was learnt of its sound."""

    def forget(self, session: int) -> None:
        """Drop the cepstra, what was learnt of them, and the words that were found last: in the library, too, by an
        utterance without sound."""
        if self._decoder is None or self._cepstra is None:
            return
        self._cepstra.forget()
        if self._open is None:
            self._third_pass = False
            self._cepstra.close()  # another utterance opens it again
            for _ in self._decoder.each_search():
                self._decoder.start()
                for _ in range(LIBRARY_FRAMES // BLOCK + 1):
                    self._decoder.search(self._cepstra.rows, 0, BLOCK)
                self._decoder.end()

    def cost_ns(self, units: int) -> int:
        """A unit is a frame of 10 ms."""
        return units * self._cost_ns

    def unload(self) -> None:
        if self._cepstra is not None:
            self._cepstra.close()
        if self._decoder is not None:
            self._decoder.close()
        self._decoder = self._cepstra = self._open = self._loaded = None
        self._fed.clear()


def bounds(rung: Rung) -> tuple[int, int]:
    """The most sound units and words that are followed in a frame."""
    return int(rung.settings.get("most_units", UNITS)), int(rung.settings.get("most_words", WORDS))


@dataclass(slots=True)
class _Utterance:
    tag: Tag
    start: int = 0
    """First row that waits for the search."""
    stop: int = 0
    """Row after the last one that waits."""
    heard_frames: int = 0
    finished: bool = False
    drained: bool = False
    """The last frame has left the front end."""
    text: str = ""
    decoded: int = 0
    """Frames that `text`, as last told, covers."""

    @property
    def waiting(self) -> int:
        return self.stop - self.start

    @property
    def is_short(self) -> bool:
        """The third pass takes a short time."""
        return self.heard_frames <= THIRD_PASS


class _SearchError(Exception):
    """The library gave up on an utterance."""
