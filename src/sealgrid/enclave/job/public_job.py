"""Run one app WITHOUT an enclave, in the enclave's sandbox, for a task whose input and result are public.

A worker starts it as ``python -m sealgrid.enclave.job.public_job`` with a ``PublicJobSpec`` in JSON on standard input.
Equal inputs give an equal archive on every machine, since it holds only what the app says is deterministic.
"""

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sealgrid.attestation.job_params import JobParams, parse_params
from sealgrid.attestation.task_inputs import listed_input
from sealgrid.bundle.job_input import MAX_INPUT_BYTES, MAX_SEALED_BYTES, JobInput, check_input, split_arguments, unpack
from sealgrid.crypto.digests import sha256
from sealgrid.enclave.job.app_preparation import PreparedApp, prepare
from sealgrid.enclave.job.iexec_env import AppInputs, AppTask, ComputedResult, environment, read_computed
from sealgrid.enclave.job.outputs import STATUS_FILE, collect, pack_result
from sealgrid.enclave.protocol.relay_files import PIECE_BYTES, fetch, write_new
from sealgrid.enclave.sandbox import sandbox
from sealgrid.errors import AppFailed, HostFailed, InputRefused, SealgridError
from sealgrid.units import Digest, to_digest
from sealgrid.wire.relay import ComputedArchive, EnclaveFailure, PublicJobSpec, RelayClient

PUBLIC_OUTPUT_BYTES = MAX_INPUT_BYTES


@dataclass(frozen=True)
class PublicResult:
    """Files of a result that equal machines compute alike, and the app's exit code."""

    files: Mapping[str, bytes]
    exit: int

    def pack(self) -> bytes:
        """Return the archive; its SHA-256 is the task's result digest."""
        status = msgspec.json.encode({"exit": self.exit})
        return pack_result({**self.files, STATUS_FILE: status})


async def main(spec: PublicJobSpec) -> None:
    """Run the app, and give the worker the archive or the reason why there is none."""
    relay = RelayClient(*await asyncio.open_unix_connection(spec.relay))
    try:
        # Beside the worker's socket: the worker removes both when it ends this process.
        with tempfile.TemporaryDirectory(dir=Path(spec.relay).parent) as root:
            result = await compute(relay, spec, Path(root))
        upload = (await relay.call("begin")).decode()
        archive = result.pack()
        for start in range(0, len(archive), PIECE_BYTES):
            await relay.call("append", path=upload, body=archive[start : start + PIECE_BYTES])
        await relay.call("finish", path=upload)
        computed = ComputedArchive(sha256=to_digest(sha256(archive)))
        await relay.call("computed", body=msgspec.msgpack.encode(computed))
    except SealgridError as error:
        failure = EnclaveFailure(kind="host", reason=error.reason)
        await relay.call("fail", body=msgspec.msgpack.encode(failure))
    finally:
        await relay.close()


async def compute(relay: RelayClient, spec: PublicJobSpec, root: Path) -> PublicResult:
    """Return the result of the app; raise HostFailed for any failure that this machine could have caused."""
    prepared = await prepare(relay, spec.app_digest, root)
    try:
        inputs = await _load(relay, parse_params(spec.params), spec.index, prepared)
        return await asyncio.to_thread(_run, prepared, spec, inputs)
    except AppFailed:
        return PublicResult({}, -1)


def _run(prepared: PreparedApp, spec: PublicJobSpec, inputs: AppInputs) -> PublicResult:
    manifest, folders = prepared.bundle.manifest, prepared.folders
    task = AppTask(deal=spec.deal, task=spec.task, index=spec.index, bot_first=spec.bot_first, bot_size=spec.bot_size)
    app = sandbox.AppRun(
        folders=folders.sandbox_folders(),
        entrypoint=manifest.entrypoint,
        arguments=inputs.arguments,
        environment=environment(task, inputs),
        limits=manifest.limits,
    )
    end = sandbox.run(app)
    if isinstance(end, sandbox.HostInducible):
        raise HostFailed(f"the app did not end by itself: {end.reason}")
    if end.code != 0:
        return PublicResult({}, end.code)
    files = collect(folders.path("out"), min(manifest.limits.output_bytes, PUBLIC_OUTPUT_BYTES))
    return PublicResult(covered(files, read_computed(files)), 0)


def covered(files: Mapping[str, bytes], computed: ComputedResult) -> dict[str, bytes]:
    """Return the files that the app declares as deterministic; logs and other files may differ between machines."""
    path = computed.path
    return {name: content for name, content in files.items() if path and (name == path or name.startswith(path + "/"))}


async def _load(relay: RelayClient, params: JobParams, index: int, prepared: PreparedApp) -> AppInputs:
    """Lay out the public input files; raise AppFailed for an input that its digest proves to be bad."""
    folders, files, args = prepared.folders, list[tuple[str, bytes]](), list[str]()
    try:
        for digest in await _inputs_of(relay, params, index, prepared):
            path = await fetch(relay, digest, folders.new_scratch_path(), MAX_SEALED_BYTES)
            each = unpack(path.read_bytes())
            files += each.files
            args += each.args
        public = split_arguments(params.iexec_args)
        check_input(JobInput(args=tuple(args), files=tuple(files)), public)
    except InputRefused as error:
        raise AppFailed(error.message) from error
    for name, content in files:
        write_new(folders.path("inputs") / name, content)
    return AppInputs(arguments=(*public, *args), input_files=[name for name, _ in files])


async def _inputs_of(relay: RelayClient, params: JobParams, index: int, prepared: PreparedApp) -> tuple[Digest, ...]:
    """Return the inputs of one task; in a bag, the last that the params name lists one more for each task."""
    if params.task_inputs is None:
        return params.inputs
    if not params.inputs:
        raise InputRefused("params name the root of the tasks' inputs and no list of them.")
    path = await fetch(relay, params.inputs[-1], prepared.folders.new_scratch_path(), MAX_SEALED_BYTES)
    return (*params.inputs[:-1], listed_input(path.read_bytes(), params.task_inputs, index))


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.stdin.buffer.read(), type=PublicJobSpec)))
