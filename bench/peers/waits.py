"""The fixed waits that stand for stages where only what is between them is measured: the engine's and the peers'."""

from __future__ import annotations

WORDS_S = 0.100
"""From the end of speech, or of a piece of it, to its words."""
FIRST_PIECE_S, PIECE_S = 0.150, 0.030
"""To the first word of the answer, and to each one after it."""
SOUND_S = 0.120
"""From a clause to its first sound."""
ANSWER = "This is a short sentence. It is followed by one that is somewhat longer."
FIRST_CLAUSE_PIECES = 5
"""Words of the answer that have to be there before its first clause can be spoken."""
TONE_HZ, TONE, CHARACTER_S = 200, 6000, 0.06
"""The voice is a tone: it is audible from its first sample on."""
