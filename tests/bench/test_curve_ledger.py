"""What the curve keeps of its conversations, so that it can be measured in parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from talkbench.curve import Ledger
from talkbench.rivals import Outcome
from talkbench.tracks import Track


def outcome(ms: float) -> Outcome:
    return Outcome([{"response_ms": ms}], {"utterances": 1, "cut_ins": 0, "misses": 0}, [ms], Path("x.wav"), 0, right=1)


def track(stem: str) -> Track:
    return Track(Path(f"{stem}.wav"), {})


def never(_track: Track) -> Outcome:
    raise AssertionError("it was measured again")


def test_a_conversation_that_is_kept_is_not_held_again_but_one_on_another_track_is(tmp_path: Path) -> None:
    kept = tmp_path / "curve.jsonl"
    first = Ledger(kept).of("engine patience-0.6", lambda _: outcome(100), track("session1_gain-6_0"))
    again = Ledger(kept)
    found = again.of("engine patience-0.6", never, track("session1_gain-6_7"))  # the same track, built anew
    assert (found.rows, found.responses, found.right) == (first.rows, [100], 1)
    assert again.states
    with pytest.raises(AssertionError, match="again"):
        again.of("engine patience-0.6", never, track("session2_gain3_1"))
    with pytest.raises(AssertionError, match="again"):
        again.of("pipecat stop-0.1", never, track("session1_gain-6_0"))


def test_a_line_that_was_cut_off_spoils_none_before_or_after_it(tmp_path: Path) -> None:
    kept = tmp_path / "curve.jsonl"
    Ledger(kept).of("a b", lambda _: outcome(100), track("session1_0"))
    kept.write_text(kept.read_text() + kept.read_text()[:30])
    Ledger(kept).of("a c", lambda _: outcome(200), track("session1_0"))
    both = Ledger(kept)
    assert both.of("a b", never, track("session1_0")).responses == [100]
    assert both.of("a c", never, track("session1_0")).responses == [200]


def test_a_file_of_something_else_is_not_taken_for_conversations(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"tables": {}}\n{}\n')
    with pytest.raises(SystemExit, match="line 1: this is no outcome"):
        Ledger(other)
