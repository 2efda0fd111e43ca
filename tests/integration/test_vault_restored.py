"""A vault is backed up, lost and restored by its operator's functions, while the others run on."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.errors import EvidenceRefused, InputRefused
from sealgrid.units import Address
from sealgrid.vault.keys import KEYS_FOLDER
from sealgrid.vault.operator.backup import back_up
from sealgrid.vault.operator.restore import restore
from sealgrid.vault.peers.witness import PeerLogWitness
from sealgrid.vault.stores.database import DATABASE
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.log import LogClient
from tests.contracts.scene import DATASET_CHECKSUM, VAULTS, Market, local_market
from tests.integration.vault_federation import (
    MODEL_DEK,
    Federation,
    federation_over,
    serve_vault,
    vault_config,
)

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]
OWNER = development_key("owner")


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    """A chain for each test, because these tests change the federation."""
    async with local_market() as market:
        yield market


Peers = tuple[tuple[Address, str], ...]


async def serve_peers(federation: Federation, stack: AsyncExitStack) -> Peers:
    """Serve the vaults but the first, each a witness of the first; return their addresses and URLs."""
    watched = {federation.addresses[0]: LogClient(federation.transport)}
    return tuple(
        [
            (vault.address, await serve_vault(stack, federation.http, vault, PeerLogWitness(vault, watched)))
            for vault in federation.vaults[1:]
        ]
    )


def lose_the_disk(federation: Federation, folder: Path) -> None:
    """The database is gone; the keys, which lay elsewhere, are not."""
    federation.vaults[0].database.close()
    for file in folder.glob(f"{DATABASE}*"):
        file.unlink()


async def test_a_lost_vault_comes_back_with_what_still_holds_and_serves_new_deals(
    market: Market, tmp_path: Path
) -> None:
    lost, copy = tmp_path / VAULTS[0].address, tmp_path / "copy.db"
    async with AsyncExitStack() as stack:
        federation = await stack.enter_async_context(federation_over(market, tmp_path))
        await federation.sell_model()
        before = await federation.begin(await federation.order(), 0)
        await before.nonces()
        back_up(lost, copy)
        peers = await serve_peers(federation, stack)
        lose_the_disk(federation, lost)
        config = vault_config(market, federation.machine, lost, peers=peers)
        report = await restore(config, copy, clock=federation.clock, http=federation.http)
        assert (report.restored, report.dropped, report.lost_entries) == (2, (), 0)
        with pytest.raises(InputRefused, match="newer than any copy"):
            await restore(config, copy, http=federation.http)
        machine, at = federation.machine, federation.clock.now
    await market.node.rpc("evm_increaseTime", 60)
    await market.node.rpc("evm_mine")
    async with federation_over(market, tmp_path, machine=machine) as again:
        assert again.vaults[0].database.restored_at == at
        deal = await again.order(tasks=1, version=2)
        session = await (await again.begin(deal, 0)).released()
        assert session.key(DATASET_CHECKSUM) == MODEL_DEK
        assert len(session.answers) == 3


async def test_a_share_that_was_destroyed_after_the_copy_stays_destroyed(market: Market, tmp_path: Path) -> None:
    lost, copy = tmp_path / VAULTS[0].address, tmp_path / "copy.db"
    async with AsyncExitStack() as stack:
        federation = await stack.enter_async_context(federation_over(market, tmp_path))
        await federation.sell_model()
        back_up(lost, copy)
        await federation.deposit(OWNER, market.dataset, DATASET_CHECKSUM, MODEL_DEK, version=2)
        peers = await serve_peers(federation, stack)
        lose_the_disk(federation, lost)
        report = await restore(vault_config(market, federation.machine, lost, peers=peers), copy, http=federation.http)
        assert report.dropped == ((market.dataset, OWNER.address),)
        view = await federation.clients[0].asset(market.dataset, OWNER.address)
        assert [(each.version, each.destroyed > 0) for each in view.history] == [(1, True), (2, True)]


async def test_releases_logged_after_the_backup_are_reported_as_lost(market: Market, tmp_path: Path) -> None:
    lost, copy = tmp_path / VAULTS[0].address, tmp_path / "copy.db"
    async with AsyncExitStack() as stack:
        federation = await stack.enter_async_context(federation_over(market, tmp_path))
        await federation.sell_model()
        back_up(lost, copy)
        await (await federation.begin(await federation.order(), 0)).released()
        peers = await serve_peers(federation, stack)
        async with HttpTransport(peers[0][1], http=federation.http) as witness:
            await LogClient(witness).witnesses()
        lose_the_disk(federation, lost)
        report = await restore(vault_config(market, federation.machine, lost, peers=peers), copy, http=federation.http)
        assert report.lost_entries == 1


async def test_a_backup_is_restored_by_its_own_vault_and_only_vaults_are_queried(
    market: Market, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        federation = await stack.enter_async_context(federation_over(market, tmp_path))
        copy = tmp_path / "copy.db"
        back_up(tmp_path / VAULTS[0].address, copy)
        (second, url), (third, _) = await serve_peers(federation, stack)
        mine, other = tmp_path / "mine", tmp_path / "other"
        for folder, key in ((mine, VAULTS[0]), (other, VAULTS[1])):
            shutil.copytree(tmp_path / key.address / KEYS_FOLDER, folder / KEYS_FOLDER)
        with pytest.raises(InputRefused, match="belongs to another vault"):
            await restore(vault_config(market, federation.machine, other), copy, http=federation.http)
        twice = ((second, url), (third, url))
        with pytest.raises(EvidenceRefused, match=third):
            await restore(vault_config(market, federation.machine, mine, peers=twice), copy, http=federation.http)
        assert not (mine / DATABASE).exists()
