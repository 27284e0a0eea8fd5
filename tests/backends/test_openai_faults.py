"""Language models behind HTTP: the faults of a server, one by one, and who answers meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from engine.contract import Ended, Job, Tag, Token
from tests.backends import scripted_server as scripts
from tests.backends.openai_desk import FALLBACK, LOCAL, QUICK, TAG, Loaded, nowhere
from tests.backends.scripted_server import Connection, ScriptedServer
from tests.models.llama import SAID
from workers.backends import openai_http

BEFORE = {
    scripts.fails: "it answers 500 Internal Server Error",
    scripts.refuses: "it answers 400 Bad Request",
    scripts.forbidden: "it answers 401 Unauthorized",
    scripts.garbage: "it sends what is no chunk of an answer",
    scripts.no_http: "",
    scripts.no_stream: "it answers with text/html instead of a stream of events",
    scripts.error_in_stream: "it failed in the middle of an answer",
    scripts.cut_off_early: "",
    scripts.silent: "it does not answer in time",
    scripts.pings: "it does not answer in time",
    scripts.drips: "it does not answer in time",
    scripts.deep: "it sends what is no chunk of an answer",
    scripts.no_line: "",  # too long, or not in time
}
AFTER = {scripts.cut_off: "", scripts.waits: "it does not answer in time"}
"""Those that have said something before they fail."""


@pytest.mark.parametrize(
    ("script", "says"), {**BEFORE, **AFTER}.items(), ids=lambda each: getattr(each, "__name__", "")
)
def test_a_fault_of_the_server_ends_that_answer_and_the_next_one_is_whole(
    script: Callable[[Connection], None], says: str, loaded: Loaded, server: ScriptedServer
) -> None:
    driver = loaded(*QUICK)
    server.script = script
    driver.backend.begin(Job(TAG, text="where is the lift"))
    driver.until_ended(TAG)
    end = driver.events[-1]
    assert isinstance(end, Ended)
    assert (end.reason, driver.text(TAG)) == ("failed", "Ask" if script in AFTER else "")
    assert says in end.text
    assert end.text.startswith(f"the server {server.url}: ")
    assert "lift" not in end.text  # it goes to a journal
    server.script = scripts.good
    assert driver.ask("hello", Tag(1, 1, 2)) == SAID


@pytest.mark.parametrize("script", BEFORE, ids=lambda each: each.__name__)
def test_what_the_server_has_not_begun_to_answer_the_fallback_answers(
    script: Callable[[Connection], None], loaded: Loaded, server: ScriptedServer
) -> None:
    driver = loaded(*QUICK, FALLBACK)
    server.script = script
    assert driver.ask("where is the lift", TAG) == LOCAL
    remarks = " ".join(driver.backend.remarks)
    assert ("phrasebook answers meanwhile" in remarks) is (script is not scripts.refuses)
    assert "lift" not in remarks


@pytest.mark.parametrize("script", AFTER, ids=lambda each: each.__name__)
def test_an_answer_that_has_begun_is_not_begun_again_by_another(
    script: Callable[[Connection], None], loaded: Loaded, server: ScriptedServer
) -> None:
    driver = loaded(*QUICK, FALLBACK)
    server.script = script
    driver.backend.begin(Job(TAG, text="hello"))
    driver.until_ended(TAG)
    assert (driver.text(TAG), driver.ends(TAG)) == ("Ask", ["failed"])
    assert driver.ask("hello", Tag(1, 1, 2)) == LOCAL


def test_a_server_that_is_missing_at_the_start_is_a_remark_where_there_is_a_fallback(loaded: Loaded) -> None:
    driver = loaded(FALLBACK, url=nowhere())
    (remark,) = driver.backend.remarks
    assert "Connection refused; phrasebook answers meanwhile" in remark.replace("[Errno 111] ", "")
    assert driver.ask("hello", TAG) == LOCAL


def test_a_server_that_is_back_is_asked_again_and_no_visitor_waited_for_it(
    loaded: Loaded, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_http, "RETRY_S", 0.01)
    driver = loaded(*QUICK, FALLBACK)
    server.script, server.warm = scripts.fails, scripts.fails
    assert driver.ask("hello", TAG) == LOCAL
    asked = len(server.questions)
    assert driver.ask("hello", Tag(1, 1, 2)) == LOCAL
    assert len(server.questions) == asked
    server.script, server.warm = scripts.good, None
    limit = threading.Event()
    while driver.backend.remarks:
        assert not limit.wait(0.01)
    assert driver.ask("hello", Tag(1, 1, 3)) == SAID


def test_a_fallback_that_is_cancelled_ends_so(loaded: Loaded) -> None:
    driver = loaded(FALLBACK, url=nowhere())
    driver.backend.begin(Job(TAG, text="hello"))
    driver.until(lambda: any(isinstance(event, Token) for event in driver.events), "a word")
    driver.backend.cancel(TAG)
    driver.until_ended(TAG)
    assert driver.ends(TAG) == ["cancelled"]


def test_halves_of_a_character_are_put_together_and_what_stays_half_is_none(
    loaded: Loaded, server: ScriptedServer
) -> None:
    driver = loaded()
    server.script = scripts.in_halves
    assert driver.ask("hello", TAG) == "Hi \N{GRINNING FACE}! \ufffd?"
