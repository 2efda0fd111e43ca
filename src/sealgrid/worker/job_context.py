"""Clients and stores that all jobs of a worker share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.file_store import FileStore, VerifyingReader
from sealgrid.storage.node_health import NodeHealth
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.iexec_sms import IexecSmsClient
from sealgrid.wire.market import MarketClient
from sealgrid.wire.message import Transport
from sealgrid.wire.platform import PlatformClient
from sealgrid.wire.pool import AuthoriseReply, CommitReply, Stage
from sealgrid.wire.storage import StorageClient, WorkerProof
from sealgrid.worker.config import WorkerConfig
from sealgrid.worker.finalizer import Finalizer
from sealgrid.worker.wheel_index import WheelIndex


class JobPoolClient(Protocol):
    """Pool operations that a job needs (see ``SignedPoolClient``)."""

    @property
    def worker(self) -> Address:
        """Return the address that PoCo pays."""

    async def authorise(self, task: TaskId, fence: int, enclave: Address) -> AuthoriseReply:
        """Return the pool's authorisation of an enclave."""

    async def commit(
        self, task: TaskId, fence: int, result_hash: Digest, result_seal: Digest, *, wait: float
    ) -> CommitReply:
        """Commit to a result without an enclave; return what to do next."""

    async def report(self, task: TaskId, fence: int, stage: Stage, detail: str, *, check: str = "") -> None:
        """Report the stage of a job."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """Clients and stores that all jobs of this worker share."""

    config: WorkerConfig
    pool: JobPoolClient
    chain: Finalizer
    platform: PlatformClient
    storage: FileStore
    source: VerifyingReader
    cache: ContentFolder
    wheels: WheelIndex
    vaults: tuple[Transport, ...]
    fetch_by_cid: Callable[[str, int], Awaitable[bytes]]  #: reads a file by its CID, of at most so many bytes
    sms: IexecSmsClient | None = None
    market: MarketClient | None = None
    nodes: tuple[StorageClient, ...] = ()  #: receive results; if empty, ``storage`` does
    health: NodeHealth = field(default_factory=NodeHealth)  #: of the storage nodes
    #: Raises InputRefused while the account for which the worker works lets it do nothing.
    require_delegation: Callable[[], Awaitable[None]] | None = None
    on_stage: Callable[[TaskId, Stage], None] = lambda task, stage: None  #: is called with each stage of a job

    def result_store(self, task: TaskId, proof: WorkerProof | None) -> FileStore:
        """Return the store for the result of a task, with tickets that name it; without a proof ``storage``."""
        if proof is None or not self.nodes or not isinstance(self.storage, RemoteFiles):
            return self.storage
        return self.storage.through(*(node.for_result(task, proof) for node in self.nodes))

    def for_pool(self, pool: JobPoolClient) -> "JobContext":
        """Return the same context for jobs of another pool."""
        return replace(self, pool=pool)
