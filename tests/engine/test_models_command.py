"""`engine models` that asks nobody: verify, list, licences, and names that are none."""

from __future__ import annotations

import json

import pytest

from tests.desk import LARGE, Desk, without


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("model.bin", LARGE[::-1], "model.bin has another SHA-256"),
        ("model.bin", LARGE[:-1], "model.bin has 299999 bytes, not 300000"),
        ("config.json", None, "config.json is missing"),
    ],
    ids=["changed", "shortened", "missing"],
)
def test_verify_finds_what_changed_and_pull_mends_that_alone(
    desk: Desk, file: str, content: bytes | None, says: str
) -> None:
    desk("pull", "tiny")
    path = desk.place / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert desk("verify", "tiny", code=6) == f"engine: tiny: {says}; engine models pull tiny"
    desk.hub.asked.clear()
    desk("pull", "tiny")
    assert desk.content == without()
    assert len(desk.hub.fetched()) == (1 if file == "model.bin" else 0)
    desk("verify", "tiny")


def test_verify_tells_what_the_manifest_says_otherwise(desk: Desk) -> None:
    desk("pull", "tiny")
    desk.model["known"] = [{"name": "model.bin", "size": 0, "sha256": "0" * 64}]
    assert "model.bin is what was pulled, and not what the manifest says" in desk("verify", code=6)


def test_verify_of_what_was_never_pulled_is_told(desk: Desk) -> None:
    assert "nothing was pulled into" in desk("verify")
    assert "tiny was not pulled into" in desk("verify", "tiny", code=6)
    assert 'there is no model "tine"; did you mean tiny?' in desk("verify", "tine", code=2)


def test_lock_that_is_damaged_is_told(desk: Desk) -> None:
    desk("pull", "tiny")
    (desk.folder / "models" / "models.lock.toml").write_text('[model.tiny]\nrepo = "someone/tiny"\n')
    assert "models.lock.toml is damaged: tiny is not whole" in desk("list", code=6)


def test_list_says_what_is_on_disk_and_the_line_that_uses_it(desk: Desk) -> None:
    desk.model |= {"setting": "asr.pocketsphinx.model", "memory_mb": 70, "languages": ["en"]}
    (row,) = json.loads(desk("list", "tiny", "--json"))
    assert (row["state"], row["size"], row["line"]) == ("absent", 0, 'asr.pocketsphinx.model = "models:tiny"')
    desk("pull", "tiny")
    (row,) = json.loads(desk("list", "tiny", "--json"))
    assert (row["state"], row["size"], row["directory"]) == ("whole", 301_002, str(desk.place))
    (desk.place / "model.bin").unlink()
    said = desk("list")
    assert "incomplete  tiny" in said
    assert "about 70 MB of memory" in said
    assert "smart-turn-v3.2" in said  # the packaged ones, too
    for path in (desk.place.parent / "models.lock.toml",):
        path.unlink()
    assert "unlocked    tiny" in desk("list", "tiny")


def test_licences_say_what_they_ask_for(desk: Desk) -> None:
    desk.model |= {"attribution": "Someone", "gated": True, "licence": "Their own"}
    said = desk("licences", "tiny")
    assert said.splitlines() == [
        "tiny: Their own (https://spdx.org/licenses/MIT.html), read it: its own terms",
        "    attribution: Someone",
        "    to be accepted at https://huggingface.co/someone/tiny before it can be pulled",
    ]
    (row,) = json.loads(desk("licences", "tiny", "--json"))
    assert (row["licence"], row["gated"], row["here"]) == ("Their own", True, False)


def test_what_is_named_must_be_a_model(desk: Desk) -> None:
    assert 'there is no model "tinny"; did you mean tiny?' in desk("pull", "tinny", code=2)
    assert "the settings name no model" in desk("pull", code=2)
