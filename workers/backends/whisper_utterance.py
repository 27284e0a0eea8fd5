"""One utterance that Whisper hears in passes: what of it is known, and when another pass is worth its while."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.contract import Heard, Pcm, Tag
from workers.backends import agreement
from workers.backends.log_mel import LogMel
from workers.backends.whisper_model import Hypothesis

CUT_FROM, CUT_TO = 1500, 2500
"""Longer sound is cut where it is quietest between these frames, and heard in parts: Whisper hears 30 s at a time."""
PAUSE = 20
"""Frames that have to be quiet together where it is cut: 0.2 s."""
ROOM = 4500
"""Frames there is room for: what comes while a part is heard."""
NOTHING = Hypothesis("", 0.0)


@dataclass(slots=True)
class Utterance:
    """Samples are counted from its beginning."""

    tag: Tag
    language: str
    prompt: list[int]
    sound: LogMel
    """All of it, but for parts that are final."""
    fed: list[Pcm] = field(default_factory=list)
    """Sound that is not taken in yet."""
    samples: int = 0
    """Taken in."""
    end: int = 0
    """Where the voice has paused; 0: nowhere."""
    finished: bool = False
    cut: int | None = None
    """The frame before which the next pass is final."""
    asked: int = 0
    """The samples that the newest pass was over."""
    known: int = 0
    """The samples that `last` is about."""
    last: Hypothesis | None = None
    parts: list[Hypothesis] = field(default_factory=list)
    """What was cut off."""
    gone: int = 0
    """Its samples."""
    told: tuple[str, int] = ("", 0)

    def take_in(self) -> None:
        """Make features of what was fed. ValueError: more of it waits for passes than there is room for."""
        for pcm in self.fed:
            self.sound.add(pcm)
            self.samples += len(pcm)
        self.fed.clear()
        self._cut_if_long()

    def _cut_if_long(self) -> None:
        if self.cut is None and self.sound.frames > CUT_TO:
            self.cut = self.sound.quietest(CUT_FROM, CUT_TO, PAUSE)

    @property
    def _said_upto(self) -> int:
        """The sample after which there is silence alone, as far as is known."""
        return min(self.end, self.samples) if self.end else self.samples

    def pause(self, end: int) -> list[Heard]:
        """The voice has paused, or goes on (0): what is to be told of that, because a pass has covered it already."""
        self.end = end
        return self._news(self.last.text, self.known) if self.last is not None and 0 < end <= self.known else []

    def is_waited_for_beyond(self, upto: int) -> bool:
        """What is waited for takes more than a pass over the samples before `upto`."""
        return upto < self._said_upto if self.finished else upto < self.end <= self.samples

    @property
    def is_heard(self) -> bool:
        """It is finished, and no pass would add anything."""
        return self.finished and not self.fed and self.cut is None and self.known >= self._said_upto

    def wants_pass(self, enough: int) -> bool:
        """A pass, now, would tell something. enough: new samples that are worth one while somebody speaks."""
        if self.cut is not None:
            return True
        if self.finished:
            return self.known < self._said_upto
        if self.end:
            return self.known < self.end <= self.samples
        return self.samples - self.asked >= enough

    def learn(self, found: Hypothesis, upto: int, cut: int | None) -> list[Heard]:
        """What a pass over the samples before `upto` has found, and what is to be told of it."""
        before, last = self.last, self.known
        if cut is not None:
            self.parts.append(found)
            self.sound.drop(cut)
            self.gone, self.last, self.cut = upto, None, None
            self._cut_if_long()
            return []
        self.last, self.known = found, upto
        if self.is_heard:
            return []  # the final text says it
        if self.end and upto >= self.end:
            return self._news(found.text, upto)
        if before is None:
            return []
        pieces, earlier = (agreement.units(each.text, self.language) for each in (found, before))
        same = agreement.agreed(earlier, pieces)
        if same == len(pieces) == len(earlier):
            return self._news(found.text, upto)
        # Where the words that both have end, nobody says: about there, if they were spoken evenly.
        covered = self.gone + (last - self.gone) * same // max(1, len(earlier))
        return self._news(agreement.join(pieces[:same], self.language), covered)

    def _news(self, text: str, upto: int) -> list[Heard]:
        text = self._whole(text)
        if not text or (text == self.told[0] and upto <= self.told[1]):
            return []
        self.told = text, upto
        return [self._heard(text, upto, final=False)]

    def final(self) -> Heard:
        """The final text, once it is heard."""
        return self._heard(self._whole((self.last or NOTHING).text), self.samples, final=True)

    def _whole(self, text: str) -> str:
        texts = [each.text for each in self.parts] + [text]
        return agreement.join([each for each in texts if each], self.language)

    def _heard(self, text: str, upto: int, final: bool) -> Heard:
        sure = min((each.confidence for each in (*self.parts, self.last) if each and each.text), default=0.0)
        return Heard(self.tag, text, sure, self.language, final, upto)
