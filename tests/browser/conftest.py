"""A fresh local network with its shop stocked, and a browser on its pages."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from visitor import Place, Visitor

from tests.e2e.running_network import RunningNetwork, start_network

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOP_SECONDS = 60
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    running = start_network(tmp_path_factory.mktemp("shop"), stocked=True)
    try:
        _wait_until_stocked(running)
        pictures = Path(os.environ.get("SEALGRID_SCREENSHOTS") or tmp_path_factory.mktemp("pictures"))
        pictures.mkdir(parents=True, exist_ok=True)
        yield Place(running.network.web_url, running, pictures)
    finally:
        running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(browser: Browser, place: Place) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=False)
    context.set_default_timeout(30_000)
    someone = Visitor(context, place)
    yield someone
    context.close()
    assert someone.complaints == []


@pytest.fixture
def phone(browser: Browser, place: Place) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", is_mobile=True)
    someone = Visitor(context, place)
    yield someone
    context.close()
    assert someone.complaints == []


def _wait_until_stocked(running: RunningNetwork) -> None:
    deadline = time.monotonic() + SHOP_SECONDS
    while not (running.layout.part("chain") / "shop.json").exists():
        assert time.monotonic() < deadline, "the shop was not stocked in time"
        time.sleep(0.1)
