"""One job, and the pool and the source of files of its worker."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sealgrid.crypto.digests import cid_of, sha256
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.file_store import VerifyingReader
from sealgrid.units import Address, DealId, Digest, TaskId, to_address, to_digest
from sealgrid.wire.pool import JobAssignment, Stage
from sealgrid.worker.config import WorkerConfig
from sealgrid.worker.job_context import JobContext

BUNDLE_BYTES = b"the bundle of an app"
ACCOUNT, DIGEST = to_address(b"\x0a" * 20), to_digest(b"\x0d" * 32)


JOB = JobAssignment(
    deal=DealId(DIGEST),
    task=TaskId(DIGEST),
    index=0,
    fence=1,
    app=ACCOUNT,
    app_digest=DIGEST,
    bundle=f"/ipfs/{cid_of(to_digest(sha256(BUNDLE_BYTES)))}",
    contribution_deadline=2**40,
)


class Pool:
    """A pool that records the reports of stages."""

    worker: Address = ACCOUNT

    def __init__(self) -> None:
        self.reports: list[tuple[Stage, str]] = []

    async def report(self, task: TaskId, fence: int, stage: Stage, detail: str, *, check: str = "") -> None:
        self.reports.append((stage, detail))


class Source(VerifyingReader):
    """A store of one file, or one that breaks."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.reads = error, 0

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        self.reads += 1
        if self.error:
            raise self.error
        yield BUNDLE_BYTES


def context(tmp_path: Path, source: Source, pool: Pool) -> JobContext:
    cache = ContentFolder(tmp_path / "cache", total_limit=1 << 20, evict=True)
    unused: Any = None
    return JobContext(
        config=WorkerConfig(tmp_path, tmp_path / "key", unused, ACCOUNT, "", "", ""),
        pool=pool,
        chain=unused,
        platform=unused,
        storage=unused,
        source=source,
        cache=cache,
        wheels=unused,
        vaults=(),
        fetch_by_cid=unused,
    )  # type: ignore[arg-type]
