"""Where the page is, and that no website can look in through somebody's browser."""

from __future__ import annotations

import socket

import pytest

from engine.errors import ConfigError, OutputError
from engine.web.access import Access, listen, url

LOCAL = "192.168.1.7"
"""The address that requests come in at."""


def refusal(**headers: str) -> str:
    asked = {name.replace("_", "-").lower().encode(): value.encode() for name, value in headers.items()}
    return Access(("kiosk.local",)).refusal(asked, LOCAL)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8765",
        "LOCALHOST",
        "127.0.0.1:1",
        "[::1]:8765",
        "[::1]",
        f"{LOCAL}:80",
        "kiosk.local:8765",
    ],
)
def test_names_of_this_machine_and_configured_ones_are_let_in(host: str) -> None:
    assert refusal(Host=host) == ""
    assert refusal(Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin") == ""


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil@localhost", "localhost/x", ""),
        *("192.168.1.8", "localhost:port", "[::1", "localhost:8765:1", "local\xe9host", "kiosk.local."),
    ],
)
def test_a_name_that_a_stranger_points_here_is_refused(host: str) -> None:
    """DNS rebinding: whatever a name leads to, the browser says which name it was."""
    assert "http.hosts" in refusal(Host=host)


def test_no_host_is_refused() -> None:
    assert refusal() != ""


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1", "file://localhost", "", "http://localhost.evil.example"],
)
def test_another_origin_is_refused(origin: str) -> None:
    """Also one that is another name of this machine: its page is another program's."""
    assert refusal(Host="localhost:8765", Origin=origin) == "another website asks"


@pytest.mark.parametrize(("mode", "good"), [("navigate", True), ("no-cors", False), ("cors", False)])
def test_another_website_may_lead_here_and_not_load_anything_from_here(mode: str, good: bool) -> None:
    refused = refusal(Host="localhost", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode=mode)
    assert (refused == "") is good


@pytest.mark.parametrize(
    ("address", "shown"), [("127.0.0.1:0", "http://127.0.0.1:"), ("localhost:0", "http://127.0.0.1:")]
)
def test_it_listens_where_it_is_told_to(address: str, shown: str) -> None:
    with listen(address, "here") as listening:
        assert url(listening).startswith(shown)
        assert url(listening).endswith(f":{listening.getsockname()[1]}/")


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "256.0.0.1:80", "[::g]:80", "[:::]:1"])
def test_what_is_no_address_is_a_mistake_in_the_configuration(address: str) -> None:
    with pytest.raises(ConfigError, match=r"here: http.address is .*no address and port; write it as in") as raised:
        listen(address, "here")
    assert raised.value.code == 3


def test_a_port_that_is_taken_is_an_error_for_people() -> None:
    with listen("127.0.0.1:0", "here") as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            OutputError, match="another program listens there; end it, or choose another port"
        ) as raised:
            listen(address, "here")
    assert raised.value.code == 5


def test_an_address_of_another_machine_cannot_be_listened_at() -> None:
    with pytest.raises(OutputError, match="this machine has no such address"):
        listen("192.0.2.1:8765", "here")


def test_a_port_that_was_just_closed_is_free() -> None:
    """Connections that ended leave it in TIME_WAIT: a restarted engine does not wait for that."""
    with listen("127.0.0.1:0", "here") as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            served, _ = first.accept()
            served.close()
    listen(f"127.0.0.1:{port}", "here").close()
