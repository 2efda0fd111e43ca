from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sealgrid.chain.anvil import Anvil, AnvilConfig, revert, snapshot
from sealgrid.chain.node import Node
from tests.contracts.scene import Attempt, Market, attempt, open_market

CACHE = Path(__file__).parents[2] / ".cache"


@pytest.fixture(scope="session")
def anvil_binary() -> Path:
    return CACHE / "anvil/bin/anvil"


@pytest.fixture(scope="session")
def poco_package() -> Path:
    return CACHE / "poco"


@pytest.fixture(scope="session")
async def opened(anvil_binary: Path, poco_package: Path) -> AsyncIterator[Market]:
    async with await Anvil.start(AnvilConfig(binary=anvil_binary)) as anvil, Node(anvil.url) as node:
        yield await open_market(node, poco_package)


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
