"""A vault that is killed with SIGKILL, at every statement to its database and at random moments under load.

After the restart all its answers still hold: a used nonce stays used, a verdict stays the verdict, a deposit with a
receipt is stored, the log has every answered release; no share or entry is ever partly stored.
"""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sealgrid.attestation.statements import LogHead
from sealgrid.attestation.vault_log import check_entry, check_head, contradiction
from sealgrid.chain.accounts import development_key
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import commit
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ReleaseRefused, ServiceUnavailable
from sealgrid.vault.keys import load_key_files
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.vault.stores.task_store import TaskStore
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.log import LogClient
from sealgrid.wire.server import listen, serve
from sealgrid.wire.vault import NonceRequest, ReleaseReply, ReleaseRequest, VaultClient
from tests.contracts.scene import DATASET_CHECKSUM, Market
from tests.integration.vault_enclave import Enclave, Session
from tests.integration.vault_federation import MODEL_DEK, Federation, federation_over, share_deposits

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]
SEED = 20261123
TASKS = 160
MAX_STATEMENTS = 60  #: a request that sends more would make this test endless


@dataclass
class Process:
    """The vault that is killed: the first of the federation."""

    config: Path
    forker: asyncio.subprocess.Process
    client: VaultClient
    pid: int = 0

    async def start(self, after: int = 0) -> None:
        """Start it; once lit it dies after so many statements."""
        assert self.forker.stdin is not None
        self.forker.stdin.write(f"{after}\n".encode())
        self.pid = int(await self._line())

    def light(self) -> None:
        os.kill(self.pid, signal.SIGUSR1)

    async def wait_ended(self) -> None:
        assert await self._line() == b"ended\n"

    async def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        await self.wait_ended()

    async def _line(self) -> bytes:
        assert self.forker.stdout is not None
        return await asyncio.wait_for(self.forker.stdout.readline(), 60)


@dataclass
class Scene:
    federation: Federation
    first: Enclave  #: of the first task of a deal with many
    process: Process
    folder: Path
    answers: Counter[bytes] = field(default_factory=Counter)  #: by nonce
    indices: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def evidence(self) -> tuple[Enclave, ReleaseRequest]:
        """The enclave of the deal's next task, with its nonce and quote."""
        market, index = self.federation.market, next(self.indices)
        task = await market.hub.initialize(market.wallet("pool"), self.first.deal, index)
        enclave = replace(self.first, task=task, signing=SigningKey.generate(), hpke=HpkeKey.generate())
        nonce = (await self.process.client.nonce(NonceRequest(authorization=enclave.authorization))).nonce
        return enclave, enclave.evidence((nonce, b"\1" * 32, b"\2" * 32))

    async def release(self, request: ReleaseRequest) -> bool:
        """Request a release; count its answer."""
        try:
            await self.process.client.release(request)
        except (ServiceUnavailable, ReleaseRefused):
            return False
        self.answers[request.nonces[0]] += 1
        return True

    async def restart_killed(self, after: int = 0) -> None:
        """Wait for the end of the killed process, check that its folder is consistent, and start it again."""
        await self.process.wait_ended()
        expect_whole(self.folder, self.federation)
        await self.process.start(after)

    async def at_every_statement(self, prepare: Callable[[], Awaitable["InterruptedRequest"]]) -> int:
        """Kill the vault after each statement of a request in turn; return how many requests were interrupted."""
        await self.process.kill()
        await self.process.start(0)
        for after in range(MAX_STATEMENTS):
            request = await prepare()
            self.process.light()
            try:
                answer = await request.send()
            except ServiceUnavailable:
                await self.restart_killed(after + 1)
                await request.expect_after(None)
            else:  # it made fewer statements than that
                await self.process.kill()
                await self.process.start()
                await request.expect_after(answer)
                return after
        raise AssertionError("the request makes too many statements")


@dataclass(frozen=True)
class InterruptedRequest:
    """A request during which the vault may be killed, and the check of the vault's state after its restart."""

    send: Callable[[], Awaitable[Any]]
    expect_after: Callable[[Any], Awaitable[None]]  #: takes the answer, or None without one


def expect_whole(folder: Path, federation: Federation) -> None:
    """Check that the database is intact, and that every share in it opens and fits its owner's commitment."""
    vault = federation.vaults[0]
    with closing(sqlite3.connect(folder / DATABASE)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        keys_of_assets = raw.execute("SELECT asset, owner FROM assets").fetchall()
        settled = raw.execute("SELECT task, enclave FROM settles").fetchall()
    keys = load_key_files(folder)
    with closing(VaultDatabase(folder / DATABASE)) as database:
        share_store, task_store = (kind(database, keys.at_rest, vault.federation) for kind in (ShareStore, TaskStore))
        stored = [share_store.find(asset, owner) for asset, owner in keys_of_assets]
        stored += [task_store.find_settle(task, enclave).result_share for task, enclave in settled]
    assert all(commit(each.share) == each.record.commitments[each.share.index - 1] for each in stored)


@pytest.fixture(scope="module")
async def scene(market: Market, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A deal of many tasks; the first vault's folder, keys and shares move into a process of their own."""
    folder = tmp_path_factory.mktemp("killed")
    async with federation_over(market, folder) as federation, contextlib.AsyncExitStack() as stack:
        await federation.sell_model(uses_per_requester_hour=10_000)
        deal = await federation.order(tasks=TASKS)
        first = await federation.begin(deal, 0)
        federation.vaults[0].database.close()
        storage = listen()
        serving = asyncio.create_task(serve(federation.storage, storage, lambda: None))
        stack.callback(serving.cancel)
        config = write_config(federation, folder, f"http://127.0.0.1:{storage.getsockname()[1]}")
        port = int(config.read_text().split("port = ")[1].split()[0])
        client = VaultClient(await stack.enter_async_context(HttpTransport(f"http://127.0.0.1:{port}")))
        forker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.vault_process",
            str(config),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        process = Process(config, forker, client)
        await process.start()
        yield Scene(federation, first, process, config.parent)
        await process.kill()
        forker.stdin.close()
        await forker.wait()


def write_config(federation: Federation, folder: Path, storage_url: str) -> Path:
    """Write the first vault's settings as its operator does; return the file."""
    market, home = federation.market, folder / federation.addresses[0]
    (home / "root.der").write_bytes(federation.machine.trust_root.root_ca_der)
    with listen() as free:
        port = free.getsockname()[1]
    config = home / "vault.toml"
    config.write_text(f"""
folder = "."
port = {port}
rpc_urls = ["{market.node.url}"]
chain = {market.deployment.chain}
genesis = "{market.deployment.genesis}"
hub = "{market.hub.address}"
broker = "{market.broker.address}"
storage_url = "{storage_url}"
threshold = 2
vaults = {list(federation.addresses)}
insecure_allow_simulated = true
[[roots]]
platform = "simulated"
certificate = "root.der"
""")
    return config


@pytest.mark.long
async def test_a_nonce_is_good_once_wherever_the_vault_is_killed(scene: Scene) -> None:
    async def prepare() -> InterruptedRequest:
        _, request = await scene.evidence()
        nonce = request.nonces[0]

        async def expect_after(_: Any) -> None:
            for _ in range(2):
                await scene.release(request)
            assert scene.answers[nonce] <= 1

        async def once() -> bool:
            reply = await scene.process.client.release(request)
            scene.answers[nonce] += 1
            return bool(reply.sealed)

        return InterruptedRequest(once, expect_after)

    assert await scene.at_every_statement(prepare) > 5
    assert all(times == 1 for times in scene.answers.values())


@pytest.mark.long
async def test_the_log_only_grows_and_has_every_answered_release_wherever_the_vault_is_killed(scene: Scene) -> None:
    log, vault = LogClient(scene.process.client.transport), scene.federation.vaults[0]

    async def read() -> LogHead:
        signed = await log.head()
        return check_head(signed.head, signed.signature, vault.address, vault.federation.domain)

    async def prepare() -> InterruptedRequest:
        before = await read()
        enclave, request = await scene.evidence()

        async def expect_after(reply: ReleaseReply | None) -> None:
            now = await read()
            assert now.size - before.size in ((1,) if reply else (0, 1))
            path = (await log.consistency(before.size, now.size)).path if now.size > before.size else ()
            assert contradiction(before, now, path) is None
            new = (await log.entries(before.size)).entries
            known = [check_entry(each.entry.encode(), each.index, each.path, now) for each in new]
            assert [entry.task for entry in known] == [enclave.authorization.task][: now.size - before.size]
            if reply:
                answered = enclave.answer(reply, enclave.report_data(request.nonces)).log
                assert answered.logged.entry == new[0].entry
                assert answered.head.head.root == now.root

        return InterruptedRequest(lambda: scene.process.client.release(request), expect_after)

    assert await scene.at_every_statement(prepare) > 5


async def test_a_deposit_is_there_or_not_wherever_the_vault_is_killed(scene: Scene) -> None:
    owner, federation = development_key("owner"), scene.federation
    client, model = scene.process.client, federation.market.dataset

    async def prepare() -> InterruptedRequest:
        before = (await client.asset(model, owner.address)).record
        identities = [await client.identity()] * 3  # only the first deposit is sent
        deposits = share_deposits(
            federation, owner, model, DATASET_CHECKSUM, MODEL_DEK, identities, version=before.version + 1
        )

        async def expect_after(receipt: Any) -> None:
            now = (await client.asset(model, owner.address)).record
            assert now in ((deposits[0].record,) if receipt else (before, deposits[0].record))
            await client.deposit(deposits[0])

        return InterruptedRequest(lambda: client.deposit(deposits[0]), expect_after)

    assert await scene.at_every_statement(prepare) > 3


async def test_a_verdict_stays_the_verdict_wherever_the_vault_is_killed(scene: Scene) -> None:
    client = scene.process.client

    async def prepare() -> InterruptedRequest:
        enclave, request = await scene.evidence()
        data = enclave.report_data(request.nonces)
        answer = enclave.answer(await client.release(request), data)
        result = await Session(enclave, data, (answer,) * 3, request).seal(os.urandom(20))
        settle = result.request(0)

        async def expect_after(reply: Any) -> None:
            again = await client.settle(settle)
            assert reply is None or again == reply
            assert await client.settle(settle) == again
            other = await Session(enclave, data, (answer,) * 3, request).seal(os.urandom(20))
            with pytest.raises(ReleaseRefused) as caught:
                await client.settle(other.request(0))
            assert caught.value.check == "settle.3"

        return InterruptedRequest(lambda: client.settle(settle), expect_after)

    assert await scene.at_every_statement(prepare) > 3


@pytest.mark.parametrize("round_", range(6))
async def test_under_load_no_nonce_is_good_twice(scene: Scene, round_: int) -> None:
    chance = random.Random(SEED + round_)
    requests = [(await scene.evidence())[1] for _ in range(8)]
    sending = [asyncio.create_task(scene.release(request)) for request in requests]
    await asyncio.sleep(chance.uniform(0, 0.08))
    os.kill(scene.process.pid, signal.SIGKILL)
    await asyncio.gather(*sending)
    await scene.restart_killed()
    for request in requests * 2:
        await scene.release(request)
    assert all(times == 1 for times in scene.answers.values())
