"""Visitors of a whole engine: one comes, is answered and leaves, and nothing of them is left; words come as they are
played."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.conftest import Start
from tests.engine_run import RATE, recorded
from tests.visit import Visit
from workers.backends.sound import AUDIBLE

NEAR = RATE * 60 // 1000
"""Words and sound may lie so far apart."""


def test_a_visitor_who_left_is_gone_the_next_is_another_session_and_a_restarted_turns_process_knows_that(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    visit = Visit(start, tmp_path, "--config", str(short_answers))
    assert visit.until("session", state="began")["session"] == 1
    visit.until("answer.ended")
    assert (np.abs(visit.mic(RATE, 3 * RATE)) > AUDIBLE).sum() > RATE
    assert visit.client.ask({"command": "session.end"})["ok"]
    visit.engine.until(lambda: visit.engine.get("turns.session") == 2, "the session had ended")
    upto = visit.engine.get("audio.forget_upto")
    assert upto >= 3 * RATE
    visit.engine.until(lambda: not visit.mic(0, upto).any(), "the sound was scrubbed")

    def asked() -> tuple[int, int, str]:
        visit.client.send({"command": "ask", "text": "what time does the museum close"})
        ended = visit.until("answer.ended")
        return ended["session"], ended["turn"], ended["outcome"]

    assert asked() == (2, 1, "answered")
    visit.engine.kill("turns")
    visit.engine.until_restarted("turns", 1)
    assert asked() == (2, 2, "answered")  # the same visitor, and the next number
    visit.client.send({"command": "session.end"})
    visit.until("session", state="ended", session=2)
    assert asked() == (3, 1, "answered")
    visit.end()


def test_words_are_told_with_the_time_at_which_they_come_and_silence_ends_a_session(
    start: Start, tmp_path: Path, short_answers: Path
) -> None:
    options = ("--config", str(short_answers), "--set", "turns.session_end_s=0.5")
    visit = Visit(start, tmp_path, *options, "--output", str(tmp_path / "o.wav"))
    ended = visit.until("answer.ended")
    left = visit.until("session", state="ended")
    assert (left["reason"], left["session"]) == ("silence", 1)
    assert left["mono_ns"] >= ended["mono_ns"] + 500_000_000
    visit.client.send({"command": "say", "text": "No, never, nowhere, nobody."})
    began_ns = visit.until("answer.started")["mono_ns"]
    words = [visit.until("answer.word") for _ in range(4)]
    visit.until("answer.ended")
    start_ns = visit.engine.get("audio.start_ns")
    visit.end()

    def sample(at_ns: int) -> int:
        return (at_ns - start_ns) * RATE // 1_000_000_000

    assert [word["text"] for word in words] == ["No,", "never,", "nowhere,", "nobody."]
    played = recorded(tmp_path / "o.wav")[:, 1]
    first = sample(began_ns)
    audible = first - NEAR + np.flatnonzero(np.abs(played[first - NEAR :].astype(int)) > AUDIBLE)
    begins = [audible[0], *audible[1:][np.diff(audible) > RATE * 60 // 1000]]
    for word in words:
        assert min(abs(sample(word["mono_ns"]) - begin) for begin in begins) <= NEAR, word["text"]
