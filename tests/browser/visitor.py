"""A visitor of a local network's pages, in one browser context."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests.e2e.running_network import RunningNetwork

AXE = Path(__file__).resolve().parents[2] / ".cache" / "axe" / "axe.min.js"

SCREENS = (("light", 1440, 900), ("dark", 1440, 900), ("light", 390, 844))  #: a dark phone has its own test
WIDTHS = (390, 1280, 1920)


@dataclass(frozen=True)
class LocalSite:
    """The pages of a running local network, and the folder for screenshots."""

    url: str
    network: RunningNetwork
    pictures: Path


class Visitor:
    """Opens pages and records every script error and blocked or foreign request: no page may have any."""

    def __init__(self, context: BrowserContext, site: LocalSite) -> None:
        self.context, self.site, self.page_errors = context, site, []
        self.page: Page = context.new_page()
        self.page.on("console", self._record_message)
        self.page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        self.page.on("request", lambda request: self._check_host(request.url))

    def _record_message(self, message: ConsoleMessage) -> None:
        # The browser logs an error for a form that the site refuses; that is not a fault of the page.
        is_refusal = "status of 400" in message.text or "status of 403" in message.text
        if message.type == "error" and not is_refusal:
            self.page_errors.append(message.text)

    def _check_host(self, url: str) -> None:
        if not url.startswith((self.site.url, f"blob:{self.site.url}", "data:")):
            self.page_errors.append(f"request to another host: {url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.site.url + path)
        return self.page

    def wait_for(self, path: str) -> None:
        """Wait until the page exists: the index follows the chain with a short delay."""
        deadline = time.monotonic() + 60
        while self.page.request.get(self.site.url + path).status == 404:
            assert time.monotonic() < deadline, f"{path} was not indexed in time"
            time.sleep(0.1)

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self.site.pictures / f"{name}.png", full_page=True)

    def accessibility_faults(self) -> list[str]:
        """Return axe's serious and critical violations on the page."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        run = "axe.run({resultTypes: ['violations']}).then(result => JSON.stringify(result.violations))"
        violations = json.loads(self.page.evaluate(run))
        return [
            f"{violation['id']}: {node['html'][:120]}"
            for violation in violations
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ]

    def accessibility_faults_everywhere(self) -> list[str]:
        """Return axe's violations in light and dark, on a phone and a wide screen, and widths with overflow."""
        faults = []
        for scheme, width, height in SCREENS:
            self.page.emulate_media(color_scheme=scheme)
            self.page.set_viewport_size({"width": width, "height": height})
            faults += [f"{scheme} {width}: {fault}" for fault in self.accessibility_faults()]
        return faults + self.overflowing_widths()

    def overflowing_widths(self) -> list[str]:
        """Return the screen widths at which the page scrolls sideways."""
        overflowing = []
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            if self.page.evaluate("document.documentElement.scrollWidth") > width:
                overflowing.append(f"{width}: scrolls sideways")
        return overflowing
