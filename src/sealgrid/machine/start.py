"""Starts this machine as a worker of a pool: admission, certificate, runtime, sandbox, jobs."""

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from msgspec.structs import replace

from sealgrid.attestation.simulated_pki import raw_public
from sealgrid.attestation.statements import MachineEnrolment
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import EvidenceRefused, InputRefused, SealgridError
from sealgrid.machine.runtime_image import fetch_runtime
from sealgrid.platform.quoters import EnrolledQuoters, load_or_create_machine_key
from sealgrid.platform.runner import open_app
from sealgrid.platform.simulated import PlatformConfig, SimulatedPlatform
from sealgrid.sdk.network import Network
from sealgrid.storage.atomic_file import write_file
from sealgrid.units import Address, TaskId, to_digest
from sealgrid.wire.admission import AdmissionClient, JoinRequest, SignedAdmission, SignedInvitation
from sealgrid.wire.authority import AuthorityClient, EnrolmentRequest
from sealgrid.wire.faucet import FaucetClient
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.platform import PlatformClient
from sealgrid.wire.pool import PoolClient
from sealgrid.wire.service_access import LOOPBACK, ONE_MACHINE
from sealgrid.worker.account_publisher import require_delegation
from sealgrid.worker.config import WorkerConfig
from sealgrid.worker.limits import MachineUse, WorkLimits
from sealgrid.worker.runner import WorkSession, open_context
from sealgrid.worker.signed_pool_client import SignedPoolClient

COLLATERAL_SECONDS: Final = 3600.0  #: between two fetches of the authority's collateral
LEAST_WEI: Final = 10**16  #: a worker pays the gas of its results
_TEST_CREDITS: Final = 1  #: nRLC; the faucet adds ether to any request
_log = logging.getLogger("sealgrid.machine")


@dataclass(frozen=True, slots=True)
class WorkerMachine:
    """A worker of this machine: its network, its folder and what it may do."""

    network: Network
    folder: Path  #: key, certificate key, runtime, caches
    invitation: SignedInvitation | None = None
    limits: WorkLimits = field(default_factory=WorkLimits)
    memory: int = 0  #: bytes that one app may have; 0 for those of the machine
    apps: tuple[Address, ...] = ()  #: that it runs; empty for all
    requesters: tuple[Address, ...] = ()  #: for whom it runs jobs; empty for all
    account: Address | None = None  #: WorkerAccount that PoCo pays; None for the worker's own key

    @property
    def key_file(self) -> Path:
        """Return the file of the worker's chain key."""
        return self.folder / "chain.key"


async def at_pool(network: Network, url: str) -> Network:
    """Return the network file for a worker of the pool at a URL; raise ServiceUnavailable if no pool answers there."""
    async with HttpTransport(url, name="the pool") as transport:
        view = await PoolClient(transport).view()
    return replace(network, pool_url=url, workerpool=view.workerpool)


def load_or_create_key(machine: WorkerMachine) -> SigningKey:
    """Return the worker's chain key, from a file of mode 0600; the first call generates it."""
    if not machine.key_file.exists():
        machine.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(machine.key_file, SigningKey.generate().secret.hex().encode(), replace=False)
    return load_key(machine)


def load_key(machine: WorkerMachine) -> SigningKey:
    """Return the worker's chain key; raise InputRefused for a damaged file, or without one."""
    try:
        return SigningKey.from_bytes(bytes.fromhex(machine.key_file.read_text().strip()))
    except FileNotFoundError:
        raise InputRefused(
            f"this machine has no worker of {machine.network.name!r}; start one (sealgrid worker start)."
        ) from None
    except ValueError:
        # Without the cause: its message could contain key material.
        raise InputRefused(
            f"{machine.key_file} is damaged; restore it from a backup, since this worker's earnings belong to it."
        ) from None


def is_running(machine: WorkerMachine) -> bool:
    """Return whether a process runs the worker."""
    try:
        with _locked(machine.folder):
            return False
    except InputRefused:
        return True


@contextlib.asynccontextmanager
async def open_worker(
    machine: WorkerMachine, on_progress: Callable[[str], None], on_job: Callable[[TaskId, str], None]
) -> AsyncIterator[WorkSession]:
    """Yield a session that is ready to take jobs; stop its enclaves at the end.

    Raises InputRefused for a network that machines cannot join, or while the worker has no ether or is no delegate of
    its account; CallRefused if the pool does not admit the worker; EvidenceRefused if the authority does not certify
    it; SetupMissing if the sandbox does not work here.
    """
    network, key = machine.network, load_or_create_key(machine)
    if not network.authority_url:
        raise InputRefused(
            f"machines cannot join {network.name!r}: its network file names no authority for simulated machines; "
            "ask the "
            "network's operator for a file with one."
        )
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_locked(machine.folder))
        if machine.account is None:
            on_progress("joining the pool")
            admission = await _join(machine, key)
            await _require_gas(network, key, on_progress)
        else:
            async with Node(*network.identity.rpc_urls) as node:
                await require_delegation(Hub(node, network.hub), network.workerpool, machine.account, key.address)
            on_progress("joining the pool")
            admission = await _join(machine, key)
        certified = HttpTransport(network.authority_url, name="the authority")
        authority = AuthorityClient(await stack.enter_async_context(certified))
        image = await fetch_runtime(authority, network.runtimes, machine.folder / "runtime", on_progress)
        on_progress("asking the authority for this machine's certificate")
        quoters = await _enrol(machine, key, authority, admission)
        on_progress("trying the sandbox")
        config = PlatformConfig(folder=machine.folder / "platform", image=image)
        platform = await asyncio.to_thread(SimulatedPlatform, config, lambda: int(time.time()), quoters)
        app = await stack.enter_async_context(open_app(platform, ONE_MACHINE))
        # In this process: no other user of this machine can launch an enclave.
        http = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        local = await stack.enter_async_context(HttpTransport(f"http://{LOOPBACK}", name="the platform", http=http))
        context, pool = await stack.enter_async_context(open_context(_config(machine), platform=PlatformClient(local)))
        renewal = asyncio.create_task(_renew_collateral(authority, quoters))
        stack.callback(renewal.cancel)
        yield WorkSession(context, pool, machine.limits, use=machine_use, on_job=on_job)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process run the worker of a folder; raise InputRefused for a second one."""
    with (folder / "worker.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputRefused(
                f"the worker of {folder} runs already; stop it first, or run more jobs in it with --jobs."
            ) from error
        yield


def machine_memory() -> int:
    """Return the bytes of memory that this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def machine_use() -> MachineUse:
    """Return how much others use this machine: terminals in use, except the worker's own, count as users."""
    terminals = Path("/dev/pts")
    users = sum(1 for entry in terminals.iterdir() if entry.name.isdecimal()) if terminals.is_dir() else 0
    own = any(os.isatty(descriptor) for descriptor in range(3))
    return MachineUse(load=os.getloadavg()[0] / (os.cpu_count() or 1), users=max(0, users - own))


@dataclass(frozen=True, slots=True)
class _PoolAdmission:
    signed: SignedAdmission
    seconds: int  #: the pool's time


async def _join(machine: WorkerMachine, key: SigningKey) -> _PoolAdmission:
    network = machine.network
    async with HttpTransport(network.pool_url, name="the pool") as transport:
        signer = SignedPoolClient(
            PoolClient(transport), key, network.identity.domain, network.workerpool, lambda: int(time.time())
        )
        await signer.synchronise()
        signed = await AdmissionClient(transport).join(signer.sign(JoinRequest(invitation=machine.invitation)))
        return _PoolAdmission(signed, signer.seconds)


async def _enrol(
    machine: WorkerMachine, key: SigningKey, authority: AuthorityClient, admitted: _PoolAdmission
) -> EnrolledQuoters:
    pck = load_or_create_machine_key(machine.folder / "machine.key")
    public = raw_public(pck)
    enrolment = MachineEnrolment(worker=key.address, key_sha256=to_digest(sha256(public)), issued=admitted.seconds)
    reply = await authority.enrol(
        EnrolmentRequest(
            public=public,
            enrolment=enrolment,
            signature=enrolment.sign(machine.network.identity.domain, key),
            admission=admitted.signed,
        )
    )
    if reply.root_ca_der not in {root.root_ca_der for root in machine.network.roots}:
        raise EvidenceRefused(
            "enrol",
            "the authority certifies under a root that the network file does not pin; join the network again with its "
            "present network file.",
        )
    return EnrolledQuoters(pck, reply.chain, reply.root_ca_der, await authority.collateral())


async def _require_gas(network: Network, key: SigningKey, on_progress: Callable[[str], None]) -> None:
    async with Node(*network.identity.rpc_urls) as node:
        if int(await node.rpc("eth_getBalance", key.address, "latest"), 16) >= LEAST_WEI:
            return
    if not network.faucet_url:
        raise InputRefused(
            f"worker {key.address} has less than {LEAST_WEI / 10**18:g} ether for the gas of its results; send ether "
            "to it."
        )
    on_progress("asking the faucet for test ether")
    async with HttpTransport(network.faucet_url, name="the faucet") as transport:
        await FaucetClient(transport).fund(key.address, _TEST_CREDITS)


async def _renew_collateral(authority: AuthorityClient, quoters: EnrolledQuoters) -> None:
    while True:
        await asyncio.sleep(COLLATERAL_SECONDS)
        try:
            quoters.replace_collateral(await authority.collateral())
        except SealgridError as error:
            _log.warning("the authority gives no collateral now: %s", error)


def _config(machine: WorkerMachine) -> WorkerConfig:
    network = machine.network
    return WorkerConfig(
        folder=machine.folder,
        key_file=machine.key_file,
        network=network.identity,
        workerpool=network.workerpool,
        pool_url=network.pool_url,
        storage_url=network.storage_url,
        platform_url="",
        market_url=network.market_url,
        sms_url=network.sms_url,
        storage_copies=network.storage_copies,
        storage_mirrors=network.storage_mirrors,
        memory=machine.memory or machine_memory(),
        apps=machine.apps,
        requesters=machine.requesters,
        account=machine.account,
    )
