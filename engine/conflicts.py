"""Settings that are good alone and not together: what the limits of one field cannot say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Conflict:
    """Settings that do not go together, and what would mend it."""

    keys: tuple[str, ...]
    what: str
    remedy: str = "change one of them"


def conflicts(settings: Settings) -> Iterator[Conflict]:
    """Settings that are good alone and not together."""
    ladders = (
        ("asr", settings.asr),
        ("ending", settings.ending),
        ("llm", settings.llm),
        ("vocoder", settings.vocoder),
    )
    leased = settings.lease.stages if settings.lease.mode != "off" else ()
    waiting = sorted((section.hard_limit_s, stage) for stage, section in ladders if stage in leased)
    checks = (
        (
            settings.vad.release < settings.vad.threshold,
            Conflict(("vad.release", "vad.threshold"), "vad.release must be below vad.threshold"),
        ),
        (
            settings.llm.first_token_budget_ms <= settings.llm.first_clause_budget_ms,
            Conflict(
                ("llm.first_token_budget_ms", "llm.first_clause_budget_ms"),
                "the first token must not have more time than the first clause",
            ),
        ),
        (
            settings.llm.first_clause_budget_ms + settings.vocoder.first_audio_budget_ms
            <= settings.turns.response_budget_ms,
            Conflict(
                ("llm.first_clause_budget_ms", "vocoder.first_audio_budget_ms", "turns.response_budget_ms"),
                "the answer's first clause and its sound must fit into turns.response_budget_ms",
                "give the whole turn more time, or them less",
            ),
        ),
        (
            settings.turns.response_budget_ms <= settings.turns.hard_limit_s * 1000,
            Conflict(
                ("turns.response_budget_ms", "turns.hard_limit_s"),
                "turns.response_budget_ms must not be longer than turns.hard_limit_s",
            ),
        ),
        (
            settings.turns.end_of_speech_floor_ms <= settings.turns.end_of_speech_ceiling_ms,
            Conflict(
                ("turns.end_of_speech_floor_ms", "turns.end_of_speech_ceiling_ms"),
                "turns.end_of_speech_floor_ms must not be longer than turns.end_of_speech_ceiling_ms",
            ),
        ),
        (
            settings.turns.max_utterance_s + settings.vad.preroll_ms / 1000 < settings.audio.history_s,
            Conflict(
                ("turns.max_utterance_s", "vad.preroll_ms", "audio.history_s"),
                "the longest utterance with its preroll must fit into audio.history_s",
            ),
        ),
        (
            len(settings.audio.virtual.unplug_s) % 2 == 0,
            Conflict(
                ("audio.virtual.unplug_s",),
                f"audio.virtual.unplug_s must be pairs, not {len(settings.audio.virtual.unplug_s)} numbers",
                "write for each time when and for how long, in seconds: [10.0, 2.5, 60.0, 1.0]",
            ),
        ),
        (
            not settings.audio.virtual.echo or settings.audio.virtual.faultless,
            Conflict(
                ("audio.virtual.echo",),
                "audio.virtual.echo does not go together with the faults of the virtual sound card",
                "take away one or the other",
            ),
        ),
        *(
            (
                len({rung.name for rung in section.rungs}) == len(section.rungs),
                Conflict((f"{stage}.rungs",), f"two rungs in {stage}.rungs have one name", "give each its own"),
            )
            for stage, section in ladders
        ),
        *(
            (
                settings.lease.longest_ms < limit_s * 1000,
                Conflict(
                    ("lease.longest_ms", f"{stage}.hard_limit_s"),
                    f"lease.longest_ms must be shorter than {stage}.hard_limit_s, or who waits is taken for hanging",
                ),
            )
            for limit_s, stage in waiting[:1]
        ),
        (
            len({tool.name for tool in settings.tools}) == len(settings.tools),
            Conflict(("tools",), "two tools have one name", "give each its own"),
        ),
        (
            not settings.log.audio or bool(settings.log.turns),
            Conflict(("log.audio", "log.turns"), "log.audio needs log.turns, beside which the sound is put"),
        ),
        (
            settings.language in settings.phrases,
            Conflict(
                ("language",),
                f'language "{settings.language}" has no phrases',
                f"add [phrases.{settings.language}] or choose from {', '.join(settings.phrases)}",
            ),
        ),
    )
    return (conflict for good, conflict in checks if not good)
