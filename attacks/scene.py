"""The parties of an attack: honest accounts, their app and model, and an attacker with a pool and a worker."""

import contextlib
import itertools
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from sealgrid.attestation.facts import Facts, SecretFact, parse_facts, parse_params
from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.chain.node import Node
from sealgrid.chain.pool_gate import PoolGate
from sealgrid.chain.wallet import Wallet
from sealgrid.demos.common.thief import Thief, join_pool_group, open_thief
from sealgrid.localnet.layout import STORAGE, VAULTS, Layout
from sealgrid.poco.ids import task_id
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations import buy, deploy, publish
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.sdk.run_request import RunRequest
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId, to_digest
from sealgrid.vault.checks.deposit import StoredShare, input_asset
from sealgrid.vault.checks.settle import ResultShare
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.keys import VaultKeys, load_key_files
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.vault.stores.task_store import TaskStore
from sealgrid.wire.vault import OpenRequest
from sealgrid.worker.job import JobRun

HASHER = Path(__file__).resolve().parents[1] / "src/sealgrid/shipped_apps/hash_file"
MODEL = b"the weights of a model that is worth stealing"
PRICE = 10**9  #: nRLC per use

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Scene:
    """Everything that an attack may use."""

    network: Network
    owner: Connection
    requester: Connection
    developer: Connection
    thief: Thief
    app: deploy.DeployedApp
    model: Address
    control: Facts  #: of the control run, in which nobody lied
    folder: Path = field(repr=False)  #: for what an attack writes
    gated: bool = False  #: whether the thief operates the gate that owns the network's pool

    @property
    def layout(self) -> Layout:
        """Return where the network keeps its files: the thief is root on this machine."""
        return Layout(Path(self.network.folder))

    async def bought(self, content: bytes = b"private") -> buy.PurchasedTask:
        """Have the requester buy one use of the model from the thief's pool."""
        return await buy.run(
            self.requester,
            RunRequest(self.app.address, model=self.model, files=[("private", content)], pool_order=self.thief.order),
        )

    async def job(self, kind: type[JobRun] = JobRun) -> tuple[buy.PurchasedTask, JobRun]:
        """Return a bought job and the thief's run of it, which has not started."""
        job = await self.bought()
        return job, kind(await self.thief.open_task(job), self.thief.context)

    async def read_facts(self, job: buy.PurchasedTask, enclave: Address) -> Facts:
        """Return the facts that honest vaults will sign about a bought task, from the control run and the chain."""
        params, vault = job.terms.request.params, self.owner.vaults[0]
        inputs = parse_params(params).inputs
        record = (await vault.asset(input_asset(inputs[0]), self.requester.address)).record
        private = SecretFact(
            kind="input", record=to_digest(record.digest(self.owner.domain)), file_sha256=record.file_sha256
        )
        task = await self.requester.hub.view_task(job.task)
        return msgspec.structs.replace(
            self.control,
            deal=job.deal,
            task=job.task,
            index=task.index,
            bot_first=task.index,
            enclave=enclave,
            secrets=(self.control.secrets[0], private),
            params=params,
            inputs=inputs,
            expiry=task.contribution_deadline,
        )

    @contextlib.asynccontextmanager
    async def network_pool(self) -> AsyncIterator[None]:
        """Let the network's own pool operate the gate meanwhile, where the thief does."""
        if self.gated:
            await _operate(self.network, self.owner.hub.node, development_key("pool").address)
        try:
            yield
        finally:
            if self.gated:
                await _operate(self.network, self.owner.hub.node, self.thief.conn.address)

    def vault_keys(self, index: int) -> VaultKeys:
        """Return the secret keys of a vault, as its operator has them; vaults are counted in ascending order."""
        return load_key_files(self._folder_of(self.network.vaults[index].address))

    def _folder_of(self, vault: Address) -> Path:
        folders = (self.layout.part(f"vault-{n}") for n in range(1, VAULTS + 1))
        return next(folder for folder in folders if load_key_files(folder).address == vault)

    def share_of_model(self, index: int) -> StoredShare:
        """Return a vault's share of the model's key, which its operator can decrypt."""
        return self.share(index, self.model, self.owner.address)

    def share_of_input(self, index: int, sha256: Digest) -> StoredShare:
        """Return a vault's share of the key of one of the requester's inputs."""
        return self.share(index, input_asset(sha256), self.requester.address)

    def share(self, index: int, asset: Address, owner: Address) -> StoredShare:
        """Return a vault's share of a key, which its operator can decrypt."""
        with self._database(index) as (database, keys, federation):
            share = ShareStore(database, keys.at_rest, federation).find(asset, owner)
        assert share is not None
        return share

    def share_of_result(self, index: int, task: TaskId, enclave: Address) -> ResultShare:
        """Return a vault's share of the half of a result's key that it keeps until the chain has paid."""
        with self._database(index) as (database, keys, federation):
            settled = TaskStore(database, keys.at_rest, federation).find_settle(task, enclave)
        assert settled is not None
        assert settled.result_share is not None
        return settled.result_share

    @contextlib.contextmanager
    def _database(self, index: int) -> Iterator[tuple[VaultDatabase, VaultKeys, VaultFederation]]:
        vaults = tuple(vault.address for vault in self.network.vaults)
        keys, network = self.vault_keys(index), self.network
        federation = VaultFederation(
            network.chain, network.hub, network.broker, network.threshold, vaults, keys.address
        )
        # A copy: the running vault writes to its own, and locks it.
        with tempfile.TemporaryDirectory() as folder:
            live = f"file:{self._folder_of(keys.address) / DATABASE}?mode=ro"
            reading, copying = sqlite3.connect(live, uri=True), sqlite3.connect(f"{folder}/copy")
            with contextlib.closing(reading) as source, contextlib.closing(copying) as copy:
                source.backup(copy)
            store = VaultDatabase(Path(folder) / "copy")
            try:
                yield store, keys, federation
            finally:
                store.close()

    async def first_task(self, deal: DealId) -> TaskId:
        """Return the first task of a deal."""
        return task_id(deal, (await self.requester.hub.view_deal(deal)).bot_first)

    def stored(self, sha256: Digest) -> Path:
        """Return where the storage node keeps a file: its operator may change it."""
        return ContentFolder(self.layout.part(STORAGE)).path(sha256)

    async def take_back_to(self, block: int) -> None:
        """Have the chain forget every block after this one."""
        node = self.requester.node
        await node.rpc("anvil_rollback", (await node.block()).number - block)

    def own_folder(self, name: str) -> Path:
        """Return a fresh folder."""
        path = self.folder / f"{name}-{next(_numbers)}"
        path.mkdir()
        return path


@contextlib.asynccontextmanager
async def scene_on(network: Network, folder: Path) -> AsyncIterator[Scene]:
    """Set the scene on a running local network; ``folder`` takes what attacks write."""
    async with contextlib.AsyncExitStack() as stack:
        owner, requester, developer = [
            await stack.enter_async_context(connect(network, development_key(name)))
            for name in ("owner", "requester2", "developer")
        ]
        thief = await stack.enter_async_context(open_thief(network))
        gated = await owner.hub.teebroker() == ZERO_ADDRESS
        if gated:
            thief = await _operating_the_gate(thief, network)
        app = await deploy.deploy(developer, HASHER)
        (folder / "model").write_bytes(MODEL)
        model = await publish.publish(owner, folder / "model", name="model", apps=[app.address], price=PRICE)
        control = await _control(requester, thief, app.address, model.address)
        yield Scene(network, owner, requester, developer, thief, app, model.address, control, folder, gated)


async def _operating_the_gate(thief: Thief, network: Network) -> Thief:
    """Let the thief run a pool of the gate's: where the hub asks no broker, any other gets no key from the start."""
    conn, gate = thief.conn, PoolGate(thief.conn.hub.node, network.broker)
    await _operate(network, gate.node, conn.address)
    pool = await Assets(conn.hub).create_workerpool(conn.wallet, description="the thief's", owner=gate.address)
    await join_pool_group(network, pool)
    order = msgspec.structs.replace(thief.order, workerpool=pool, sign=b"", salt=fresh_salt())
    await gate.sign_order(conn.wallet, order)
    return replace(thief, order=order)


async def _operate(network: Network, node: Node, operator: Address) -> None:
    await PoolGate(node, network.broker).change_operator(Wallet(node, development_key("admin")), operator)


async def _control(requester: Connection, thief: Thief, app: Address, model: Address) -> Facts:
    """Run one job in which nobody lies: without it, a refusal would prove nothing."""
    job = await buy.run(requester, RunRequest(app, model=model, files=[("private", b"")], pool_order=thief.order))
    run = JobRun(await thief.open_task(job), thief.context)
    await run.run()
    assert run.enclave is not None
    reply = await requester.vaults[0].open(OpenRequest(task=job.task, enclave=run.enclave, testimony=True))
    assert reply.testimony is not None
    return parse_facts(reply.testimony.facts.encode())
