"""The page in a real Chromium: what it shows, what it never shows, and that it finds the engine again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.events import (
    AnswerEnded,
    AnswerWord,
    Error,
    Mute,
    RungChanged,
    SessionChanged,
    StateChanged,
    Tool,
    UserPartial,
)
from tests.browser import Browser
from tests.web.stand import ASR, NUMBERS, Stand, record

pytestmark = pytest.mark.xdist_group("chromium")  # one browser for all of them
QUESTION, ANSWER = "where is the <b>cafe</b>", "Behind the <i>shop</i> & the stairs."


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium")) as made:
        yield made


def shown(browser: Browser, stand: Stand) -> None:
    """The page, once it follows the engine, and without complaints from before."""
    browser.complaints()
    browser.open(stand.url)
    browser.until(lambda: browser.text("#state") == "Listening", "the state")


def test_it_shows_states_words_and_where_the_time_went(browser: Browser) -> None:
    with Stand(words=True) as stand:
        shown(browser, stand)
        stand.tell(SessionChanged("began"), 2)
        stand.tell(StateChanged("hearing"), 2, 1)
        stand.tell(UserPartial("where is"), 2, 1)
        browser.until(lambda: browser.text("#state") == "Hearing you", "that somebody speaks")
        browser.until(lambda: browser.text("#exchanges") == "where is", "what they say")
        stand.converse(2, 1, QUESTION, ANSWER)
        browser.until(lambda: "240 ms" in browser.text("#response"), "the response")
        # What is said is text, whatever it holds.
        assert browser.text("#exchanges").split("\n\n") == [QUESTION, ANSWER]
        assert browser.run("return document.querySelectorAll('#exchanges b, #exchanges i').length") == 0
        rows = browser.text("#waterfall").splitlines()
        assert rows == [
            *("Finished? turns", "120 ms", "Words asr", "45 ms", "Answer llm", "10 ms"),
            *("Voice vocoder", "30 ms", "Loudspeaker audio", "35 ms"),
        ]
        assert (
            browser.run("return document.querySelector('#waterfall .took.over').closest('.row').dataset.stage") == "asr"
        )
        assert browser.text("#visitor") == "visitor 2, turn 1"
        stand.converse(2, 2, "and when", "At ten.")
        browser.until(lambda: browser.text("#turns").startswith("Visitor 2, turn 1"), "the turn before")
        announced = record(2, 3, "", "We close.", source="say", response_ms=None)
        stand.tell(AnswerEnded("We close.", "We close.", "answered", "say", announced), 2, 3)
        browser.until(lambda: "We close." in browser.text("#exchanges"), "what the host said")
        assert browser.text("#turn-title") == "The last turn: visitor 2, turn 2"  # that is no answer to anybody
        stand.tell(Tool("2.3.1.1", "order", {"what": "a taxi"}), 2, 3)
        browser.until(lambda: "a taxi" in browser.text("#notes"), "what is done for them")
        stand.tell(SessionChanged("ended", "silence"), 2)
        browser.until(lambda: browser.text("#exchanges") == "", "that their words go with the visitor")
        assert browser.text("#notes").endswith("→ order")
        assert browser.complaints() == []


def test_it_shows_numbers_levels_and_what_else_happens(browser: Browser) -> None:
    with Stand() as stand:
        shown(browser, stand)
        browser.until(
            lambda: browser.run("return document.querySelector('#microphone').ariaValueNow") == "-20", "the level"
        )
        drawn = (
            "return document.querySelector('#wave').getContext('2d').getImageData(0, 0, 4000, 4000).data.some(Boolean)"
        )
        browser.until(lambda: browser.run(drawn), "the waveform")
        browser.until(lambda: "narrow (2 of 3)" in browser.text("#stages"), "the rung")
        assert "25 %" in browser.text("#stages")
        stand.call(stand.hub.tell, RungChanged("asr", 0, 1, "narrow", "the processor is busy"))
        stand.call(stand.hub.tell, Error("llm", "it died", "it is started again"))
        browser.until(lambda: "llm: it died; it is started again" in browser.text("#notes"), "the error")
        assert "asr down to “narrow”: the processor is busy" in browser.text("#notes")
        stand.tell(Mute(True))
        browser.until(lambda: "microphone closed" in browser.text("#devices"), "that it is muted")
        assert browser.complaints() == []


def test_without_leave_words_are_counted_and_are_not_even_sent(browser: Browser) -> None:
    with Stand() as stand:
        shown(browser, stand)
        stand.converse(1, 1, QUESTION, ANSWER)
        browser.until(lambda: "240 ms" in browser.text("#response"), "the response")
        assert browser.text("#exchanges").split("\n\n") == ["4 words", "6 words"]
        assert browser.text("#hint") == "Words are counted here, not shown."
        stand.tell(AnswerWord("secret", 0), 1, 2)
        browser.until(lambda: "1 word" in browser.text("#exchanges"), "a word")
        assert "secret" not in browser.run("return document.documentElement.outerHTML")


def test_it_finds_an_engine_that_was_started_again(browser: Browser) -> None:
    with Stand(words=True) as first:
        shown(browser, first)
        first.converse(1, 1, QUESTION, ANSWER)
        browser.until(lambda: "240 ms" in browser.text("#response"), "the response")
    browser.until(lambda: browser.text("#state").startswith("No engine"), "that the engine is gone")
    # What was last known of it is not told as if it were so now.
    assert browser.run("return getComputedStyle(document.querySelector('#visitor')).visibility") == "hidden"
    with Stand(words=True, port=first.port) as second:
        browser.until(lambda: browser.text("#state") == "Listening", "the new engine")
        browser.until(lambda: browser.text("#exchanges") == "", "that the old conversation is gone")
        browser.run("window.old = true")
    browser.until(lambda: browser.text("#state").startswith("No engine"), "that the engine is gone")
    with Stand(port=second.port, page="of tomorrow"):
        browser.until(lambda: browser.run("return window.old === undefined"), "the page of the newer engine")
        browser.until(lambda: browser.text("#state") == "Listening", "the newer engine")


def test_a_website_cannot_look_in_through_the_browser(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "evil.html").write_text("<title>evil</title>")
    looking = """
        const seen = [];
        const source = new EventSource(arguments[0] + "events");
        source.onmessage = () => seen.push("events");
        return fetch(arguments[0] + "metrics").then((answer) => answer.text()).then(
            (text) => [...seen, text], () => fetch(arguments[0] + "metrics", { mode: "no-cors" }).then(
            (answer) => [...seen, answer.type], () => seen));
    """
    with Stand(words=True) as stand, Stand() as other:
        browser.open(other.url)  # a page from another port is another website; its own policy forbids it as well
        assert browser.run(looking, stand.url) == []
        browser.open((tmp_path / "evil.html").as_uri())
        assert browser.run(looking, stand.url) in ([], ["opaque"])
        browser.open(stand.url.replace("127.0.0.1", "localhost"))  # a name of this machine is good
        browser.until(lambda: browser.text("#state") == "Listening", "the page by its other name")


@pytest.mark.parametrize(
    ("width", "height", "phone", "scheme"),
    [(1920, 1080, False, "dark"), (390, 844, True, "light"), (820, 1180, True, "dark")],
)
def test_it_fits_the_screen(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, width: int, height: int, phone: bool, scheme: str
) -> None:
    """Nothing is wider than it; on a booth's screen nothing is below its edge either."""
    named = {**ASR, "cpu": 0.25, "mb": 61.5, "rung_name": "a-rung-with-a-name-as-long-as-only-a-model-can-have-one"}
    monkeypatch.setitem(NUMBERS, "stages", [{"name": "engine", "cpu": 0.012, "mb": 40.2}, named])
    browser.looks(width, height, phone=phone, prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
    with Stand(words=True) as stand:
        shown(browser, stand)
        for turn in range(1, 12):
            stand.converse(1, turn, "a very long question that goes on and on " * 3, "An answer as long as that. " * 5)
        browser.until(lambda: "Visitor 1, turn 9" in browser.text("#turns"), "the turns")
        size = browser.run("return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size[0] == width
        assert phone or size[1] == height
        ground = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")


def test_what_is_cut_off_fades_also_where_the_window_has_become_smaller(browser: Browser) -> None:
    few = "return document.body.classList.contains('few')"
    browser.looks(1280, 2000)
    with Stand(words=True) as stand:
        shown(browser, stand)
        for turn in range(1, 7):
            stand.converse(1, turn, QUESTION, ANSWER)
        browser.until(lambda: browser.text("#exchanges").count(QUESTION) == 6, "the turns")
        assert browser.run(few)
        browser.looks(1280, 720)
        browser.until(lambda: not browser.run(few), "that the oldest fades")
