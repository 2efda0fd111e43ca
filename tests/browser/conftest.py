"""Fixtures: a fresh local network with its shop stocked, and a browser on its pages."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from visitor import LocalSite, Visitor

from tests.e2e.running_network import RunningNetwork, start_network

CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOP_SECONDS = 240
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSite]:
    running = start_network(tmp_path_factory.mktemp("shop"), stocked=True)
    try:
        _wait_until_stocked(running)
        pictures = Path(os.environ.get("SEALGRID_SCREENSHOTS") or tmp_path_factory.mktemp("pictures"))
        pictures.mkdir(parents=True, exist_ok=True)
        yield LocalSite(running.network.web_url, running, pictures)
    finally:
        running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM_ARGS))
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(browser: Browser, site: LocalSite) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=False)
    context.set_default_timeout(60_000)
    visitor_of_context = Visitor(context, site)
    yield visitor_of_context
    context.close()
    assert visitor_of_context.page_errors == []


@pytest.fixture
def phone(browser: Browser, site: LocalSite) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", is_mobile=True)
    visitor_of_context = Visitor(context, site)
    yield visitor_of_context
    context.close()
    assert visitor_of_context.page_errors == []


def _wait_until_stocked(running: RunningNetwork) -> None:
    deadline = time.monotonic() + SHOP_SECONDS
    while not (running.layout.part("chain") / "shop.json").exists():
        assert time.monotonic() < deadline, "the shop was not stocked in time"
        time.sleep(0.1)
