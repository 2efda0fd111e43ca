"""A node that lost files, or was down when others stored them, gets them again from the other nodes."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from sealgrid.attestation.statements import FileRemoval
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage_node.admission import UploadAdmission
from sealgrid.storage_node.config import RLC, StorageNodeConfig
from sealgrid.storage_node.quota_types import ClientKind
from sealgrid.storage_node.repair import MAX_SILENCES, FileRepair
from sealgrid.storage_node.runner import create_node, open_app
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_address
from sealgrid.wire.chain_view import AccountBalance, AssetFile, AssetFiles, FileAddresses, NamingAsset
from sealgrid.wire.service_monitor import ServiceMonitor
from sealgrid.wire.storage import PIECE_BYTES, SignedRemoval, StorageClient
from tests.unit.storage_node.node_scene import Clock, InProcess, digest

DOMAIN = Domain(chain=31337, broker=to_address(b"\x0b" * 20))
OWNER, POOR = SigningKey.from_bytes(b"\x01" * 32), to_address(b"\x02" * 20)
MODEL = b"a sealed model" * 200_000  # of several pieces


@dataclass
class Chain:
    """A chain whose assets name some files; a page has one file."""

    named: list[AssetFile] = field(default_factory=list)
    away: bool = False

    async def account(self, account: Address) -> AccountBalance:
        return AccountBalance(balance=0 if account == POOR else 9 * RLC)

    async def asset_files(self, after: Address = ZERO_ADDRESS) -> AssetFiles:
        if self.away:
            raise ServiceUnavailable("away.")
        place = int(after, 16)
        files = tuple(self.named[place : place + 1])
        return AssetFiles(files=files, after=to_address((place + 1).to_bytes(20, "big")) if files else None)

    async def naming_assets(self, file: FileAddresses) -> tuple[NamingAsset, ...]:
        owners = [each.owner for each in self.named if each.sha256 == file.sha256]
        return tuple(
            NamingAsset(address=ZERO_ADDRESS, is_dataset=True, owner=owner, former_owners=(), open_until=0)
            for owner in owners
        )


class Node:
    """A storage node in this process, which can start again with what is left on its disk."""

    def __init__(self, folder: Path, chain: Chain, clock: Clock, *others: str, **settings: int) -> None:
        self.config = StorageNodeConfig(
            folder=folder, url=f"http://{folder.name}", domain=DOMAIN, others=others, **settings
        )
        self.chain, self._clock = chain, clock
        self.start()

    def start(self) -> None:
        app, self.uploads = create_node(self.config, self.chain, self._clock)  # type: ignore[arg-type]
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        self.client = StorageClient(InProcess(self.http), url=self.config.url)

    def restart(self) -> None:
        self.uploads.close()
        self.start()

    def repair_from(self, *clients: StorageClient) -> FileRepair:
        admission = UploadAdmission(self.config, self.chain, self._clock)
        return FileRepair(self.uploads, RemoteFiles(*clients, pauses=()), admission, self.chain)

    def loses(self, file: Digest) -> None:
        (path,) = (self.config.folder / "files").glob(f"*/{file.removeprefix('0x')}")
        path.unlink()


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
async def nodes(tmp_path: Path, chain: Chain, clock: Clock) -> AsyncIterator[tuple[Node, Node]]:
    pair = (Node(tmp_path / "first", chain, clock, "http://127.0.0.1"), Node(tmp_path / "second", chain, clock))
    yield pair
    for node in pair:
        await node.http.aclose()
        node.uploads.close()


async def stored_at(content: bytes, *nodes: Node) -> Digest:
    for node in nodes:
        await node.client.put(content)
    return digest(content)


async def test_a_file_that_the_disk_lost_comes_back_with_its_hold(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    file = await stored_at(MODEL, first, second)
    (hold,) = first.uploads.quotas.holds(file)
    first.loses(file)
    first.restart()
    with pytest.raises(NotFound):
        await first.client.read(file, 0, 1)
    repair = first.repair_from(second.client)
    assert await repair.repair()
    assert first.uploads.folder.path(file).read_bytes() == MODEL
    assert first.uploads.quotas.holds(file) == (hold,)
    assert repair.missing() == {"recorded": 0, "named": 0}


async def test_a_file_that_the_chain_names_comes_to_a_node_that_was_down(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    file = await stored_at(MODEL, second)
    first.chain.named = [AssetFile(sha256=file, owner=OWNER.address)]
    assert await first.repair_from(second.client).repair()
    (hold,) = first.uploads.quotas.holds(file)
    assert (hold.client, hold.kind, hold.account) == (OWNER.address, ClientKind.ACCOUNT, OWNER.address)
    assert first.uploads.quotas.is_named(file)
    assert first.uploads.folder.path(file).read_bytes() == MODEL


async def test_a_file_of_an_owner_without_a_balance_counts_as_a_network_addresss(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    first.chain.named = [AssetFile(sha256=await stored_at(b"poor", second), owner=POOR)]
    assert await first.repair_from(second.client).repair()
    (hold,) = first.uploads.quotas.holds(digest(b"poor"))
    assert (hold.client, hold.kind) == (f"owner {POOR}", ClientKind.ADDRESS)


async def test_other_bytes_are_refused_and_the_next_node_is_asked(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    first, second = nodes
    file = await stored_at(MODEL, first, second)
    liar = Node(tmp_path / "liar", first.chain, Clock())
    await liar.client.put(MODEL)
    (path,) = (liar.config.folder / "files").glob("*/*")
    path.write_bytes(b"X" + MODEL[1:])
    first.loses(file)
    alone, both = first.repair_from(liar.client), first.repair_from(liar.client, second.client)
    assert not await alone.repair()
    assert alone.missing()["recorded"] == 1
    assert not first.uploads.folder.holds(file)
    assert await both.repair()
    assert first.uploads.folder.path(file).read_bytes() == MODEL
    liar.uploads.close()


async def test_what_no_other_node_has_is_counted_as_missing_until_one_does(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    file = await stored_at(b"only here", first)
    named = AssetFile(sha256=digest(b"nowhere"), owner=OWNER.address)
    first.chain.named = [named, named]
    first.loses(file)
    repair = first.repair_from(second.client)
    assert not await repair.repair()
    assert repair.missing() == {"recorded": 1, "named": 1}
    await stored_at(b"only here", second)
    await stored_at(b"nowhere", second)
    assert await repair.repair()
    assert repair.missing() == {"recorded": 0, "named": 0}


async def test_a_file_that_its_owner_removed_does_not_come_back(nodes: tuple[Node, Node], clock: Clock) -> None:
    first, second = nodes
    file = await stored_at(b"withdrawn", second)
    first.chain.named = [AssetFile(sha256=file, owner=OWNER.address)]
    assert await first.repair_from(second.client).repair()
    removal = FileRemoval(account=OWNER.address, file_sha256=file, issued=int(clock.now))
    assert await first.client.remove(SignedRemoval(removal=removal, signature=removal.sign(DOMAIN, OWNER))) == 0
    first.restart()
    assert await first.repair_from(second.client).repair()
    assert not first.uploads.folder.holds(file)
    await stored_at(b"withdrawn", first)  # again, which ends the removal
    first.loses(file)
    assert await first.repair_from(second.client).repair()
    assert first.uploads.folder.holds(file)


async def test_expired_files_are_not_fetched(nodes: tuple[Node, Node], clock: Clock) -> None:
    first, second = nodes
    file = await stored_at(b"of yesterday", first, second)
    first.loses(file)
    clock.now += 90_000
    first.restart()
    assert await first.repair_from(second.client).repair()
    assert not first.uploads.folder.holds(file)


async def test_a_file_that_is_removed_while_it_is_fetched_does_not_stay(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    file = await stored_at(MODEL, first, second)
    first.loses(file)

    class Slow(StorageClient):
        async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
            for hold in first.uploads.quotas.holds(file):
                first.uploads.apply(first.uploads.quotas._remove_hold(file, hold.client))
            return await super().read(sha256, offset, length)

    assert await first.repair_from(Slow(second.client.transport, url="http://127.0.0.1")).repair()
    assert not first.uploads.folder.holds(file)


async def test_repair_needs_the_disk_of_one_file_at_a_time_and_no_more_than_its_record_says(
    nodes: tuple[Node, Node],
) -> None:
    first, second = nodes
    contents = [bytes([number]) * PIECE_BYTES for number in range(3)]
    files = [await stored_at(each, first, second) for each in contents]
    for file in files:
        first.loses(file)
    first.restart()
    incoming, peak = first.config.folder / "incoming", 0

    class Watching(StorageClient):
        async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
            nonlocal peak
            peak = max(peak, len(list(incoming.iterdir())))
            return await super().read(sha256, offset, length)

    assert await first.repair_from(Watching(second.client.transport, url="http://127.0.0.1")).repair()
    assert peak == 1
    assert list(incoming.iterdir()) == []


async def test_a_file_that_grew_at_the_other_node_is_read_no_further_than_the_record(
    nodes: tuple[Node, Node],
) -> None:
    first, second = nodes
    file = await stored_at(b"small", first, second)
    (path,) = (second.config.folder / "files").glob("*/*")
    path.write_bytes(bytes(3 * PIECE_BYTES))
    first.loses(file)
    read = 0

    class Counting(StorageClient):
        async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
            nonlocal read
            piece = await super().read(sha256, offset, length)
            read += len(piece)
            return piece

    assert not await first.repair_from(Counting(second.client.transport, url="http://127.0.0.1")).repair()
    assert read <= PIECE_BYTES


async def test_a_missing_file_keeps_its_room(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    file = await stored_at(MODEL, first, second)
    used = first.uploads.quotas.used(ClientKind.ADDRESS)
    first.loses(file)
    first.restart()
    assert first.uploads.quotas.used(ClientKind.ADDRESS) == used


async def test_a_round_ends_early_where_no_node_answers(nodes: tuple[Node, Node]) -> None:
    first, _ = nodes
    asked = 0

    class Silent(StorageClient):
        async def head(self, sha256: Digest):  # type: ignore[no-untyped-def]  # it never returns
            nonlocal asked
            asked += 1
            raise ServiceUnavailable("silent.")

    for number in range(MAX_SILENCES + 5):
        first.loses(await stored_at(bytes([number]), first))
    repair = first.repair_from(Silent(first.client.transport, url="http://silent"))
    assert not await repair.repair()
    assert repair.missing()["recorded"] == MAX_SILENCES + 5
    assert asked <= 3 * MAX_SILENCES


async def test_without_the_chain_the_records_are_repaired_and_the_rest_is_put_off(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    file = await stored_at(b"recorded", first, second)
    first.loses(file)
    first.chain.away = True
    assert not await first.repair_from(second.client).repair()
    assert first.uploads.folder.holds(file)


async def test_a_node_repairs_itself_when_it_starts_and_its_metrics_tell_what_is_missing(
    nodes: tuple[Node, Node], clock: Clock
) -> None:
    first, second = nodes
    clock.now = time.time()  # by which the application expires files
    back, gone = await stored_at(b"back", first, second), await stored_at(b"gone", first)
    for file in (back, gone):
        first.loses(file)
    first.uploads.close()
    monitor = ServiceMonitor("storage")
    async with open_app(first.config, monitor, http=second.http._transport), asyncio.timeout(20):
        while monitor.registry.get_sample_value("sealgrid_storage_missing_files", {"kind": "recorded"}) != 1:
            await asyncio.sleep(0.01)
        assert (first.config.folder / "files" / back[2:4] / back[2:]).read_bytes() == b"back"
    first.start()
