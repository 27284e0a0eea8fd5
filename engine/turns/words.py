"""The words of one answer: where each begins in its sound, and which of them have been heard.

What was heard is what was said: the history, and what a host is told, hold the words whose sound was played, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SECOND = 1_000_000_000
LETTERS = 14
"""That are said in a second, blanks among them, as long as nothing else is known."""
AGAIN_NS, SELDOM_NS = 16_000_000, 256_000_000
"""When a word is due and the loudspeaker was not given its sound: how soon to look again, and how seldom at last."""


def spread(text: str, samples: int) -> tuple[int, ...]:
    """Where the words of a clause begin in its sound, by their letters: for a voice that does not tell."""
    words = text.split()
    letters = sum(len(word) + 1 for word in words)
    starts, before = [], 0
    for word in words:
        starts.append(samples * before // letters)
        before += len(word) + 1
    return tuple(starts)


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word that began to be heard at `at_ns`, CLOCK_MONOTONIC; number: from 0, within the answer."""

    text: str
    number: int
    at_ns: int


class Words:
    """samples: of the sound that is known. next_ns: when to call `heard_by` again, CLOCK_MONOTONIC; None while no word
    is known to come."""

    def __init__(self, rate: int) -> None:
        self.samples = 0
        self.next_ns: int | None = None
        self._rate = rate
        self._words: list[tuple[str, int]] = []
        self._heard = 0
        self._began_ns: int | None = None
        """When the first sample was heard, or would have been, had nothing held up those that came since."""
        self._ahead_ns = 0
        """How long before a sample is heard it is handed to the loudspeaker."""
        self._held_up = self._over = False
        self._played, self._again_ns = -1, AGAIN_NS

    def add(self, text: str, samples: int, words: Sequence[str] = (), starts: Sequence[int] = ()) -> None:
        """The next clause has become `samples` of sound. words, starts: what its voice tells of them, if it does."""
        spoken = text.split()
        if list(words) != spoken or len(starts) != len(spoken):
            starts = spread(text, samples)
        self._words += [(word, self.samples + start) for word, start in zip(spoken, starts, strict=True)]
        self.samples += samples

    def part(self, text: str, samples: int) -> tuple[str, str]:
        """Of a clause of which `samples` were heard: the words that these make up by their letters, at the pace of what
        was said before, and the rest. A word of which less than half is among them is in the rest."""
        said, words = sum(len(word) + 1 for word, _ in self._words), text.split()
        pace = self.samples / said if said else self._rate / LETTERS
        count, before = 0, 0.0
        for word in words:
            if before + (len(word) + 1) / 2 > samples / pace:
                break
            before += len(word) + 1
            count += 1
        return " ".join(words[:count]), " ".join(words[count:])

    def began(self, at_ns: int, now: int, sample: int = 0) -> None:
        """Sample number `sample` is heard at `at_ns`, as is known since `now`; the others follow it."""
        self._began_ns, self._ahead_ns = at_ns - self._ns(sample), max(0, at_ns - now)
        self._held_up = False

    @property
    def dry_ns(self) -> int | None:
        """When the last sample that is known will have been heard; None while nothing is heard."""
        return None if self._began_ns is None else self._began_ns + self._ns(self.samples)

    def heard_by(self, now: int, played: int) -> list[HeardWord]:
        """The words that began to be heard since the last call. played: samples that the loudspeaker was given."""
        found: list[HeardWord] = []
        self.next_ns = None
        while self._began_ns is not None and self._heard < len(self._words) and not self._over:
            text, start = self._words[self._heard]
            at_ns = self._began_ns + self._ns(start)
            if at_ns > now and not self._held_up:
                self.next_ns = at_ns
                break
            if played <= start:  # no sound was there, or no loudspeaker
                self._held_up = True
                self._again_ns = min(2 * self._again_ns, SELDOM_NS) if played == self._played else AGAIN_NS
                self._played = played
                self.next_ns = now + max(self._again_ns, self._ns(start - played))
                break
            if self._held_up:
                self._held_up = False
                self._began_ns = now + self._ahead_ns - self._ns(start)
                continue
            found.append(HeardWord(text, self._heard, at_ns))
            self._heard += 1
        return found

    def rest(self, ended_ns: int) -> list[HeardWord]:
        """The last sample was heard at `ended_ns`: the words that were not told yet."""
        began_ns = ended_ns if self._began_ns is None else self._began_ns
        found = [
            HeardWord(text, number, min(ended_ns, began_ns + self._ns(start)))
            for number, (text, start) in enumerate(self._words[self._heard :], self._heard)
        ]
        self._heard, self.next_ns = len(self._words), None
        return found

    def cut(self, played: int) -> None:
        """No more is heard than the first `played` samples. A word of which less than half is among them was not."""
        if self._heard and not self._over:
            start = self._words[self._heard - 1][1]
            end = self._words[self._heard][1] if self._heard < len(self._words) else self.samples
            self._heard -= 2 * played < start + end
        self._over, self.next_ns = True, None

    @property
    def heard(self) -> str:
        """The words that were heard."""
        return " ".join(text for text, _ in self._words[: self._heard])

    def _ns(self, samples: int) -> int:
        return samples * SECOND // self._rate
