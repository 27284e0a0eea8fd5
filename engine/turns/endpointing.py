"""How long to wait in a pause before the user is taken to have finished. No clock and no rings in here.

Every cue tells how likely it is that the pause is the end, as odds; their logarithms add up, as in a naive Bayes
classifier. A wait follows from the odds: pauses within an utterance last about exponentially (Raux and Eskenazi,
"Optimizing Endpointing Thresholds using Dialogue Features", SIGDIAL 2008). With `m` their mean, `o` the odds that this
is one of them, and `p` how much waiting an interruption is worth, the wait that costs least in all,

    floor + t,  where t is best at  1 = o * p / m * exp(-t / m)      so  t = m * (log(o) + log(p / m)),

is linear in the logarithm of the odds: each cue adds its share of milliseconds. Pauses shorter than the floor decide
nothing, and `m` and `o` are of those that outlast it.

The speaker's own pauses move both: m and o are means of what was heard in the session and of some pauses of a usual
speaker (the conjugate priors of an exponential and of a Poisson distribution).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from engine.contract import UNKNOWN
from engine.settings import Turns
from engine.wording import words_of

MEAN_S, PAUSES = 0.15, 4
"""A usual speaker's pauses within an utterance, as far as they outlast the floor: their mean, and how many of the
speaker's own weigh as much as it does."""
ODDS, TURNS = 0.25, 4
"""How many of these there are in an utterance, and how many of the speaker's own turns weigh as much."""
SUREST = 0.95
"""No cue is surer than this, whatever it says."""
FULL, OPEN, BEGUN = 0.95, 0.7, 0.05
"""How likely the end is where the words are an expected phrase, are one that another one begins with, or only begin
one."""
LEFT_OPEN = 0.1
"""And where the last word wants another one."""
SHORT_S, SHORTEST_S = 1.5, 0.5
"""After less speech than SHORT_S a pause is the less likely the end, the less was said: the odds are those of ending in
this moment against pausing in it, and so grow as the hazard of the length of utterances does. With lengths that are
log-normal around 2 s, but for one word in ten utterances, that is nearly linear between these two."""

WANTS_MORE = {
    "de": "der die das den dem ein eine einen einem einer und oder aber weil dass wenn mein dein äh ähm hm",
    "en": "a an the and or but because if of than my your our their its um uh uhm er erm hmm",
    "es": "el la los las un una y o pero porque que si de del mi tu su eh em este",
    "fr": "le la les un une des et ou mais que si de du mon ma mes ton ta son sa euh hum",
}
"""Words that hardly ever end an utterance, fillers among them, by language."""


@dataclass(frozen=True, slots=True)
class Cues:
    """What is known of the speech before a pause. What is missing counts neither way."""

    text: str = ""
    """The words so far."""
    confidence: float = 1.0
    """How far they are to be believed, 0 to 1."""
    words: float = UNKNOWN
    """How likely they end here, by the recogniser (`engine.contract.Heard.complete`)."""
    sound: float = UNKNOWN
    """How likely it sounds finished, by the ending stage (`engine.messages.EndingJudged.complete`)."""
    spoken_s: float = 0.0
    """From the beginning of the speech to the pause; 0: unknown."""


class Endpointer:
    """Decides waits and learns the speaker's pauses.

    settings: floor, ceiling and patience. language: that of the words. expected: what people are expected to say.
    """

    def __init__(self, settings: Turns, language: str, expected: Sequence[str]) -> None:
        self.reload(settings, language, expected)
        self.forget()

    def reload(self, settings: Turns, language: str, expected: Sequence[str]) -> None:
        """New settings count from now on."""
        self._floor_ms, self._ceiling_ms = settings.end_of_speech_floor_ms, settings.end_of_speech_ceiling_ms
        self._patience_s = settings.patience_s
        self._wants_more = frozenset(WANTS_MORE.get(language.partition("-")[0], "").split())
        phrases = {tuple(words_of(phrase)) for phrase in expected}
        self._begun = {phrase[:end] for phrase in phrases for end in range(1, len(phrase))}
        self._full = phrases

    def forget(self) -> None:
        """The next speaker is another one."""
        self._turns = self._pauses = 0
        self._paused_s = 0.0

    def wait_ms(self, cues: Cues) -> int:
        """How long the pause has to last, from its beginning. To be asked again whenever a cue is known better."""
        mean_s = (MEAN_S * PAUSES + self._paused_s) / (PAUSES + self._pauses)
        odds = (ODDS * TURNS + self._pauses) / (TURNS + self._turns)
        nats = log(odds * self._patience_s / mean_s) - self._evidence(cues)
        return round(min(self._floor_ms + max(0.0, mean_s * nats * 1000), self._ceiling_ms))

    def resumed(self, pause_ms: float) -> None:
        """The user went on after a pause of so long: it was none of the end. What is longer than the ceiling counts as
        that: nobody would be waited for so long."""
        if pause_ms > self._floor_ms:
            self._pauses += 1
            self._paused_s += (min(pause_ms, self._ceiling_ms) - self._floor_ms) / 1000

    def finished(self) -> None:
        """The user had finished: a turn of theirs is over."""
        self._turns += 1

    def _evidence(self, cues: Cues) -> float:
        """How much more likely the end is than by the pause alone: logarithm of the odds, in nats."""
        trust = min(max(cues.confidence, 0.0), 1.0)
        said = trust * _nats(self._by_words(cues))
        length = log(min(max(cues.spoken_s, SHORTEST_S), SHORT_S) / SHORT_S) if cues.spoken_s else 0.0
        return said + _nats(cues.sound) + length

    def _by_words(self, cues: Cues) -> float:
        """How likely the words end here: by the most particular thing that is known of them."""
        words = tuple(words_of(cues.text))
        if not words:
            return UNKNOWN
        if words in self._full:
            return OPEN if words in self._begun else FULL
        if words in self._begun:
            return BEGUN
        if words[-1] in self._wants_more:
            return LEFT_OPEN if cues.words == UNKNOWN else min(LEFT_OPEN, cues.words)
        return cues.words


def _nats(probability: float) -> float:
    """The logarithm of a probability's odds; 0 where it is unknown."""
    if probability < 0:
        return 0.0
    sure = min(max(probability, 1 - SUREST), SUREST)
    return log(sure / (1 - sure))
