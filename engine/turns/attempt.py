"""One try at answering a turn: its words on their way from the language model through the voice to the loudspeaker.

A turn may need several: an answer is begun before it is certain that the user has finished, or what they say, and
whatever was begun on other words than the final ones is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from engine import audible
from engine import messages as m
from engine.clauses import Clauser
from engine.contract import Tag
from engine.turns.words import Words


@dataclass(slots=True)
class Marks:
    """When a stage began its part, gave its first result and its last: CLOCK_MONOTONIC, or None where it did not.
    What that means for each stage stands at `engine.story.Times`."""

    began: int | None = None
    first: int | None = None
    ended: int | None = None

    @classmethod
    def of(cls, message: m.Text | m.PiecesEnded | m.VoiceEnded) -> Marks:
        """As the stage told them itself."""
        return cls(message.began_ns or None, message.first_ns or None, message.ended_ns or None)


@dataclass(slots=True)
class Attempt:
    """Everything known of it. `words` of its sound are filled in as they are voiced."""

    tag: Tag
    words: Words
    confirmed: bool = True
    """It may be heard. Until then nobody hears of it: no sound, no event, no history, and no deadline runs."""
    asked: str | None = None
    """What it answers; None while nobody was asked."""
    asked_ns: int = 0
    """When somebody was, or when it was confirmed: from then on its deadlines run."""
    pieces: int = 0
    """How many pieces of the answer there are."""
    calls: list[m.CallTool] = field(default_factory=list)
    """What it wants the host to do, and was not done yet."""
    failed: str = ""
    """Why nothing more will come of it, where that was not told because it was not confirmed."""
    clauser: Clauser = field(default_factory=Clauser)
    clauses: list[str] = field(default_factory=list)
    ended: bool = False
    """No more clauses will come."""
    answerer: Literal["llm", "floor"] = "llm"
    """Who makes it."""
    asked_floor: bool = False
    """The floor was asked, too, since the language model is late."""
    voice: int = audible.VOCODER
    """Who speaks what is not voiced yet: the voice, or the floor."""
    voice_failed: bool = False
    """Nothing more will come of that one."""
    begun: int = 0
    """Clauses of which the first sound is in a speaker ring."""
    voiced: int = 0
    """Clauses whose sound is in a speaker ring."""
    owed_ns: int = 0
    """Since when a voice has had nothing to do but the first clause that is not voiced."""
    dry: int | None = None
    """The samples after which the loudspeaker had no sound of it; None if it always had."""
    stumbles: int = 0
    """How often it had none in the middle of a clause: its voice makes it more slowly than it is heard."""
    began_ns: int = 0
    """When the first sample of it is heard; 0 while that is not known."""
    ended_ns: int = 0
    """When the last one is."""
    held: bool = False
    """It is silent where it stands, until it is known whether somebody interrupts it."""
    played: int = 0
    """Samples of it that were played when it was last looked at."""
    stages: dict[str, Marks] = field(default_factory=dict)
    """What the language model, the voice and the loudspeaker did for it."""

    @property
    def next_tag(self) -> Tag:
        """The tag that makes everything under way for this attempt stale."""
        return Tag(self.tag.session, self.tag.turn, self.tag.attempt + 1)

    @property
    def is_voiced(self) -> bool:
        """The whole answer's sound is in the speaker ring."""
        return self.ended and self.voiced == len(self.clauses)

    @property
    def misses_sound(self) -> bool:
        """There are clauses, or there is an end, that a voice owes."""
        return bool(self.clauses) and (self.ended or self.voiced < len(self.clauses))

    def floor_owes_sound(self, played: int) -> bool:
        """The floor is to speak, and the loudspeaker has no sound of it. played: as `Present.played`."""
        silent = not self.begun or self.dry == played
        return self.voice == audible.FLOOR and self.misses_sound and silent

    def cut_clause(self, played: int) -> None:
        """After so many samples another voice goes on: of the clause that was being said then, what has been heard by
        its length is a clause of its own."""
        samples = played - self.words.samples
        if samples <= 0 or self.voiced == len(self.clauses):
            return
        said, rest = self.words.part(self.clauses[self.voiced], samples)
        self.words.add(said, samples)
        self.clauses[self.voiced : self.voiced + 1] = [each for each in (said, rest) if each]
        self.voiced += bool(said)

    @property
    def text(self) -> str:
        """The words that were given to the voice."""
        return " ".join(" ".join(self.clauses).split())
