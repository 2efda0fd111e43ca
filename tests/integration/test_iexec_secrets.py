"""iExec's secret routes before real vaults and a real chain: what owners push, and what the vaults hold then."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig, revert, snapshot
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
from sealgrid.iexec_sms.federation import VaultMembers
from sealgrid.iexec_sms.key_splitter import SplitTarget
from sealgrid.iexec_sms.runner import open_desk
from sealgrid.units import Address, to_address, to_digest
from sealgrid.wire.message import Transport
from sealgrid.wire.service_access import ONE_MACHINE
from sealgrid.wire.vault import VaultClient
from tests.contracts.scene import DATASET_CHECKSUM, Market, open_market
from tests.integration.vault_federation import MODEL_DEK, THRESHOLD, Federation, federation_over

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]
OWNER, STRANGER, DEVELOPER = (development_key(name) for name in ("owner", "stranger", "developer"))
VALUE = base64.b64encode(MODEL_DEK)
OTHER_VALUE = base64.b64encode(b"\x77" * 32)


@dataclass
class Away:
    """The way to a vault that can be cut, for every path or for one."""

    inner: Transport
    paths: set[str] = field(default_factory=set)

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        if any(path.startswith(cut) for cut in self.paths):
            raise ServiceUnavailable("the vault does not answer.")
        return await self.inner.request(method, path, body)


@dataclass(frozen=True)
class Face:
    """One face over its folder, spoken to as iExec's SDK does."""

    federation: Federation
    node: Node
    folder: Path
    ways: tuple[Away, ...]

    @property
    def dataset(self) -> Address:
        return self.federation.market.dataset

    @property
    def http(self) -> httpx.AsyncClient:
        """A face that was started just now: whatever it needs of earlier pushes lies in its folder."""
        market = self.federation.market
        place = SplitTarget(
            Domain(market.orders.chain, market.broker.address), market.hub.address, self.federation.addresses, THRESHOLD
        )
        config = SmsConfig(
            folder=self.folder,
            rpc_url=self.node.url,
            chain=market.orders.chain,
            genesis=to_digest(b"\0" * 32),
            hub=market.hub.address,
            broker=market.broker.address,
            storage_url="",
            vaults=(),
            threshold=THRESHOLD,
        )
        desk = open_desk(
            config, VaultMembers(place, tuple(map(VaultClient, self.ways))), self.node, self.federation.files
        )
        app = application(desk, ONE_MACHINE)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")

    async def push(
        self, value: bytes = VALUE, by: SigningKey = OWNER, dataset: Address | None = None
    ) -> httpx.Response:
        named = dataset or self.dataset
        signature = by.sign(asset_secret_digest(named, to_digest(keccak256(value))))
        headers = {"authorization": "0x" + signature.hex(), "content-type": "text/plain"}
        async with self.http as client:
            return await client.post("/secrets/web3", params={"secretAddress": named}, content=value, headers=headers)

    async def there(self, dataset: Address | None = None) -> int:
        async with self.http as client:
            return (await client.head("/secrets/web3", params={"secretAddress": dataset or self.dataset})).status_code

    def holding(self) -> int:
        """How many vaults hold a share of the dataset's key."""
        return sum(vault.custody.share(self.dataset, OWNER.address) is not None for vault in self.federation.vaults)

    def cut(self, *positions: int, path: str = "/") -> None:
        for position in positions:
            self.ways[position].paths.add(path)

    def mend(self) -> None:
        for way in self.ways:
            way.paths.clear()


@pytest.fixture(scope="module")
async def market() -> AsyncIterator[Market]:
    config = AnvilConfig(binary=ROOT / ".cache/anvil/bin/anvil")
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        yield await open_market(node, ROOT / ".cache/poco")


@pytest.fixture
async def face(market: Market, tmp_path: Path) -> AsyncIterator[Face]:
    before = await snapshot(market.node)
    async with federation_over(market, tmp_path) as vaults:
        ways = tuple(Away(client.transport) for client in vaults.clients)
        yield Face(vaults, market.node, tmp_path / "sms", ways)
    await revert(market.node, before)


async def test_a_pushed_key_is_one_that_the_vaults_can_put_together_and_no_one_else(face: Face) -> None:
    assert await face.there() == 404
    assert (await face.push()).status_code == 204
    assert await face.there() == 204
    kept = [vault.custody.share(face.dataset, OWNER.address) for vault in face.federation.vaults]
    record = kept[0].record
    assert {each.record for each in kept} == {record}
    assert (record.owner, record.file_sha256) == (OWNER.address, DATASET_CHECKSUM)
    assert combine([each.share for each in kept[1:]], record) == MODEL_DEK
    assert {each.value_hash for each in kept} == {to_digest(keccak256(VALUE))}


async def test_a_key_is_written_once(face: Face) -> None:
    await face.push()
    for value in (VALUE, OTHER_VALUE):
        again = await face.push(value)
        assert (again.status_code, again.json()["check"]) == (409, "dataset-key.4")


async def test_what_its_owner_did_not_sign_reaches_no_vault(face: Face) -> None:
    assert (await face.push(by=STRANGER)).status_code == 401
    assert face.holding() == 0


async def test_nobody_owns_a_dataset_that_is_not_registered(face: Face) -> None:
    nowhere = to_address(b"\xcc" * 20)
    assert (await face.push(dataset=nowhere)).status_code == 401
    assert await face.there(nowhere) == 404


async def test_whoever_bought_the_dataset_pushes_for_it_and_its_seller_no_more(face: Face) -> None:
    market = face.federation.market
    await market.assets.transfer(market.wallet("owner"), "Dataset", face.dataset, STRANGER.address)
    assert (await face.push()).status_code == 401
    assert (await face.push(by=STRANGER)).status_code == 204


async def test_a_new_key_reaches_no_vault_while_one_is_away(face: Face) -> None:
    face.cut(2)
    answer = await face.push()
    assert (answer.status_code, face.holding()) == (503, 0)
    assert "1 of 3 vaults" in answer.json()["error"]
    face.mend()
    assert (await face.push()).status_code == 204


async def test_a_push_that_broke_in_the_middle_is_finished_with_the_same_split_after_a_restart(face: Face) -> None:
    face.cut(1, path="/iexec")
    answer = await face.push()
    assert (answer.status_code, face.holding()) == (503, 2)
    assert "2 of 3 vaults took their share; push the same value again" in answer.json()["error"]
    assert await face.there() == 404
    face.mend()
    assert (await face.push()).status_code == 204
    assert len({vault.custody.share(face.dataset, OWNER.address).record for vault in face.federation.vaults}) == 1
    assert await face.there() == 204


async def test_another_value_does_not_take_the_place_of_one_that_some_vaults_took(face: Face) -> None:
    face.cut(1, path="/iexec")
    await face.push()
    face.mend()
    assert (await face.push(OTHER_VALUE)).status_code == 409
    assert (await face.push()).status_code == 204


async def test_a_key_that_came_another_way_meanwhile_is_there_already(face: Face) -> None:
    face.cut(0, 1, 2, path="/iexec")
    await face.push()
    face.mend()
    other = replace(face, folder=face.folder / "another")
    assert (await other.push()).status_code == 204
    assert (await face.push()).status_code == 409
    assert await face.there() == 204


async def test_a_folder_that_is_read_at_any_time_tells_no_key(face: Face) -> None:
    face.cut(1, path="/iexec")
    await face.push()
    written = b"".join(file.read_bytes() for file in face.folder.rglob("*.json"))
    shares = [vault.custody.share(face.dataset, OWNER.address).share for vault in face.federation.vaults[::2]]
    assert written
    for secret in (MODEL_DEK, *(share.value for share in shares), *(share.blind for share in shares)):
        assert not any(form in written for form in (secret, secret.hex().encode(), base64.b64encode(secret)))
    face.mend()
    await face.push()
    assert not list(face.folder.rglob("deliveries/*"))


async def test_a_key_that_its_owner_deposited_with_sealgrids_sdk_is_there_already(face: Face) -> None:
    await face.federation.sell_model()
    assert await face.there() == 204
    assert (await face.push()).status_code == 409


async def test_t_vaults_are_enough_to_say_that_a_key_is_there_and_fewer_say_nothing(face: Face) -> None:
    await face.push()
    face.cut(0)
    assert await face.there() == 204
    face.cut(1)
    assert await face.there() == 503


async def test_what_stands_in_a_vaults_place_without_its_key_gets_no_share(face: Face) -> None:
    posing = replace(face, ways=(face.ways[0], face.ways[0], face.ways[2]))
    answer = await posing.push()
    assert (answer.status_code, answer.json()["type"]) == (403, "EvidenceRefused")
    assert face.holding() == 0


async def push_for_app(face: Face, value: bytes, by: SigningKey = DEVELOPER) -> httpx.Response:
    app = face.federation.market.app
    signature = by.sign(named_secret_digest(app, DEVELOPER_SECRET_NAME, to_digest(keccak256(value))))
    headers = {"authorization": "0x" + signature.hex(), "content-type": "text/plain"}
    async with face.http as client:
        return await client.post(f"/apps/{app}/secrets", content=value, headers=headers)


async def app_secret_there(face: Face) -> int:
    async with face.http as client:
        return (await client.head(f"/apps/{face.federation.market.app}/secrets")).status_code


async def test_an_apps_secret_is_sealed_at_the_storage_node_under_a_key_that_the_vaults_share(face: Face) -> None:
    secret = b"key of the developer's service"
    assert (await app_secret_there(face), (await push_for_app(face, secret)).status_code) == (404, 204)
    assert await app_secret_there(face) == 204
    app = face.federation.market.app
    kept = [vault.custody.share(app, DEVELOPER.address) for vault in face.federation.vaults]
    assert {(each.kind, each.value_hash) for each in kept} == {("iexec-developer", None)}
    key = combine([each.share for each in kept], kept[0].record)
    sealed = await face.federation.files.get_bytes(kept[0].record.file_sha256, 1 << 20)
    plain = BytesIO()
    open_sealed(BytesIO(sealed), plain, key)
    assert plain.getvalue() == secret
    assert (await push_for_app(face, b"another")).json()["check"] == "app-secret.4"


async def test_an_apps_secret_that_reached_some_vaults_is_finished_with_the_same_file(face: Face) -> None:
    face.cut(1, path="/iexec")
    assert (await push_for_app(face, b"a password")).status_code == 503
    face.mend()
    assert (await push_for_app(face, b"a password")).status_code == 204
    app = face.federation.market.app
    assert len({vault.custody.share(app, DEVELOPER.address).record for vault in face.federation.vaults}) == 1


async def test_nobody_but_its_owner_gives_an_app_a_secret(face: Face) -> None:
    assert (await push_for_app(face, b"a password", STRANGER)).status_code == 401
    assert await app_secret_there(face) == 404


async def push_for_requester(
    face: Face, value: bytes, *, name: str = "api-key", by: SigningKey = STRANGER, requester: SigningKey = STRANGER
) -> httpx.Response:
    signature = by.sign(named_secret_digest(requester.address, name, to_digest(keccak256(value))))
    headers = {"authorization": "0x" + signature.hex(), "content-type": "text/plain"}
    async with face.http as client:
        return await client.post(f"/requesters/{requester.address}/secrets/{name}", content=value, headers=headers)


async def requesters_there(face: Face, name: str = "api-key", requester: SigningKey = STRANGER) -> int:
    async with face.http as client:
        return (await client.head(f"/requesters/{requester.address}/secrets/{name}")).status_code


async def test_a_requesters_secret_is_sealed_and_shared_under_the_asset_that_its_name_makes(face: Face) -> None:
    secret = b"key of the requester's account"
    assert (await requesters_there(face), (await push_for_requester(face, secret)).status_code) == (404, 204)
    assert (await requesters_there(face), await requesters_there(face, "another")) == (204, 404)
    asset = requester_secret_address(STRANGER.address, "api-key")
    kept = [vault.custody.share(asset, STRANGER.address) for vault in face.federation.vaults]
    assert {(each.kind, each.value_hash) for each in kept} == {("iexec-requester", None)}
    sealed = await face.federation.files.get_bytes(kept[0].record.file_sha256, 1 << 20)
    plain = BytesIO()
    open_sealed(BytesIO(sealed), plain, combine([each.share for each in kept], kept[0].record))
    assert plain.getvalue() == secret


async def test_no_vault_shows_what_a_guess_of_a_pushed_text_could_be_held_against(face: Face) -> None:
    app, asset = face.federation.market.app, requester_secret_address(STRANGER.address, "pin")
    await push_for_requester(face, b"1234", name="pin")
    await push_for_app(face, b"password")
    for where, owner in ((asset, STRANGER.address), (app, DEVELOPER.address)):
        for client in face.federation.clients:
            assert (await client.asset(where, owner)).signature == b""


async def test_a_requesters_secret_is_written_once_under_each_name(face: Face) -> None:
    await push_for_requester(face, b"first")
    again = await push_for_requester(face, b"second")
    assert (again.status_code, again.json()["check"]) == (409, "requester-secret.4")
    assert (await push_for_requester(face, b"second", name="another")).status_code == 204


async def test_nobody_pushes_a_secret_in_a_requesters_name(face: Face) -> None:
    assert (await push_for_requester(face, b"a password", by=OWNER)).status_code == 401
    assert await requesters_there(face) == 404


async def test_a_name_that_iexec_does_not_take_is_refused(face: Face) -> None:
    assert (await push_for_requester(face, b"a password", name="a b")).status_code == 400
    assert await requesters_there(face, "a b") == 404
