"""Steps of an external wallet are recorded in order, once each, and nothing is sent."""

from types import SimpleNamespace

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import FileRemoval
from sealgrid.crypto.signing import SigningKey
from sealgrid.poco.orders import DatasetOrder, to_document
from sealgrid.sdk.connection import connect
from sealgrid.sdk.external_wallet import UnsignedOrder, UnsignedPolicy, UnsignedRemoval, recording_connection
from sealgrid.units import to_address, to_digest
from sealgrid.wire.storage import SignedRemoval
from sealgrid.wire.vault import PolicyRequest, VaultClient
from tests.unit.sdk.network_file import network

WALLET, MODEL = to_address(b"\x77" * 20), to_address(b"\xaa" * 20)
POLICY = Policy(asset=MODEL, owner=WALLET, version=2, expiry=1, allowed=(), uses_per_requester_hour=1)
REMOVAL = FileRemoval(account=WALLET, file_sha256=to_digest(b"\x01" * 32), issued=1)
ORDER = to_document(DatasetOrder(dataset=MODEL, datasetprice=5, volume=1))


async def test_a_policy_for_every_vault_an_order_and_a_removal_are_one_step_each(monkeypatch):
    async def asset(self, asset, owner):
        return SimpleNamespace(asset=asset, owner=owner)

    monkeypatch.setattr(VaultClient, "asset", asset)
    async with connect(network(), SigningKey.generate()) as own:
        conn, steps = recording_connection(own, WALLET)
        assert conn.address == WALLET
        for vault in conn.vaults:
            await vault.set_policy(PolicyRequest(policy=POLICY, signature=b""))
        await conn.market.publish("datasetorders", ORDER, conn.key)
        for node in conn.storage_nodes * 2:
            assert await node.remove(SignedRemoval(removal=REMOVAL, signature=b"")) == 0
    assert steps == [
        UnsignedPolicy(policy=POLICY),
        UnsignedOrder(kind="datasetorders", order=ORDER),
        UnsignedRemoval(removal=REMOVAL),
    ]
