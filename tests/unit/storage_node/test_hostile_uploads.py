"""Strangers who try to keep a node from its work, over real HTTP; each test has an honest client as its control."""

import asyncio
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sealgrid.attestation.statements import poco_authorisation
from sealgrid.crypto.signing import Domain, SigningKey, personal_digest
from sealgrid.errors import NotFound, StoreFull
from sealgrid.storage_node.config import RLC, StorageNodeConfig
from sealgrid.storage_node.quota_types import ClientKind
from sealgrid.storage_node.runner import create_node, update_chain_references
from sealgrid.storage_node.uploads import UploadStore
from sealgrid.units import Address, Digest, TaskId, to_address, to_digest
from sealgrid.wire.chain_view import AccountBalance, FileAddresses, TaskParties
from sealgrid.wire.http_transport import parse_error
from sealgrid.wire.storage import StorageClient, TicketSigner, WorkerProof

MIB = 1 << 20
NODE, DOMAIN = "http://127.0.0.1", Domain(chain=31337, broker=to_address(b"\x0b" * 20))
RICH, WORKER, POOL, READER = (SigningKey.from_bytes(bytes([n]) * 32) for n in (1, 2, 3, 4))
TASK, ENCLAVE = TaskId(to_digest(b"\x07" * 32)), to_address(b"\x09" * 20)


ADDRESSES = itertools.count()


class Chain:
    """The chain as the node reads it."""

    named_files: frozenset[Digest] = frozenset()

    async def account(self, account: Address) -> AccountBalance:
        return AccountBalance(balance=100 * RLC if account == RICH.address else 0)

    async def task(self, task: TaskId) -> TaskParties:
        return TaskParties(
            active=True,
            requester=READER.address,
            pool_owner=POOL.address,
            pool_signer=POOL.address,
            pool_balance=100 * RLC,
        )

    async def named(self, files: tuple[FileAddresses, ...]) -> frozenset[Digest]:
        return frozenset(file.sha256 for file in files) & self.named_files


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class From:
    """The node as one network address reaches it."""

    def __init__(self, app: Any, address: str) -> None:
        transport = httpx.ASGITransport(app, client=(address, 1))
        self.http = httpx.AsyncClient(transport=transport, base_url=NODE)

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        answer = await self.http.request(method, path, content=body or None)
        if answer.is_success:
            return answer.content
        raise parse_error(answer.content, answer.status_code)


class World:
    def __init__(self, folder: Path, total_limit: int = 64 * MIB) -> None:
        self.config = StorageNodeConfig(
            folder=folder, url=NODE, domain=DOMAIN, total_limit=total_limit, address_bytes=4 * MIB, chain_url="unused"
        )
        self.chain, self.clock = Chain(), Clock()
        self.app, self.uploads = create_node(self.config, self.chain, self.clock)  # type: ignore[arg-type]

    def by(self, address: str, key: SigningKey | None = None) -> StorageClient:
        tickets = TicketSigner(NODE, key, DOMAIN, clock=self.clock) if key else None
        return StorageClient(From(self.app, address), tickets)  # type: ignore[arg-type]

    def worker(self) -> StorageClient:
        signature = POOL.sign(personal_digest(poco_authorisation(WORKER.address, TASK, ENCLAVE)))
        return self.by("192.0.2.1", WORKER).for_result(TASK, WorkerProof(enclave=ENCLAVE, signature=signature))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "node")
    yield made
    made.uploads.close()


async def fill(world: World, key: SigningKey | None) -> int:
    """Store files from as many addresses as it takes, until the node is full; return how many."""
    stored = 0
    while True:
        try:
            await world.by(f"198.51.100.{next(ADDRESSES)}", key).put(os.urandom(world.config.total_limit // 64))
            stored += 1
        except StoreFull:
            return stored


async def test_a_store_that_strangers_and_accounts_filled_takes_results_and_keeps_them(world: World) -> None:
    """Red team 10(a): a stranger filled the store, so no result could be stored and no worker was paid."""
    world = World(world.config.folder, 4 * MIB)
    strangers = await fill(world, None)
    accounts = await fill(world, RICH)
    assert (strangers, accounts) == (8, 48)
    result = await world.worker().put(b"sealed result")
    for _ in range(3):
        await fill(world, None)
        await fill(world, RICH)
        world.clock.now += 86_401
        world.uploads.expire()
        await update_chain_references(world.uploads, world.chain, world.clock())  # type: ignore[arg-type]
    assert await world.by("192.0.2.9").read(result.sha256, 0, 100) == b"sealed result"
    world.uploads.close()


@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_an_upload_goes_on_while_four_loops_open_uploads(world: World, pause: float) -> None:
    """Red team 10(b): every honest upload of 6 MiB got "no such upload is open"."""
    opened, refused = [0], [0]

    async def attack(number: int) -> None:
        http = From(world.app, f"198.51.100.{number}").http
        for _ in range(1_000):  # below the rate limit of an address, which is not what this test is about
            await asyncio.sleep(0)  # a refusal without a socket never waits
            answer = await http.post("/uploads")
            if answer.is_success:
                await http.patch(f"/uploads/{answer.json()['upload']}", content=b"x")
                opened[0] += 1
            else:
                refused[0] += answer.status_code == 429

    loops = [asyncio.create_task(attack(number)) for number in range(4)]
    try:
        while not all((opened[0] >= 64, refused[0])):
            await asyncio.sleep(0)
        for client in (world.by("192.0.2.1"), world.by("198.51.100.1", RICH)):  # the second one beside the attacker
            content = os.urandom(3 * MIB)
            upload = await client.begin(len(content))
            await asyncio.sleep(pause)
            for start in range(0, len(content), MIB):
                await client.append(upload, content[start : start + MIB], start)
                await asyncio.sleep(pause)
            assert (await client.finish(upload)).size == len(content)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
    assert opened[0] == 4 * world.config.address_uploads


async def test_many_small_files_take_what_they_take_of_the_disk(world: World) -> None:
    """Red team 10(c): 1,500 files of 4 bytes counted as 6,000 bytes, and took 13 MB and 3,257 inodes."""
    http = From(world.app, "198.51.100.1").http
    for number in range(20):
        await http.post("/api/v0/add", files={"file": ("x", number.to_bytes(4, "big"))})
    place = world.config.folder
    on_disk = [path for folder in ("files", "names") for path in (place / folder).rglob("*") if path.is_file()]
    occupied = sum(max(4096, path.stat().st_blocks * 512) for path in on_disk)
    assert world.uploads.quotas.used(ClientKind.ADDRESS)[0] == occupied == 40 * 4096
    for _ in range(2):
        world.clock.now += 86_401
        world.uploads.expire()
        await update_chain_references(world.uploads, world.chain, world.clock())  # type: ignore[arg-type]
    world.uploads.expire()
    assert not any(path.exists() for path in on_disk)


async def test_a_file_of_iexecs_clients_stays_where_the_chain_names_it(world: World) -> None:
    http = From(world.app, "198.51.100.1").http
    named, gone = [
        (await http.post("/api/v0/add", files={"file": ("x", content)})).json()["Hash"] for content in (b"1", b"2")
    ]
    world.chain.named_files = frozenset({world.uploads.names.digest(named)})
    for _ in range(2):
        world.clock.now += 86_401
        await update_chain_references(world.uploads, world.chain, world.clock())  # type: ignore[arg-type]
        world.uploads.expire()
    answers = [(await http.get(f"/ipfs/{cid}")).status_code for cid in (named, gone)]
    assert answers == [200, 404]
    _, again = create_node(world.config, world.chain, world.clock)  # type: ignore[arg-type]
    assert again.quotas.is_named(again.names.digest(named))
    again.close()


async def test_a_result_is_kept_until_its_requester_opened_it(world: World) -> None:
    result = await world.worker().put(b"sealed result")
    reader, stranger = world.by("192.0.2.3", READER), world.by("192.0.2.4", RICH)
    await stranger.report_opened((result.sha256,))  # its own claim about another account's result
    expire_after(world.uploads, world.clock, 8)
    assert (await reader.head(result.sha256)).size == 13
    await reader.report_opened((result.sha256,))
    expire_after(world.uploads, world.clock, 8)
    with pytest.raises(NotFound):
        await reader.head(result.sha256)


def expire_after(uploads: UploadStore, clock: Clock, days: int) -> None:
    clock.now += days * 86_400
    uploads.expire()
