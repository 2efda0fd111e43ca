"""Fixtures of the tests that run vaults against a real local chain."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import revert, snapshot
from tests.contracts.scene import Market, local_market
from tests.integration.vault_federation import Federation, federation_over, push_as_iexec


@pytest.fixture(scope="module")
async def market() -> AsyncIterator[Market]:
    """One local chain for all tests of a module."""
    async with local_market() as market:
        yield market


@pytest.fixture
async def federation(market: Market, tmp_path: Path) -> AsyncIterator[Federation]:
    """Vaults without any key. Afterwards the chain is reverted to its state before the test."""
    before = await snapshot(market.node)
    async with federation_over(market, tmp_path) as vaults:
        yield vaults
    await revert(market.node, before)


@pytest.fixture
async def pushed(federation: Federation) -> Federation:
    """The vaults with the dataset's key, pushed as iExec's SDK does."""
    await push_as_iexec(federation, development_key("owner"))
    return federation
