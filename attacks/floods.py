"""Floods, idle connections and replays by third parties. Bounded; loopback only."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import msgspec

from attacks.attack import Outcome, refused
from attacks.scene import Scene
from sealgrid.attestation.statements import InputGrant
from sealgrid.chain.accounts import development_key
from sealgrid.crypto.shares import record_from_shares, split
from sealgrid.crypto.signing import SigningKey
from sealgrid.units import TaskId, to_digest
from sealgrid.vault.checks.deposit import input_asset
from sealgrid.wire.deposits import seal_to_vault
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.message import encode
from sealgrid.wire.pool import JobReply, PoolClient, StageReport
from sealgrid.wire.vault import DepositRequest, VaultIdentity
from sealgrid.wire.worker_session import SessionCall
from sealgrid.worker.signed_pool_client import SignedPoolClient

MAX_DEPOSITS = 1_200
SILENT = 60
HALF_A_HEAD = b"GET /ident"
HALF_A_BODY = b"POST /deposits HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n\r\n"


class RecordingPoolClient(PoolClient):
    """A pool over a plain wire, on which somebody listens."""

    def __init__(self, transport: HttpTransport) -> None:
        super().__init__(transport)
        self.calls: list[SessionCall] = []

    async def next_jobs(self, request: SessionCall) -> JobReply:
        self.calls.append(request)
        return await super().next_jobs(request)


async def replay_a_workers_call(scene: Scene) -> Outcome:
    """Send a call again, then its session with another message: neither moves the pool's state."""
    network = scene.network
    async with HttpTransport(network.pool_url) as transport:
        wire = RecordingPoolClient(transport)
        key, domain = development_key("worker2"), scene.owner.domain
        side = SignedPoolClient(wire, key, domain, network.workerpool, lambda: int(time.time()))
        await side.next_job(wait=0)
        (call,) = wire.calls
        failed = encode(StageReport(task=TaskId(to_digest(bytes(32))), fence=1, stage="failed"))
        forged = msgspec.structs.replace(call, number=call.number + 1, payload=failed)
        elsewhere = await refused("pool", wire.report(forged))
        assert (elsewhere.by, elsewhere.check) == ("pool", "7")
        return await refused("pool", super(RecordingPoolClient, wire).next_jobs(call))


async def fill_a_vault_with_inputs(scene: Scene) -> Outcome:
    """Deposit inputs by keys that the chain never saw, as many as one vault takes."""
    vault = scene.network.vaults[0]
    identity = await scene.owner.vaults[0].identity()
    async with _client(vault.url, "127.0.0.1") as flood, _client(vault.url, "127.0.0.2") as honest:
        for _ in range(MAX_DEPOSITS):
            answer = await flood.post("/deposits", content=_deposit(scene, identity))
            if answer.status_code != 200:
                break
        other = await honest.post("/deposits", content=_deposit(scene, identity))
    if answer.status_code == 429 and "retry-after" in answer.headers and other.status_code == 200:
        return Outcome("vault", "", "a client deposits so many inputs an hour; another address is served")
    return Outcome("", "", f"{MAX_DEPOSITS} deposits were taken")


async def hold_connections_and_say_nothing(scene: Scene) -> Outcome:
    """Open connections with half a head or no body, and keep them."""
    address = urlsplit(scene.network.vaults[0].url)
    async with AsyncExitStack() as stack:
        readers = []
        for number in range(SILENT):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            stack.callback(writer.close)
            writer.write(HALF_A_BODY if number % 2 else HALF_A_HEAD)
            readers.append(reader)
        await scene.owner.vaults[0].identity()
        try:
            async with asyncio.timeout(60):
                answers = [await reader.read() for reader in readers]
        except TimeoutError:
            return Outcome("", "", "they are held for more than a minute")
    assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers)
    return Outcome("every service", "", "a request that does not go on is ended in time; others are served meanwhile")


def _client(url: str, address: str) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(base_url=url, transport=transport, timeout=60)


def _deposit(scene: Scene, identity: VaultIdentity) -> bytes:
    conn, key, file = scene.owner, SigningKey.generate(), to_digest(os.urandom(32))
    network = conn.network
    shares = split(os.urandom(32), len(network.vaults), network.threshold, os.urandom)
    record = record_from_shares(
        hub=network.hub,
        asset=input_asset(file),
        owner=key.address,
        version=1,
        file_sha256=file,
        t=network.threshold,
        vaults=conn.vault_addresses,
        shares=shares,
    )
    grant = InputGrant(owner=key.address, file_sha256=file, app=file, request=file)
    return encode(
        DepositRequest(
            record=record,
            signature=record.sign(conn.domain, key),
            index=1,
            sealed=seal_to_vault(shares[0], identity, to_digest(record.digest(conn.domain))),
            grant=grant,
            grant_signature=grant.sign(conn.domain, key),
        )
    )
