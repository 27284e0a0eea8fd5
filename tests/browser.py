"""A real Chromium without a window, driven through chromedriver by the W3C's WebDriver protocol, JSON over HTTP:
https://www.w3.org/TR/webdriver2/"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

WATCHDOG_S = 60
"""Reached only when something is broken."""
_ARGUMENTS = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"]


class Browser:
    """One window. Use: `with Browser(folder) as browser`. folder: for its profile."""

    def __init__(self, folder: Path, width: int = 1280, height: int = 800, *arguments: str) -> None:
        # No network: what the page needs beyond the engine would be missing. No sandbox for root: Chromium refuses one.
        own = [*_ARGUMENTS, f"--user-data-dir={folder / 'browser'}", f"--window-size={width},{height}", *arguments]
        own += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"]
        own += ["--no-sandbox"] if os.geteuid() == 0 else []
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            self._at = f"http://127.0.0.1:{self._port()}/session"
            options = {"goog:chromeOptions": {"args": own}, "goog:loggingPrefs": {"browser": "ALL"}}
            made = self._ask("POST", "", {"capabilities": {"alwaysMatch": options}})
            self._at += f"/{made['sessionId']}"
        except BaseException:
            self._end()
            raise

    def _port(self) -> int:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return int(found[1])
        raise AssertionError("chromedriver did not start")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._at + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=WATCHDOG_S) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(json.load(error)["value"]["message"]) from None

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, with all its processes."""
        try:
            self._ask("DELETE", "")
        finally:
            self._end()

    def _end(self) -> None:
        self._driver.terminate()
        assert self._driver.stdout is not None
        self._driver.stdout.close()
        self._driver.wait(WATCHDOG_S)

    # What can be done with it.

    def open(self, url: str) -> None:
        """Go there, until it is loaded."""
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        """What a script in the page returns: `return document.title`."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector: str = "body") -> str:
        """What is to be read there."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def until(self, true: Callable[[], Any], what: str) -> None:
        """Wait until something has come true on the page."""
        limit = time.monotonic() + WATCHDOG_S
        while not true():
            assert time.monotonic() < limit, f"waited in vain for {what}:\n{self.text()}\n{self.complaints()}"
            time.sleep(0.05)

    def complaints(self) -> list[str]:
        """What its console holds since the last call: errors of scripts, and what the page's policy forbade."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def cdp(self, command: str, **parameters: Any) -> Any:
        """A command of Chromium's own: https://chromedevtools.github.io/devtools-protocol/"""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def looks(self, width: int, height: int, *, scale: float = 1, phone: bool = False, **media: str) -> None:
        """Be a screen of that size. media: what it prefers, such as prefers_color_scheme="dark"."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.cdp("Emulation.setEmulatedMedia", features=features)

    def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of what is to be seen, or of the whole page."""
        shot = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])
