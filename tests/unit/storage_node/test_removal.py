"""The checks of a removal, each with the one bad request that it refuses; and what a removal removes."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from sealgrid.attestation.statements import FileRemoval
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import CallRefused, NotFound, ServiceUnavailable
from sealgrid.storage_node.config import RLC, StorageNodeConfig
from sealgrid.storage_node.removal import REMOVAL_SECONDS
from sealgrid.storage_node.runner import create_node
from sealgrid.units import Address, Digest, to_address, to_digest
from sealgrid.wire.chain_view import AccountBalance, FileAddresses, NamingAsset
from sealgrid.wire.storage import SignedRemoval, StorageClient, TicketSigner
from tests.unit.storage_node.node_scene import Clock, InProcess, digest

NODE = "https://files.example"
DOMAIN = Domain(chain=31337, broker=to_address(b"\x0b" * 20))
OWNER, POOR, STRANGER, SITE = (SigningKey.from_bytes(bytes([n]) * 32) for n in (1, 2, 3, 4))
MODEL, OTHER_MODEL = to_address(b"\x21" * 20), to_address(b"\x22" * 20)
CONTENT = b"a sealed model"
FILE = digest(CONTENT)


def dataset(owner: Address = OWNER.address, **changes: Any) -> NamingAsset:
    asset = NamingAsset(address=MODEL, is_dataset=True, owner=owner, former_owners=(), open_until=0)
    return msgspec.structs.replace(asset, **changes)


class Chain:
    """A chain on which all accounts but one are rich, and some assets name the file."""

    def __init__(self) -> None:
        self.naming: tuple[NamingAsset, ...] = (dataset(),)
        self.asked: list[FileAddresses] = []
        self.away = False

    async def account(self, account: Address) -> AccountBalance:
        return AccountBalance(balance=0 if account == POOR.address else 9 * RLC)

    async def naming_assets(self, file: FileAddresses) -> tuple[NamingAsset, ...]:
        if self.away:
            raise ServiceUnavailable("away.")
        self.asked.append(file)
        return self.naming if file.sha256 == FILE else ()


class World:
    """A storage node, its chain, and clients with tickets."""

    def __init__(self, folder: Path, *, with_chain: bool = True) -> None:
        self.clock, self.chain = Clock(), Chain()
        config = StorageNodeConfig(folder=folder, url=NODE, domain=DOMAIN, services=frozenset({SITE.address}))
        self.app, self.uploads = create_node(config, self.chain if with_chain else None, self.clock)  # type: ignore[arg-type]
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
        self.http = InProcess(httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1"))

    def by(self, key: SigningKey) -> StorageClient:
        return StorageClient(self.http, TicketSigner(NODE, key, DOMAIN, self.clock))

    def removal(self, key: SigningKey = OWNER, file: Digest = FILE, **changes: Any) -> SignedRemoval:
        issued = int(self.clock())
        statement = FileRemoval(account=key.address, file_sha256=file, issued=issued)
        statement = msgspec.structs.replace(statement, **changes)
        return SignedRemoval(removal=statement, signature=statement.sign(DOMAIN, key))

    async def refused(self, signed: SignedRemoval) -> str:
        with pytest.raises(CallRefused) as error:
            await self.by(OWNER).remove(signed)
        assert (await self.by(OWNER).head(FILE)).size == len(CONTENT), "the file stays"
        return str(error.value.check)


@pytest.fixture
async def world(tmp_path: Path) -> World:
    scene = World(tmp_path)
    await scene.by(OWNER).put(CONTENT)
    return scene


async def test_the_owner_removes_a_file_that_it_stored_although_the_chain_names_it(world: World) -> None:
    world.uploads.apply(world.uploads.quotas.apply_chain_answer([FILE], [FILE], world.clock()))
    assert world.uploads.quotas.is_named(FILE)
    assert await world.by(OWNER).remove(world.removal()) == 0
    with pytest.raises(NotFound):
        await world.by(OWNER).head(FILE)
    with pytest.raises(NotFound, match="no such file"):
        await world.by(OWNER).remove(world.removal())
    assert world.uploads.quotas.charged(OWNER.address) == (0, 0, 0)
    await world.by(OWNER).put(CONTENT)
    assert (await world.by(OWNER).head(FILE)).size == len(CONTENT), "it can be stored again"


@pytest.mark.parametrize("fault", ["another signer", "another file", "no signature", "another network"])
async def test_1_a_removal_that_its_account_did_not_sign_is_refused(world: World, fault: str) -> None:
    signed = world.removal()
    other = to_digest(b"\x09" * 32)
    bad = {
        "another signer": lambda: msgspec.structs.replace(signed, signature=world.removal(STRANGER).signature),
        "another file": lambda: msgspec.structs.replace(signed, signature=world.removal(file=other).signature),
        "no signature": lambda: msgspec.structs.replace(signed, signature=b""),
        "another network": lambda: msgspec.structs.replace(
            signed, signature=signed.removal.sign(Domain(chain=1, broker=DOMAIN.broker), OWNER)
        ),
    }[fault]()
    assert await world.refused(bad) == "removal.1"


async def test_1_a_statement_for_another_file_than_the_paths_is_refused(world: World) -> None:
    other = world.removal(file=to_digest(b"\x09" * 32))
    with pytest.raises(CallRefused) as error:
        await world.http.request("POST", f"/files/{FILE}/removal", msgspec.json.encode(other, enc_hook=str))
    assert error.value.check == "removal.1"


@pytest.mark.parametrize("seconds", [-REMOVAL_SECONDS - 1, REMOVAL_SECONDS + 1])
async def test_2_a_removal_of_another_time_is_refused(world: World, seconds: int) -> None:
    assert await world.refused(world.removal(issued=int(world.clock()) + seconds)) == "removal.2"


@pytest.mark.parametrize(
    "naming",
    [
        (dataset(STRANGER.address),),
        (dataset(), dataset(STRANGER.address, address=OTHER_MODEL)),
        (dataset(is_dataset=False),),
        (dataset(), dataset(address=OTHER_MODEL)),
    ],
    ids=["another owner", "another account's too", "an app", "two models"],
)
async def test_3_a_file_that_another_asset_names_stays(world: World, naming: tuple[NamingAsset, ...]) -> None:
    world.chain.naming = naming
    assert await world.refused(world.removal()) == "removal.3"
    assert world.chain.asked[0].cids[0].startswith("bafkrei"), "the chain is asked by every address of the file"


async def test_4_a_file_stays_while_a_run_that_was_bought_needs_it(world: World) -> None:
    world.chain.naming = (dataset(open_until=2_000_000),)
    assert await world.refused(world.removal()) == "removal.4"


async def test_5_only_who_stored_a_file_has_it_removed(world: World) -> None:
    world.chain.naming = ()
    assert await world.refused(world.removal(STRANGER)) == "removal.5"
    assert world.chain.asked


async def test_5_a_dataset_that_a_stranger_registers_for_the_file_of_another_removes_nothing(world: World) -> None:
    world.chain.naming = (dataset(STRANGER.address),)
    assert await world.refused(world.removal(STRANGER)) == "removal.5"


async def test_5_a_replayed_removal_keeps_what_was_stored_again(world: World) -> None:
    signed = world.removal()
    await world.by(OWNER).remove(signed)
    world.clock.now += 5
    await world.by(OWNER).put(CONTENT)
    assert await world.refused(signed) == "removal.5"


async def test_the_owner_after_a_transfer_removes_what_the_former_owner_stored(world: World) -> None:
    world.chain.naming = (dataset(STRANGER.address, former_owners=(OWNER.address,)),)
    assert await world.refused(world.removal()) == "removal.3"
    assert await world.by(STRANGER).remove(world.removal(STRANGER)) == 0


async def test_a_copy_that_another_client_stored_stays_for_it(world: World) -> None:
    await world.by(STRANGER).put(CONTENT)
    assert await world.by(OWNER).remove(world.removal()) == 1
    assert (await world.by(OWNER).head(FILE)).size == len(CONTENT)


@pytest.mark.parametrize("poor", [True, False], ids=["without a balance", "through a site"])
async def test_a_file_is_removed_for_the_account_that_it_was_stored_for(tmp_path: Path, poor: bool) -> None:
    world = World(tmp_path)
    owner = POOR if poor else OWNER
    world.chain.naming = (dataset(owner.address),)
    uploader = world.by(POOR) if poor else world.by(SITE).stored_for(OWNER.address)
    await uploader.put(CONTENT)
    again = world.by(STRANGER) if poor else world.by(SITE).stored_for(STRANGER.address)
    if not poor:
        await again.put(CONTENT)
        world.chain.naming = ()
        assert await world.refused(world.removal(STRANGER)) == "removal.5", "storing it again gives no right over it"
        world.chain.naming = (dataset(owner.address),)
    assert await world.by(owner).remove(world.removal(owner)) == 0


async def test_only_a_service_stores_for_another_account(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.chain.naming = ()
    await world.by(OWNER).stored_for(STRANGER.address).put(CONTENT)
    assert await world.refused(world.removal(STRANGER)) == "removal.5"


async def test_without_an_answer_of_the_chain_nothing_is_removed(world: World) -> None:
    world.chain.away = True
    with pytest.raises(ServiceUnavailable):
        await world.by(OWNER).remove(world.removal())
    assert (await world.by(OWNER).head(FILE)).size == len(CONTENT)


async def test_a_node_without_a_view_of_the_chain_checks_account_and_hold(tmp_path: Path) -> None:
    world = World(tmp_path, with_chain=False)
    await world.by(OWNER).put(CONTENT)  # counts for the network address: no balance is known
    assert await world.refused(world.removal(STRANGER)) == "removal.5"
    assert await world.by(OWNER).remove(world.removal()) == 0


async def test_the_account_of_a_hold_survives_a_restart(tmp_path: Path) -> None:
    first = World(tmp_path)
    await first.by(SITE).stored_for(OWNER.address).put(CONTENT)
    first.uploads.close()
    world = World(tmp_path)
    world.clock.now += 1
    assert await world.by(OWNER).remove(world.removal()) == 0
