"""Somebody with a browser on the pages of a local network."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests.e2e.running_network import RunningNetwork

AXE = Path(__file__).resolve().parents[2] / ".cache" / "axe" / "axe.min.js"

LOOKS = (("light", 1440, 900), ("dark", 1440, 900), ("light", 390, 844))  #: and a dark phone, which has its own test
WIDTHS = (390, 1280, 1920)


@dataclass(frozen=True)
class Place:
    """Where the pages are, and where pictures of them go."""

    url: str
    network: RunningNetwork
    pictures: Path


class Visitor:
    """Somebody with a browser: every script error and every blocked resource is kept, since no page may have any."""

    def __init__(self, context: BrowserContext, place: Place) -> None:
        self.context, self.place, self.complaints = context, place, []
        self.page: Page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._only_here(request.url))

    def _heard(self, message: ConsoleMessage) -> None:
        # That the site refused a form is no fault of the page that says so.
        refused = "status of 400" in message.text or "status of 403" in message.text
        if message.type == "error" and not refused:
            self.complaints.append(message.text)

    def _only_here(self, url: str) -> None:
        if not url.startswith((self.place.url, f"blob:{self.place.url}", "data:")):
            self.complaints.append(f"asked another host: {url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.place.url + path)
        return self.page

    def wait_for(self, path: str) -> None:
        """Wait until the pages know of something that was made elsewhere: they follow the chain a moment later."""
        deadline = time.monotonic() + 60
        while self.page.request.get(self.place.url + path).status == 404:
            assert time.monotonic() < deadline, f"the pages never knew of {path}"
            time.sleep(0.1)

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self.place.pictures / f"{name}.png", full_page=True)

    def faults(self) -> list[str]:
        """Return what axe calls serious or critical on the page."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        run = "axe.run({resultTypes: ['violations']}).then(found => JSON.stringify(found.violations))"
        found = json.loads(self.page.evaluate(run))
        return [
            f"{fault['id']}: {node['html'][:120]}"
            for fault in found
            if fault["impact"] in {"serious", "critical"}
            for node in fault["nodes"]
        ]

    def faults_everywhere(self) -> list[str]:
        """Return what axe finds on the page in light and dark, on a phone and a wide screen."""
        found = []
        for scheme, width, height in LOOKS:
            self.page.emulate_media(color_scheme=scheme)
            self.page.set_viewport_size({"width": width, "height": height})
            found += [f"{scheme} {width}: {fault}" for fault in self.faults()]
        return found + self.scrolls_sideways()

    def scrolls_sideways(self) -> list[str]:
        """Return the widths at which the page is wider than the screen."""
        found = []
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            if self.page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{width}: it scrolls sideways")
        return found
