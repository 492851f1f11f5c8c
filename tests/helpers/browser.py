"""Headless Chromium, driven over WebDriver's JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
PHONE, DESKTOP = (360, 740), (1280, 900)


class Browser:
    """One session of the WebDriver protocol, https://www.w3.org/TR/webdriver2/."""

    def __init__(self, address: str) -> None:
        self.address = address
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        options = {"binary": BROWSER, "args": arguments}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        found = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{found['sessionId']}"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask the driver."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def devtools(self, command: str, **parameters: object) -> Any:
        """A command of Chromium's own."""
        body = {"cmd": command, "params": parameters}
        return self.call("POST", f"{self.session}/goog/cdp/execute", body)

    def open(self, page: Path, size: tuple[int, int] = DESKTOP, *, dark: bool = False) -> None:
        """Load a page, as a screen of this size shows it."""
        width, height = size
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        # Whatever the rest of the machine is at, this page is the one in front.
        self.devtools("Emulation.setFocusEmulationEnabled", enabled=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.call("POST", f"{self.session}/url", {"url": page.as_uri()})

    def run(self, script: str) -> Any:
        """What a script returns in the page."""
        body = {"script": script, "args": []}
        return self.call("POST", f"{self.session}/execute/sync", body)

    def comes_to(self, script: str, wanted: object) -> bool:
        """Whether what the script answers is this, now or soon.

        A frame is drawn when the browser has time for it, which no event tells this process of:
        it asks again, for half a minute at most.
        """
        end = time.monotonic() + 30
        while (found := self.run(script)) != wanted:
            if time.monotonic() > end:
                pytest.fail(f"{script}: {found}, not {wanted}")
            time.sleep(0.05)
        return True

    def log(self) -> list[dict[str, Any]]:
        """What the browser complained about since it was asked last."""
        found: list[dict[str, Any]] = self.call(
            "POST", f"{self.session}/se/log", {"type": "browser"}
        )
        return found


@contextmanager
def driver() -> Iterator[str]:
    """The driver's address while it runs; it takes a free port and says which."""
    assert DRIVER
    with subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            lines = iter(process.stdout.readline, "")
            told = next(line for line in lines if "successfully on port" in line)
            port = int(told.rstrip(".\n").rsplit(" ", 1)[1])
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
