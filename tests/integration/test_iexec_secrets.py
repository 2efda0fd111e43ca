"""Routes of the iExec SMS adapter, with real vaults and a real chain."""

import base64
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.node import Node
from sealgrid.crypto.container import open_sealed
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import (
    DEVELOPER_SECRET_NAME,
    asset_secret_digest,
    named_secret_digest,
    requester_secret_address,
)
from sealgrid.crypto.shares import combine
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import ServiceUnavailable
from sealgrid.iexec_sms.api import application
from sealgrid.iexec_sms.config import SmsConfig
from sealgrid.iexec_sms.federation import SplitTarget, VaultMembers
from sealgrid.iexec_sms.runner import open_service
from sealgrid.units import Address, to_address, to_digest
from sealgrid.wire.message import Transport
from sealgrid.wire.service_access import ONE_MACHINE
from sealgrid.wire.vault import VaultClient
from tests.contracts.scene import DATASET_CHECKSUM
from tests.integration.vault_enclave import THRESHOLD
from tests.integration.vault_federation import MODEL_DEK, Federation

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]
OWNER, STRANGER, DEVELOPER = (development_key(name) for name in ("owner", "stranger", "developer"))
VALUE = base64.b64encode(MODEL_DEK)
OTHER_VALUE = base64.b64encode(b"\x77" * 32)


@dataclass
class CutTransport:
    """A transport to a vault that a test can cut, for every path or for one."""

    inner: Transport
    paths: set[str] = field(default_factory=set)

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        if any(path.startswith(cut) for cut in self.paths):
            raise ServiceUnavailable("the vault does not answer.")
        return await self.inner.request(method, path, body)


@dataclass(frozen=True)
class Adapter:
    """One adapter and its folder, called as iExec's SDK calls it."""

    federation: Federation
    node: Node
    folder: Path
    transports: tuple[CutTransport, ...]

    @property
    def dataset(self) -> Address:
        return self.federation.market.dataset

    @property
    def http(self) -> httpx.AsyncClient:
        """A newly started adapter: it has only the state in its folder."""
        market = self.federation.market
        target = SplitTarget(
            Domain(market.orders.chain, market.broker.address), market.hub.address, self.federation.addresses, THRESHOLD
        )
        config = SmsConfig(
            folder=self.folder,
            network=market.network(),
            storage_url="",
        )
        secrets = open_service(
            config, VaultMembers(target, tuple(map(VaultClient, self.transports))), self.node, self.federation.files
        )
        app = application(secrets, ONE_MACHINE)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")

    async def push(
        self, value: bytes = VALUE, by: SigningKey = OWNER, dataset: Address | None = None
    ) -> httpx.Response:
        named = dataset or self.dataset
        signature = by.sign(asset_secret_digest(named, to_digest(keccak256(value))))
        headers = {"authorization": "0x" + signature.hex(), "content-type": "text/plain"}
        async with self.http as client:
            return await client.post("/secrets/web3", params={"secretAddress": named}, content=value, headers=headers)

    async def exists(self, dataset: Address | None = None) -> int:
        async with self.http as client:
            return (await client.head("/secrets/web3", params={"secretAddress": dataset or self.dataset})).status_code

    def stored_shares(self) -> int:
        """The number of vaults that store a share of the dataset's key."""
        return sum(vault.share_store.find(self.dataset, OWNER.address) is not None for vault in self.federation.vaults)

    def cut(self, *positions: int, path: str = "/") -> None:
        for position in positions:
            self.transports[position].paths.add(path)

    def restore(self) -> None:
        for transport in self.transports:
            transport.paths.clear()


@pytest.fixture
def adapter(federation: Federation, tmp_path: Path) -> Adapter:
    transports = tuple(CutTransport(client.transport) for client in federation.clients)
    return Adapter(federation, federation.market.node, tmp_path / "sms", transports)


async def test_the_vaults_can_combine_a_pushed_key(adapter: Adapter) -> None:
    assert await adapter.exists() == 404
    assert (await adapter.push()).status_code == 204
    assert await adapter.exists() == 204
    shares = [vault.share_store.find(adapter.dataset, OWNER.address) for vault in adapter.federation.vaults]
    record = shares[0].record
    assert {each.record for each in shares} == {record}
    assert (record.owner, record.file_sha256) == (OWNER.address, DATASET_CHECKSUM)
    assert combine([each.share for each in shares[1:]], record) == MODEL_DEK
    assert {each.value_hash for each in shares} == {to_digest(keccak256(VALUE))}


async def test_a_key_is_written_once(adapter: Adapter) -> None:
    await adapter.push()
    for value in (VALUE, OTHER_VALUE):
        again = await adapter.push(value)
        assert (again.status_code, again.json()["check"]) == (409, "dataset-key.4")


async def test_a_value_that_the_owner_did_not_sign_reaches_no_vault(adapter: Adapter) -> None:
    assert (await adapter.push(by=STRANGER)).status_code == 401
    assert adapter.stored_shares() == 0


async def test_nobody_owns_a_dataset_that_is_not_registered(adapter: Adapter) -> None:
    nowhere = to_address(b"\xcc" * 20)
    assert (await adapter.push(dataset=nowhere)).status_code == 401
    assert await adapter.exists(nowhere) == 404


async def test_after_a_sale_the_new_owner_pushes_and_the_former_one_does_not(adapter: Adapter) -> None:
    market = adapter.federation.market
    await market.assets.transfer(market.wallet("owner"), "Dataset", adapter.dataset, STRANGER.address)
    assert (await adapter.push()).status_code == 401
    assert (await adapter.push(by=STRANGER)).status_code == 204


async def test_a_new_key_reaches_no_vault_while_one_is_away(adapter: Adapter) -> None:
    adapter.cut(2)
    answer = await adapter.push()
    assert (answer.status_code, adapter.stored_shares()) == (503, 0)
    assert "1 of 3 vaults" in answer.json()["error"]
    adapter.restore()
    assert (await adapter.push()).status_code == 204


async def test_an_interrupted_push_continues_with_the_same_split_after_a_restart(adapter: Adapter) -> None:
    adapter.cut(1, path="/iexec")
    answer = await adapter.push()
    assert (answer.status_code, adapter.stored_shares()) == (503, 2)
    assert "2 of 3 vaults accepted a share; push the same value again" in answer.json()["error"]
    assert await adapter.exists() == 404
    adapter.restore()
    assert (await adapter.push()).status_code == 204
    assert (
        len({vault.share_store.find(adapter.dataset, OWNER.address).record for vault in adapter.federation.vaults}) == 1
    )
    assert await adapter.exists() == 204


async def test_another_value_does_not_replace_one_that_some_vaults_accepted(adapter: Adapter) -> None:
    adapter.cut(1, path="/iexec")
    await adapter.push()
    adapter.restore()
    assert (await adapter.push(OTHER_VALUE)).status_code == 409
    assert (await adapter.push()).status_code == 204


async def test_a_key_that_another_adapter_delivered_meanwhile_is_not_replaced(adapter: Adapter) -> None:
    adapter.cut(0, 1, 2, path="/iexec")
    await adapter.push()
    adapter.restore()
    other = replace(adapter, folder=adapter.folder / "another")
    assert (await other.push()).status_code == 204
    assert (await adapter.push()).status_code == 409
    assert await adapter.exists() == 204


async def test_the_folder_never_contains_a_key(adapter: Adapter) -> None:
    adapter.cut(1, path="/iexec")
    await adapter.push()
    written = b"".join(file.read_bytes() for file in adapter.folder.rglob("*.json"))
    shares = [vault.share_store.find(adapter.dataset, OWNER.address).share for vault in adapter.federation.vaults[::2]]
    assert written
    for secret in (MODEL_DEK, *(share.value for share in shares), *(share.blind for share in shares)):
        assert not any(form in written for form in (secret, secret.hex().encode(), base64.b64encode(secret)))
    adapter.restore()
    await adapter.push()
    assert not list(adapter.folder.rglob("deliveries/*"))


async def test_a_key_that_sealgrids_sdk_deposited_exists_already(adapter: Adapter) -> None:
    await adapter.federation.sell_model()
    assert await adapter.exists() == 204
    assert (await adapter.push()).status_code == 409


async def test_t_vaults_decide_whether_a_key_exists_and_fewer_do_not(adapter: Adapter) -> None:
    await adapter.push()
    adapter.cut(0)
    assert await adapter.exists() == 204
    adapter.cut(1)
    assert await adapter.exists() == 503


async def test_a_server_without_a_vaults_signing_key_gets_no_share(adapter: Adapter) -> None:
    posing = replace(adapter, transports=(adapter.transports[0], adapter.transports[0], adapter.transports[2]))
    answer = await posing.push()
    assert (answer.status_code, answer.json()["type"]) == (403, "EvidenceRefused")
    assert adapter.stored_shares() == 0


async def push_for_app(adapter: Adapter, value: bytes, by: SigningKey = DEVELOPER) -> httpx.Response:
    app = adapter.federation.market.app
    signature = by.sign(named_secret_digest(app, DEVELOPER_SECRET_NAME, to_digest(keccak256(value))))
    headers = {"authorization": "0x" + signature.hex(), "content-type": "text/plain"}
    async with adapter.http as client:
        return await client.post(f"/apps/{app}/secrets", content=value, headers=headers)


async def app_secret_exists(adapter: Adapter) -> int:
    async with adapter.http as client:
        return (await client.head(f"/apps/{adapter.federation.market.app}/secrets")).status_code


async def test_an_apps_secret_is_sealed_at_the_storage_node_under_a_key_that_the_vaults_share(adapter: Adapter) -> None:
    secret = b"key of the developer's service"
    assert (await app_secret_exists(adapter), (await push_for_app(adapter, secret)).status_code) == (404, 204)
    assert await app_secret_exists(adapter) == 204
    app = adapter.federation.market.app
    shares = [vault.share_store.find(app, DEVELOPER.address) for vault in adapter.federation.vaults]
    assert {(each.kind, each.value_hash) for each in shares} == {("iexec-developer", None)}
    key = combine([each.share for each in shares], shares[0].record)
    sealed = await adapter.federation.files.get_bytes(shares[0].record.file_sha256, 1 << 20)
    plain = BytesIO()
    open_sealed(BytesIO(sealed), plain, key)
    assert plain.getvalue() == secret
    assert (await push_for_app(adapter, b"another")).json()["check"] == "app-secret.4"


async def test_an_apps_secret_that_reached_some_vaults_is_finished_with_the_same_file(adapter: Adapter) -> None:
    adapter.cut(1, path="/iexec")
    assert (await push_for_app(adapter, b"a password")).status_code == 503
    adapter.restore()
    assert (await push_for_app(adapter, b"a password")).status_code == 204
    app = adapter.federation.market.app
    assert len({vault.share_store.find(app, DEVELOPER.address).record for vault in adapter.federation.vaults}) == 1


async def test_only_its_owner_gives_an_app_a_secret(adapter: Adapter) -> None:
    assert (await push_for_app(adapter, b"a password", STRANGER)).status_code == 401
    assert await app_secret_exists(adapter) == 404


async def push_for_requester(
    adapter: Adapter,
    value: bytes,
    *,
    name: str = "api-key",
    by: SigningKey = STRANGER,
    requester: SigningKey = STRANGER,
) -> httpx.Response:
    signature = by.sign(named_secret_digest(requester.address, name, to_digest(keccak256(value))))
    headers = {"authorization": "0x" + signature.hex(), "content-type": "text/plain"}
    async with adapter.http as client:
        return await client.post(f"/requesters/{requester.address}/secrets/{name}", content=value, headers=headers)


async def requester_secret_exists(adapter: Adapter, name: str = "api-key", requester: SigningKey = STRANGER) -> int:
    async with adapter.http as client:
        return (await client.head(f"/requesters/{requester.address}/secrets/{name}")).status_code


async def test_a_requesters_secret_is_sealed_and_shared_under_the_asset_that_its_name_makes(adapter: Adapter) -> None:
    secret = b"key of the requester's account"
    assert (await requester_secret_exists(adapter), (await push_for_requester(adapter, secret)).status_code) == (
        404,
        204,
    )
    assert (await requester_secret_exists(adapter), await requester_secret_exists(adapter, "another")) == (204, 404)
    asset = requester_secret_address(STRANGER.address, "api-key")
    shares = [vault.share_store.find(asset, STRANGER.address) for vault in adapter.federation.vaults]
    assert {(each.kind, each.value_hash) for each in shares} == {("iexec-requester", None)}
    sealed = await adapter.federation.files.get_bytes(shares[0].record.file_sha256, 1 << 20)
    plain = BytesIO()
    open_sealed(BytesIO(sealed), plain, combine([each.share for each in shares], shares[0].record))
    assert plain.getvalue() == secret


async def test_no_vault_publishes_a_hash_of_a_pushed_text(adapter: Adapter) -> None:
    app, asset = adapter.federation.market.app, requester_secret_address(STRANGER.address, "pin")
    await push_for_requester(adapter, b"1234", name="pin")
    await push_for_app(adapter, b"password")
    for where, owner in ((asset, STRANGER.address), (app, DEVELOPER.address)):
        for client in adapter.federation.clients:
            assert (await client.asset(where, owner)).signature == b""


async def test_a_requesters_secret_is_written_once_under_each_name(adapter: Adapter) -> None:
    await push_for_requester(adapter, b"first")
    again = await push_for_requester(adapter, b"second")
    assert (again.status_code, again.json()["check"]) == (409, "requester-secret.4")
    assert (await push_for_requester(adapter, b"second", name="another")).status_code == 204


async def test_only_the_requester_pushes_its_secret(adapter: Adapter) -> None:
    assert (await push_for_requester(adapter, b"a password", by=OWNER)).status_code == 401
    assert await requester_secret_exists(adapter) == 404


async def test_a_name_that_iexec_refuses_is_refused(adapter: Adapter) -> None:
    assert (await push_for_requester(adapter, b"a password", name="a b")).status_code == 400
    assert await requester_secret_exists(adapter, "a b") == 404
