"""A task without an enclave: run the app in the sandbox, commit to its result, and contribute it when the pool asks.

A record of each commitment is kept on disk until the task ends, so a worker that was killed goes on.
"""

import asyncio
import contextlib
import logging
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from sealgrid.errors import DECODE_ERRORS, HostFailed, InputRefused, NotFound, SealgridError
from sealgrid.poco.ids import result_hash, result_seal
from sealgrid.units import ZERO_ADDRESS, Digest, TaskId
from sealgrid.wire.pool import CommitReply, JobAssignment, PublicJob
from sealgrid.wire.relay import ComputedArchive, EnclaveFailure, PublicJobSpec
from sealgrid.wire.storage import WorkerProof
from sealgrid.worker.enclave_files import BUNDLE
from sealgrid.worker.job import ENCLAVE_SECONDS, JobRun
from sealgrid.worker.job_context import JobContext
from sealgrid.worker.relay import Outcome, RelayServer
from sealgrid.worker.relay_folders import make_relay_folder

_WAIT: Final = 20.0  #: seconds of one request for news of a commitment
_GIVE_UP: Final = 86_400.0  #: seconds after the final deadline without a word of the pool
_PAUSE: Final = 1.0  #: seconds between two requests, or after one that failed
_LONGEST_PAUSE: Final = 16.0  #: seconds after many failures in a row; the pool waits for two leases
_RUNNER: Final = "sealgrid.enclave.job.public_job"
_log = logging.getLogger("sealgrid")


class PublicJobRun(JobRun):
    """Runs the app of one task without an enclave, and commits to its result."""

    async def run(self) -> None:
        """Run the job until the pool has its commitment; raise SealgridError when it ends without a result."""
        public = self.job.public
        assert public is not None
        await self._context.chain.check_public_job(self.job, self._context.config.workerpool)
        free = await self._context.chain.free_stake()
        if free < public.stake:
            raise HostFailed(f"the worker has {free} nRLC free in escrow, and this task locks {public.stake}.")
        await self._files.path(BUNDLE)
        result = await self._compute(public)
        save_commitment(self._context.config.folder, self.job, result)
        await commit(self.job, result, self._context, wait=0)

    async def finish(self, upload: str) -> Digest:
        """Store the archive in the cache alone: nobody sees it before the other workers have committed."""
        sha256 = self._upload(upload).store()
        del self._uploads[upload]
        return sha256

    async def _compute(self, public: PublicJob) -> Digest:
        server, folder = RelayServer(self), make_relay_folder(self._context.config.folder)
        listener = await asyncio.start_unix_server(server.serve, folder / "relay", limit=1 << 20)
        process = None
        try:
            spec = PublicJobSpec(
                relay=str(folder / "relay"),
                app_digest=self.job.app_digest,
                deal=self.job.deal,
                task=self.job.task,
                index=self.job.index,
                bot_first=public.bot_first,
                bot_size=public.bot_size,
                params=public.params,
            )
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _RUNNER, stdin=asyncio.subprocess.PIPE, start_new_session=True
            )
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(spec))
            process.stdin.close()
            self.report("running")
            outcome = await _outcome(server, process)
        finally:
            if process is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()
            listener.close()
            for unfinished in self._uploads.values():
                unfinished.discard()
            shutil.rmtree(folder, ignore_errors=True)  # with the files of a process that was ended
        if isinstance(outcome, EnclaveFailure):
            raise HostFailed(outcome.reason)
        assert isinstance(outcome, ComputedArchive)
        return outcome.sha256


async def _outcome(server: RelayServer, process: asyncio.subprocess.Process) -> Outcome:
    """Return how the run ended; raise HostFailed for a process that ended without a word, or runs for too long."""
    outcome, ended = asyncio.ensure_future(server.outcome()), asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait({outcome, ended}, timeout=ENCLAVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not outcome.done():
            raise HostFailed("the app's process ended without a result, or ran for too long.")
        return outcome.result()
    finally:
        outcome.cancel()
        ended.cancel()


class CommittedResult(msgspec.Struct, frozen=True):
    """A job whose result this worker committed to, as stored until the task ends."""

    job: JobAssignment
    result: Digest


def save_commitment(folder: Path, job: JobAssignment, result: Digest) -> None:
    """Store a commitment, before the pool gets it."""
    path = _record(folder, job.task)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(CommittedResult(job, result)))


def stored_commitments(folder: Path) -> Iterator[CommittedResult]:
    """Yield the commitments of tasks that have not ended."""
    for path in sorted((folder / "committed").glob("*.json")):
        with contextlib.suppress(*DECODE_ERRORS):  # the write was interrupted
            yield msgspec.json.decode(path.read_bytes(), type=CommittedResult)


async def commit(job: JobAssignment, result: Digest, context: JobContext, *, wait: float) -> CommitReply:
    """Give the pool the commitment, again and again alike; return what to do next."""
    hidden, sealed = result_hash(job.task, result), result_seal(context.pool.worker, job.task, result)
    return await context.pool.commit(job.task, job.fence, hidden, sealed, wait=wait)


async def follow_commitment(committed: CommittedResult, context: JobContext) -> None:
    """Contribute and reveal when it is this worker's turn; return when the task has ended."""
    job, result = committed.job, committed.result
    assert job.public is not None
    gives_up = job.public.final_deadline + _GIVE_UP
    failures = 0  # in a row
    while time.time() < gives_up:  # else only the pool says when the task has ended
        try:
            reply = await commit(job, result, context, wait=_WAIT)
        except (InputRefused, NotFound) as refused:
            _log.warning("task %s: the pool takes no commitment: %s", job.task, refused)
            break
        except Exception as error:  # noqa: BLE001  the stake is locked until the worker reveals
            failures = await _pause_after(error, committed, failures)
            continue
        if reply.step == "end":
            break
        try:
            acted = await _act(committed, reply, context)
        except Exception as error:  # noqa: BLE001
            failures = await _pause_after(error, committed, failures)
            continue
        failures = 0
        if not acted:  # the pool has not read the block yet, or has no room for a request that waits
            await asyncio.sleep(_PAUSE)
    _forget(context.config.folder, committed)


async def _act(committed: CommittedResult, reply: CommitReply, context: JobContext) -> bool:
    """Do what the pool asks for; return whether something was new to the chain."""
    job, result, chain = committed.job, committed.result, context.chain
    if reply.step == "contribute":
        if await chain.has_contributed(job):
            return False
        await _upload(committed, context, reply.authorisation)
        await chain.contribute(job, result, reply.authorisation)
        return True
    return reply.step == "reveal" and await chain.reveal(job, result)


async def _pause_after(error: Exception, committed: CommittedResult, failures: int) -> int:
    """Log an error and wait, longer after each failure; return how many there were in a row."""
    expected = isinstance(error, SealgridError)
    _log.warning("task %s: its commitment waits: %s", committed.job.task, error, exc_info=None if expected else error)
    await asyncio.sleep(min(_PAUSE * 2**failures, _LONGEST_PAUSE))
    return min(failures + 1, 10)


async def _upload(committed: CommittedResult, context: JobContext, authorisation: bytes) -> None:
    proof = WorkerProof(enclave=ZERO_ADDRESS, signature=authorisation)
    await context.result_store(committed.job.task, proof).put_file(context.cache.path(committed.result))


def _forget(folder: Path, committed: CommittedResult) -> None:
    """Delete the record of a commitment, but not that of a later assignment of its task."""
    path = _record(folder, committed.job.task)
    if path.is_file() and path.read_bytes() == msgspec.json.encode(committed):
        path.unlink()


def _record(folder: Path, task: TaskId) -> Path:
    return folder / "committed" / f"{task}.json"
