"""What the search is given of an utterance: its cepstra, less what tells of the place and of the noise in it."""

from __future__ import annotations

from engine.contract import Pcm
from workers.backends.behind_noise import BehindNoise
from workers.backends.cepstral_mean import Mean
from workers.backends.speech_sounds import Sounds
from workers.backends.sphinx_front_end import Rows
from workers.backends.sphinx_library import Decoder


class Cepstra:
    """Rows of cepstra, of a front end with the library's noise filter and with the mean taken off.

    sounds: as far as there is noise they become what `BehindNoise` finds, which needs a second front end, without the
    filter. Where it is quiet nothing is different. None: the filter alone.
    """

    def __init__(self, decoder: Decoder, sounds: Sounds | None, size: int) -> None:
        self.rows = Rows(size)
        self._mean = Mean()
        self._front = decoder.front_end()
        self._behind = BehindNoise(sounds) if sounds else None
        self._raw_rows = Rows(size if sounds else 0)
        self._raw_front = decoder.front_end(noise_filter=False)

    def start(self) -> None:
        """A new utterance. Nothing that was learnt of the last one is kept."""
        self._front.start()
        self._mean.reset()
        if self._behind:
            self._raw_front.start()
            self._behind.reset()

    def take_in(self, pcm: Pcm, first: int) -> tuple[int, int]:
        """Make rows of `pcm`, from `first` on, and learn from them: (samples used, rows made)."""
        used, made = self._front.extract(pcm, self.rows, first)
        if self._behind:
            self._raw_front.extract(pcm[:used], self._raw_rows, first)
        self._learn(first, made)
        return used, made

    def take_in_last(self, first: int, again: int) -> int:
        """The last row, of the samples that made no whole one, and `again` times the same: how many rows there are now,
        0 or 1 and those."""
        made = self._front.extract_last(self.rows, first)
        if self._behind:
            self._raw_front.extract_last(self._raw_rows, first)
        if not made:
            return 0
        for rows in (self.rows, self._raw_rows):
            rows.values[first + 1 : first + 1 + again] = rows.values[first : first + 1]
        self._learn(first, made)
        return 1 + again

    def _learn(self, first: int, made: int) -> None:
        self._mean.learn(self.rows.values[first : first + made])
        if self._behind:
            self._behind.learn(self._raw_rows.values[first : first + made])

    def clean(self, first: int, count: int) -> None:
        """Take place and noise off rows, in place: they are ready to be searched then."""
        rows = self.rows.values[first : first + count]
        self._mean.subtract(rows)
        if self._behind:
            self._behind.clean(rows, self._raw_rows.values[first : first + count])

    def forget(self) -> None:
        """Keep nothing of what was heard."""
        self.rows.values.fill(0)
        self._raw_rows.values.fill(0)
        self._mean.reset()
        if self._behind:
            self._behind.reset()

    def close(self) -> None:
        """Free the front ends, with the sound that has made no whole frame yet: before the decoder is closed. `start`
        makes them anew."""
        self._front.close()
        self._raw_front.close()
