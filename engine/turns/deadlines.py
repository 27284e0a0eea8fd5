"""When each step of a turn has to be done: all from the turn's one deadline. No clock and no rings in here.

A turn has to be answered `turns.response_budget_ms` after the end of the user's speech. A step may take what the steps
behind it leave of that, by their budgets: what one takes too long the next ones have less, and what it does not need
they have more. Beyond its own budget a step counts as late; at its deadline something else is done instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from engine.config import Config
from engine.turns.turn import MS

LEAST_MS = 40
"""Who is asked has so much time, however late it is: less would be to ask in vain."""

Step = Literal["asr", "token", "clause", "vocoder"]
"""The final text, the first piece of the answer, its first clause, and the first sound of that."""
OWNER: Mapping[Step, str] = {"asr": "asr", "token": "llm", "clause": "llm", "vocoder": "vocoder"}
"""The stage that owes it."""


def deadline_ns(step: Step, whole_ns: int, now_ns: int, config: Config) -> int:
    """When a step that begins at `now_ns` has to be done, in a turn that has to be answered by `whole_ns`."""
    return max(now_ns + LEAST_MS * MS, whole_ns - _behind_ms(step, config) * MS)


def budgets(config: Config) -> dict[str, float]:
    """What each stage may take of a response, in ms. turns: until it has decided that the user has finished, within the
    longest wait and a hop of the VAD. asr: from there to the final text. llm: to the first clause. vocoder: from that
    to its first sound. audio: until that is heard. response: all of it."""
    return {
        "turns": float(config.turns.end_of_speech_ceiling_ms + config.vad.hop_budget_ms),
        "asr": float(config.asr.final_budget_ms),
        "llm": float(config.llm.first_clause_budget_ms),
        "vocoder": float(config.vocoder.first_audio_budget_ms),
        "audio": float(_loudspeaker_ms(config)),
        "response": float(config.turns.response_budget_ms),
    }


def _loudspeaker_ms(config: Config) -> int:
    """What lies ready for it, and the block that comes then."""
    audio = config.audio
    return (audio.queued_blocks * audio.block_ms if audio.is_virtual else audio.device_ms) + audio.block_ms


def _behind_ms(step: Step, config: Config) -> int:
    """What the steps behind this one need, by their budgets, and at last the loudspeaker: what lies ready for it."""
    llm = config.llm
    behind = {"vocoder": _loudspeaker_ms(config)}
    behind["clause"] = behind["vocoder"] + config.vocoder.first_audio_budget_ms
    behind["token"] = behind["clause"] + llm.first_clause_budget_ms - llm.first_token_budget_ms
    behind["asr"] = behind["clause"] + llm.first_clause_budget_ms
    return behind[step]
