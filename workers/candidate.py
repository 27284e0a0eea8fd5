"""What may be a voice, from its first hop on: whoever speaks while an answer is heard may want to interrupt it.

Voice activity says what is speech, but says so late, and of coughs and hums as well. So it is looked at more closely
what it hears, and an s or an sh counts before voice activity knows it for a voice.
"""

from __future__ import annotations

from math import inf

from engine.contract import Pcm
from workers.clarity import Hop

SURE, LIKELY = 0.95, 0.5
"""Voice activity is so sure of speech that has gone on for a while; and of speech, but of many a cough as well."""
PERIODIC = 0.85
"""What is likely a voice, and repeats itself so far, is one."""
MAYBE, INKLING = 0.35, 0.15
"""As sure is voice activity of the first hop of a voice at times, and so sure when it is heard by its sound alone."""
VOICED = 0.5
"""Of which voice activity is not sure repeats itself so far where it is a voice; noise does not."""
LOUD, FAINT = 10**-0.8, 10**-2.6
"""The power of a voice against that of its loudest hop: a cough dies away at once, and speech does not; and when
nothing is left of it but the room, and what voice activity remembers."""
STANDS_OUT = 10**1.5
"""The power of a voice or a hiss against that of the room."""
QUIETEST = 30.0**2
"""The power of the room, at least. Digital silence says nothing of it: what was lost or muted is that, too."""
ADAPTS = 1.3
"""How fast the room may get louder, a hop: within a second whatever has begun to hiss is part of it."""
GONE_HOPS = 2
"""What is faint for so long is gone."""


class Candidate:
    """Follows it through the hops of a microphone, `samples` samples each at `rate` samples a second.

    since: the sample with which it began; None while there is none. clear: how many samples of it are speech beyond
    doubt. loud: the sample up to which it was more than faint.
    """

    def __init__(self, samples: int, rate: int) -> None:
        self._hop, self._samples = Hop(samples, rate), samples
        self._room = inf
        self.loud = 0
        self._begin(None)

    def _begin(self, since: int | None) -> None:
        self.since, self.clear, self._loudest, self._faint = since, 0, 0.0, 0

    @property
    def gone(self) -> bool:
        """There is none, or nothing is left of it."""
        return self.since is None or self._faint >= GONE_HOPS

    def follow(self, sound: Pcm, probability: float, voice: int | None, start: int) -> None:
        """The next hop, which begins at the sample `start`. probability: how sure voice activity is of it. voice: the
        sample since which voice activity knows of a voice."""
        hop = self._hop
        if voice is None and probability < INKLING and (most := hop.most(sound)) <= QUIETEST:
            # Too quiet for anything that could be found in it; and a silent room is most of what is ever heard.
            if most > 0 or self._room == inf:
                self._room = QUIETEST
            self._begin(None)
            return
        hop.look(sound)
        begins = self._begins(probability)
        if voice is None and (hop.power > 0 or self._room == inf):
            self._room = max(QUIETEST, min(hop.power, self._room * ADAPTS))
        if voice is None and not begins:
            self._begin(None)
            return
        if self.since is None:
            self._begin(start if voice is None else voice)
        self._loudest = max(self._loudest, hop.power)
        if hop.power >= FAINT * self._loudest:
            self.loud, self._faint = start + self._samples, 0
            self.clear += self._samples * (hop.is_hiss or (voice is not None and self._is_speech(probability)))
        else:
            self._faint += 1

    def suspect(self, sound: Pcm, probability: float, start: int) -> bool:
        """Look at a hop that lies between the others. True: a voice begins in it that was not known yet."""
        self._hop.look(sound)
        if self.since is not None or not self._begins(probability):
            return False
        self._begin(start)
        self.loud = start + self._samples
        return True

    def _begins(self, probability: float) -> bool:
        """This hop may be the first of a voice."""
        hop = self._hop
        if probability >= MAYBE:
            return probability >= LIKELY or hop.periodicity >= VOICED
        if hop.power < STANDS_OUT * self._room:
            return False
        return hop.is_hiss or (probability >= INKLING and hop.is_open and hop.periodicity >= PERIODIC)

    def _is_speech(self, probability: float) -> bool:
        hop = self._hop
        if probability < LIKELY or not hop.is_open:
            return False
        return probability >= SURE or (hop.power >= LOUD * self._loudest and hop.periodicity >= PERIODIC)
