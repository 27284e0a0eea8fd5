"""`engine models pull`, against a hub on loopback."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from tests.desk import FILES, LARGE, OFFLINE, PIECE, REPO, Desk, sha256, without
from tests.hub import TOKEN

NO_CLIENT = (
    "import sys; sys.modules['huggingface_hub'] = None; from engine.main import main; sys.exit(main(sys.argv[1:]))"
)


# All is well.


def test_model_is_fetched_checked_locked_and_put_into_its_place(desk: Desk) -> None:
    said = desk("pull", "tiny")
    made = desk.hub.repos[REPO].branches["main"]
    assert desk.content == without()
    assert (desk.lock["repo"], desk.lock["revision"]) == (REPO, made)
    expected = [{"name": name, "size": len(content), "sha256": sha256(content)} for name, content in without().items()]
    assert desk.lock["files"] == expected
    assert f"tiny: 3 files, 0 MB, 0 MB downloaded, {made}" in said
    assert "3 of its hashes were not known before" in said
    assert "MIT (https://spdx.org/licenses/MIT.html)" in said
    assert "ok      tiny: 3 files" in desk("verify")
    assert sorted(path.name for path in desk.place.parent.iterdir()) == [".lock", ".pull", "models.lock.toml", "tiny"]
    assert list((desk.place.parent / ".pull").iterdir()) == []


def test_what_is_there_and_right_is_not_fetched_again_and_the_hub_not_asked(desk: Desk) -> None:
    desk("pull", "tiny")
    desk.hub.asked.clear()
    assert "all of it was here" in desk("pull", "tiny")
    assert desk.hub.asked == []


def test_progress_is_shown_on_a_terminal_alone(desk: Desk) -> None:
    ours, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 25, 100, 0, 0))
    command = [sys.executable, "-m", "engine", *desk.command("pull", "tiny")]
    subprocess.run(command, env=desk.environ(), stdout=subprocess.DEVNULL, stderr=terminal, check=True)
    os.close(terminal)
    assert b"model.bin: 100%" in os.read(ours, 1 << 16)


def test_revision_and_hashes_of_the_manifest_count(desk: Desk) -> None:
    first = desk.hub.repos[REPO].branches["main"]
    desk.hub.add(REPO, {**FILES, "model.bin": LARGE[::-1]})
    desk.model["revision"] = first
    desk.knows("model.bin", "config.json", "voices/one.bin")
    assert "hashes" not in desk("pull", "tiny")
    assert desk.content["model.bin"] == LARGE
    assert desk.lock["revision"] == first


def test_branch_that_moves_is_followed_only_when_asked(desk: Desk) -> None:
    desk("pull", "tiny")
    first = desk.lock["revision"]
    second = desk.hub.add(REPO, {**FILES, "model.bin": LARGE[::-1]})
    desk("pull", "tiny")
    assert (desk.lock["revision"], desk.content["model.bin"]) == (first, LARGE)
    desk("pull", "tiny", "--update")
    assert (desk.lock["revision"], desk.content["model.bin"]) == (second, LARGE[::-1])
    assert len(desk.hub.fetched("voices/one.bin")) == 1  # the same as before, and here


def test_manifest_that_wants_more_files_than_before_gets_them(desk: Desk) -> None:
    desk.model["files"] = ["model.bin"]
    desk("pull", "tiny")
    del desk.model["files"]
    desk("pull", "tiny")
    assert desk.content == without()
    assert len(desk.hub.fetched("model.bin")) == 1


def test_branch_of_its_own_is_used(desk: Desk) -> None:
    made = desk.hub.add(REPO, {**FILES, "model.bin": LARGE[:5000]}, branch="4.0bpw")
    desk.model["branch"] = "4.0bpw"
    desk("pull", "tiny")
    assert (desk.lock["revision"], len(desk.content["model.bin"])) == (made, 5000)


def test_models_that_the_settings_name_are_pulled_without_naming_them(desk: Desk) -> None:
    said = desk("pull", "--set", "asr.pocketsphinx.model=models:tiny")
    assert said.startswith("tiny: someone/tiny, MIT")
    assert "model.bin" in desk.content


# The line is cut.


@pytest.fixture
def long(desk: Desk) -> bytes:
    """A file that comes in several of the pieces that the client writes at once; the content of model.bin now."""
    content = LARGE * (5 * PIECE // 2 // len(LARGE))
    desk.hub.add(REPO, {"model.bin": content})
    desk.model["files"] = ["model.bin"]
    return content


def killed_on_the_way(desk: Desk) -> None:
    """A pull that ended by kill, after the first piece of model.bin was written."""
    desk.hub.stall["model.bin"] = 3 * PIECE // 2
    process = desk.start("pull", "tiny")
    limit = time.monotonic() + 30
    while not any(path.stat().st_size == PIECE for path in desk.folder.rglob("model.bin.*.part")):
        assert time.monotonic() < limit
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not desk.place.exists()


def test_download_that_is_cut_off_goes_on_where_it_was(desk: Desk, long: bytes) -> None:
    desk.hub.cut["model.bin"] = 3 * PIECE // 2
    desk("pull", "tiny")
    assert desk.content == {"model.bin": long}
    assert [one.range for one in desk.hub.fetched("model.bin")] == ["", f"bytes={PIECE}-"]


def test_download_of_a_process_that_was_killed_goes_on_where_it_was(desk: Desk, long: bytes) -> None:
    killed_on_the_way(desk)
    desk("pull", "tiny")
    assert desk.content == {"model.bin": long}
    assert [one.range for one in desk.hub.fetched("model.bin")] == ["", f"bytes={PIECE}-"]


def test_what_came_before_is_not_mixed_with_other_content(desk: Desk, long: bytes) -> None:
    killed_on_the_way(desk)
    desk.hub.add(REPO, {"model.bin": long[::-1]})
    desk("pull", "tiny")
    assert desk.content == {"model.bin": long[::-1]}
    assert [one.range for one in desk.hub.fetched("model.bin")] == ["", ""]


def test_what_came_before_and_is_too_long_is_thrown_away(desk: Desk) -> None:
    part = desk.place.parent / ".pull" / "tiny" / f"model.bin.{sha256(LARGE)[:12]}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(LARGE + b"more")
    desk("pull", "tiny")
    assert desk.content == without()


def test_hub_that_is_not_there_is_told(desk: Desk) -> None:
    line = desk("pull", "tiny", code=6, environ={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert line.startswith("engine: tiny: the download broke off: ")
    assert not desk.place.exists()


# What comes is not what it should be.


@pytest.mark.parametrize("file", ["model.bin", "config.json"])
def test_content_that_the_hub_did_not_tell_of_is_thrown_away(desk: Desk, file: str) -> None:
    desk.hub.spoilt.add(file)
    line = desk("pull", "tiny", code=6)
    assert line.startswith(f"engine: tiny: {file} is not what the hub says: ")
    assert "pull again" in line
    assert not desk.place.exists()
    assert list(desk.folder.rglob(f"{file}*")) == []
    desk.hub.spoilt.clear()
    desk("pull", "tiny")
    assert desk.content == without()


def test_repository_that_has_another_file_than_the_manifest_says_is_refused_before_it_is_fetched(desk: Desk) -> None:
    desk.knows("model.bin")
    desk.hub.add(REPO, {**FILES, "model.bin": LARGE[::-1]})
    line = desk("pull", "tiny", code=6)
    assert "someone/tiny now has another model.bin than the manifest says" in line
    assert desk.hub.fetched() == []


def test_small_file_that_is_not_what_the_manifest_says_is_refused(desk: Desk) -> None:
    desk.knows("config.json")
    desk.hub.add(REPO, {**FILES, "config.json": b"[]"})
    line = desk("pull", "tiny", code=6)
    assert "config.json is not what the manifest says: SHA-256 " in line
    assert not desk.place.exists()


def test_commit_whose_content_changed_since_the_first_pull_is_refused(desk: Desk) -> None:
    desk("pull", "tiny")
    desk.hub.repos[REPO].revisions[desk.lock["revision"]]["model.bin"] = LARGE[::-1]
    (desk.place / "model.bin").unlink()
    line = desk("pull", "tiny", code=6)
    assert "another model.bin than models.lock.toml says" in line


def test_name_that_leads_out_of_the_models_directory_is_refused(desk: Desk) -> None:
    desk.hub.add(REPO, FILES | {"voices/../../../out.bin": LARGE})
    line = desk("pull", "tiny", code=6)
    assert "has a file called 'voices/../../../out.bin', which would lie outside of it" in line
    assert desk.hub.fetched() == []


# The hub refuses.


def test_repository_that_is_not_there_is_told(desk: Desk) -> None:
    desk.model["repo"] = "someone/else"
    line = desk("pull", "tiny", code=6)
    assert line.startswith("engine: tiny: the hub has no someone/else, or keeps it from you; ")
    assert "https://huggingface.co/someone/else" in line


def test_revision_that_is_not_there_is_told(desk: Desk) -> None:
    desk.model["revision"] = "0" * 40
    assert f"someone/tiny has no revision {'0' * 40}" in desk("pull", "tiny", code=6)


def test_file_that_is_not_there_is_told(desk: Desk) -> None:
    desk.model["files"] = ["model.bin", "tokens.txt"]
    assert "has no tokens.txt" in desk("pull", "tiny", code=6)
    assert desk.hub.fetched() == []


def test_gated_model_needs_its_terms_accepted(desk: Desk) -> None:
    desk.hub.repos[REPO].gated = True
    desk.model["gated"] = True
    line = desk("pull", "tiny", code=6)
    assert line == (
        "engine: tiny: someone/tiny is gated: who has accepted its terms gets it; accept the terms at "
        "https://huggingface.co/someone/tiny, then `hf auth login`, or set HF_TOKEN"
    )


def test_token_goes_to_the_hub_and_not_to_whom_it_redirects(desk: Desk) -> None:
    desk.hub.repos[REPO].gated = True
    desk("pull", "tiny", environ={"HF_TOKEN": TOKEN})
    assert desk.content == without()
    told = {(one.host, one.authorization) for one in desk.hub.asked}
    assert told == {("127.0.0.1", f"Bearer {TOKEN}"), ("localhost", "")}


# The disk.


def test_disk_that_is_too_small_is_told_before_anything_is_fetched(desk: Desk) -> None:
    desk.hub.told["model.bin"] = 10**15
    line = desk("pull", "tiny", code=5)
    assert line.startswith("engine: tiny needs 1000000000 MB more, and ")
    assert desk.hub.fetched() == []


def test_disk_that_fills_while_it_is_fetched_is_told_and_what_came_is_kept(desk: Desk) -> None:
    line = desk("pull", "tiny", code=5, wrapper=("prlimit", "--fsize=100000"))  # as far as a file may grow
    assert line == "engine: tiny: File too large; make room; what came is kept, pull again"
    (part,) = desk.folder.rglob("model.bin.*.part")
    assert part.stat().st_size == 100_000
    desk("pull", "tiny")
    assert [one.range for one in desk.hub.fetched("model.bin")] == ["", "bytes=100000-"]


def test_directory_that_cannot_be_written_is_told(desk: Desk) -> None:
    (desk.folder / "models").write_text("a file")
    line = desk("pull", "tiny", code=5)
    assert line.endswith("File exists; set models.directory to one that you may write")


def test_second_pull_at_the_same_time_is_refused(desk: Desk) -> None:
    desk.hub.stall["model.bin"] = 1000
    process = desk.start("pull", "tiny")
    assert desk.hub.stalled.wait(30)
    try:
        assert "another `engine models pull` is at work" in desk("pull", "tiny", code=5)
    finally:
        process.kill()
        process.wait()


# What other programs have fetched, and no network.


def test_cache_of_the_hubs_client_is_used(desk: Desk) -> None:
    made = desk.hub.repos[REPO].branches["main"]
    desk.put_into_cache(made, {"model.bin": LARGE})
    desk("pull", "tiny")
    assert desk.content == without()
    assert desk.hub.fetched("model.bin") == []


def test_content_of_the_cache_is_not_trusted(desk: Desk) -> None:
    made = desk.hub.repos[REPO].branches["main"]
    desk.put_into_cache(made, {"model.bin": LARGE[::-1]})
    desk("pull", "tiny")
    assert desk.content == without()
    assert len(desk.hub.fetched("model.bin")) == 1


def test_offline_takes_what_the_cache_has_and_asks_nobody(desk: Desk) -> None:
    made = desk.hub.repos[REPO].branches["main"]
    desk.model |= {"files": ["model.bin", "config.json"], "revision": made}
    desk.knows("model.bin")
    desk.put_into_cache(made, {"model.bin": LARGE, "config.json": b"{}"})
    desk("pull", "tiny", environ=OFFLINE)
    assert desk.content == without("voices/one.bin")
    assert desk.hub.asked == []


def test_offline_follows_the_branch_that_the_cache_has(desk: Desk) -> None:
    made = desk.hub.repos[REPO].branches["main"]
    desk.model["files"] = ["model.bin"]
    desk.put_into_cache(made, {"model.bin": LARGE}, branch="main")
    desk("pull", "tiny", environ=OFFLINE)
    assert desk.lock["revision"] == made
    assert desk.hub.asked == []


def test_offline_what_a_pattern_means_is_not_guessed(desk: Desk) -> None:
    line = desk("pull", "tiny", code=6, environ=OFFLINE)
    assert "HF_HUB_OFFLINE is set, and which files voices/*.bin are is only known there" in line


def test_offline_without_a_cache_is_told(desk: Desk) -> None:
    desk.model["files"] = ["model.bin", "config.json"]
    line = desk("pull", "tiny", code=6, environ=OFFLINE)
    assert "model.bin is not in the hub's cache, and HF_HUB_OFFLINE is set" in line
    assert desk.hub.asked == []


def test_client_that_is_not_installed_is_told_with_its_extra(desk: Desk) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_CLIENT, *desk.command("pull", "tiny")],
        env=desk.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6
    assert done.stderr.endswith('; pip install "antiphon[models]"\n')
