"""A vault that releases wrong shares on a real network is named, and the job completes with the others."""

from contextlib import closing

import pytest
import pytest_asyncio

import sealgrid
from sealgrid.crypto.shares import Share
from sealgrid.localnet.layout import Layout
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.keys import load_key_files
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.share_store import ShareStore
from tests.unit.shipped_apps.onnx_writer import passing

pytestmark = [pytest.mark.localnet, pytest.mark.long]


@pytest_asyncio.fixture(loop_scope="session")
async def owner(localnet):
    async with sealgrid.connect_async("owner", data=localnet.layout.root) as me:
        yield me


@pytest_asyncio.fixture(loop_scope="session")
async def requester(localnet, tmp_path):
    async with sealgrid.connect_async("requester", network=localnet.layout.network, data=tmp_path / "requester") as me:
        yield me


def replace_share(localnet, number: int, asset: str, owner: str) -> str:
    """Replace a share in a running vault's database by a wrong one, encrypted with the vault's key; return the vault."""
    network, folder = localnet.network, Layout(localnet.layout.root).part(f"vault-{number}")
    keys = load_key_files(folder)
    vaults = tuple(vault.address for vault in network.vaults)
    federation = VaultFederation(network.chain, network.hub, network.broker, network.threshold, vaults, keys.address)
    with closing(VaultDatabase(folder / DATABASE)) as database:
        share_store = ShareStore(database, keys.at_rest, federation)
        stored = share_store.find(asset, owner)
        wrong = Share(stored.share.index, b"\x66" * 32, stored.share.blind)
        spoilt = StoredShare(stored.kind, stored.record, stored.record_digest, stored.signature, wrong)
        share_store.store(spoilt, policy=None, grant=None, at=0)
    return keys.address


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_vault_with_a_wrong_share_is_named_and_the_job_completes(localnet, owner, requester, tmp_path, number):
    file = tmp_path / "model.onnx"
    file.write_bytes(passing((1, 3)))
    with pytest.warns(sealgrid.SimulatedPlatformWarning):
        model = await owner.models.publish(file, price="1", name=f"spoilt-{number}")
    liar = replace_share(localnet, number, model.address, model.owner)
    run = await requester.run("onnx-runner", model=model.address, files=[("input.json", b"[[1, 2, 3]]")])
    assert (await run.result()).json()["outputs"]["y"]["values"] == [[1.0, 2.0, 3.0]]
    assert (await run.receipt.verify()).ok
    log = localnet.layout.log("worker").read_text()
    assert f"task {run.task}: vault {liar} sent an invalid answer or share" in log
    assert log.count(f"task {run.task}: vault") == 1
