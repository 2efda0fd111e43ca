from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sealgrid.chain.anvil import revert, snapshot
from tests.contracts.feed_scene import Feed, open_feed
from tests.contracts.scene import CACHE, Attempt, Market, attempt, local_market


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the gas that tests recorded."""
    passed = terminalreporter.getreports("passed")
    lines = sorted({str(value) for each in passed for name, value in each.user_properties if name == "gas"})
    if lines:
        terminalreporter.section("gas")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def anvil_binary() -> Path:
    return CACHE / "anvil/bin/anvil"


@pytest.fixture(scope="session")
def poco_package() -> Path:
    return CACHE / "poco"


@pytest.fixture(scope="session")
async def opened() -> AsyncIterator[Market]:
    async with local_market() as market:
        yield market


@pytest.fixture
async def market(opened: Market) -> AsyncIterator[Market]:
    """The same market for every test, as fresh as it was opened."""
    before = await snapshot(opened.node)
    yield opened
    await revert(opened.node, before)


@pytest.fixture
async def good(market: Market) -> Attempt:
    """An attempt that the broker and PoCo accept."""
    return await attempt(market)


@pytest.fixture
async def feed(market: Market) -> Feed:
    return await open_feed(market)
