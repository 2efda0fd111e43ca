"""Run one app job: load the inputs of a prepared app, run it without network, and pack its outputs."""

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import msgspec
from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import DatasetFact, Facts, OmittedDataset
from sealgrid.attestation.job_params import parse_params
from sealgrid.attestation.requester_refusals import refusal_message
from sealgrid.bundle.manifest import MIN_MEMORY
from sealgrid.enclave.job.app_preparation import PreparedApp
from sealgrid.enclave.job.iexec_env import AppInputs, AppTask, environment, output_digest, read_computed
from sealgrid.enclave.job.inputs import InputLoader, proves_key
from sealgrid.enclave.job.outputs import STATUS_FILE, collect, pack_result
from sealgrid.enclave.job.run_time_padding import padded
from sealgrid.enclave.protocol.release import ReleaseQuorum
from sealgrid.enclave.sandbox import sandbox
from sealgrid.enclave.sandbox.exit_cause import PlatformProtection
from sealgrid.errors import AppFailed, FileUnopened, HostFailed
from sealgrid.receipts.deferred_callback import SALT_BYTES, DeferredCallback
from sealgrid.receipts.receipt import ExitClass, UsedDataset
from sealgrid.units import ZERO_ADDRESS
from sealgrid.wire.relay import RelayClient

LOG_FILE = "app.log"  #: in the result of an app that failed; of another app too, unless it has a file of this name

BulkDatasets = Mapping[int, DatasetFact]  #: by index in the slice: the datasets of a bulk that were loaded


@dataclass(frozen=True)
class JobOutcome:
    """Result of a run; only its sealed form leaves the enclave."""

    archive: bytes = field(repr=False)
    exit_class: ExitClass
    callback: bytes | None = None  #: public by nature; None where the deal has no callback
    deferred: DeferredCallback | None = field(default=None, repr=False)  #: in the archive too; public once delivered
    bulk: tuple[UsedDataset, ...] | UnsetType = UNSET  #: the datasets of a bulk that the app could read
    opened: bool = False  #: whether the deal's dataset was decrypted completely, proved by its sealed format


async def perform(
    relay: RelayClient,
    quorum: ReleaseQuorum,
    prepared: PreparedApp,
    *,
    protection: PlatformProtection,
    clock: Callable[[], float] = time.monotonic,
) -> JobOutcome:
    """Run the prepared app on these facts; raise HostFailed for any failure that the host could have caused.

    An app that fails by itself, and input that is provably bad, are outcomes: settled and paid, with the log sealed.
    ``protection`` says what the enclave's platform denies the host, and so which failures are provably the app's.
    The run time is padded (``run_time_padding.py``), however the app ends; ``clock`` returns monotonic seconds.
    """
    facts = quorum.facts
    bulk: BulkDatasets = {}
    opened = False
    try:
        inputs = await InputLoader(relay, quorum, prepared.folders).load()
        bulk, opened = inputs.bulk, proves_key(facts)
        await relay.call("stage", path="running")
        outcome = await padded(_run(prepared, facts, inputs, protection), clock=clock)
    except AppFailed as error:
        # No other file of a deal has the dataset's checksum: (7.5), (7.7) and (7.16) of a release.
        dataset = facts.dataset
        if isinstance(error, FileUnopened) and dataset is not None and error.digest == dataset.checksum:
            status: dict[str, object] = {"exit": -1, "unopened": {"dataset": dataset.address}}
            outcome = _outcome({LOG_FILE: error.message.encode()}, status, "unopened", b"", facts)
        else:
            outcome = _failed(error.message.encode(), -1, facts)
    used = tuple(UsedDataset(address=each.address, checksum=each.checksum) for each in bulk.values())
    return replace(outcome, opened=opened, bulk=used if facts.bulk else UNSET)


async def _run(prepared: PreparedApp, facts: Facts, inputs: AppInputs, protection: PlatformProtection) -> JobOutcome:
    manifest, folders = prepared.bundle.manifest, prepared.folders
    if manifest.limits.memory < MIN_MEMORY:
        raise AppFailed(f"the app's manifest gives it less than the {MIN_MEMORY >> 20} MiB that an interpreter needs.")
    output_limit = min(manifest.limits.output_bytes, facts.output_bytes)
    app = sandbox.AppRun(
        folders=folders.sandbox_folders(),
        entrypoint=manifest.entrypoint,
        arguments=inputs.arguments,
        environment=environment(AppTask.of(facts), inputs),
        limits=manifest.limits,
        outputs_alone=folders.root.is_mount(),
    )
    end = await asyncio.to_thread(sandbox.run, app, protection)
    if isinstance(end, sandbox.HostInducible):
        raise HostFailed(f"the app did not end by itself: {end.reason}")
    if isinstance(end, sandbox.AppEnded):
        reason = f"\n{end.reason}\n".encode()
        return _failed(end.log[: output_limit - len(reason)] + reason, end.code, facts)
    if end.code != 0:
        return _failed(end.log[:output_limit], end.code, facts)
    files = collect(folders.path("out"), output_limit)
    has_callback = facts.callback != ZERO_ADDRESS or parse_params(facts.params).has_deferred_callback
    computed = read_computed(files, needs_callback=has_callback)
    status: dict[str, object] = {"exit": 0, "digest": "0x" + output_digest(files, computed).hex()}
    if facts.bulk:
        # (7.1) stands for anything by which an owner left the task without a working key of a dataset.
        unopened = [
            OmittedDataset(place=index, dataset=dataset.address, check="7.1")
            for index, dataset in enumerate(facts.bulk.datasets)
            if dataset is not None and index not in inputs.bulk
        ]
        status["left_out"] = sorted([*facts.bulk.left_out, *unopened], key=lambda each: each.place)
    log = _log_file(end.log, files, output_limit)
    if log:
        status["log"] = next(iter(log))
    return _outcome(files | log, status, "ok", computed.callback or b"", facts)


def _log_file(log: bytes, files: Mapping[str, bytes], limit: int) -> dict[str, bytes]:
    """Return the log of an app that succeeded under a name that no output has; empty without a log or room for it.

    ``limit`` is of outputs and log together, in bytes; of a longer log the end is kept.
    """
    taken = {path.split("/")[0].casefold() for path in files}
    names = itertools.chain([LOG_FILE], (f"app-{number}.log" for number in itertools.count(2)))
    name = next(name for name in names if name not in taken)
    room = limit - sum(len(path.encode()) + len(content) for path, content in files.items()) - len(name)
    return {name: log[max(0, len(log) - room) :]} if log and room > 0 else {}


def _failed(log: bytes, code: int, facts: Facts) -> JobOutcome:
    # PoCo calls back for every paid task; empty callback data report the failure to the contract.
    return _outcome({LOG_FILE: log}, {"exit": code}, "app-failed", b"", facts)


def _outcome(
    files: dict[str, bytes], status: dict[str, object], exit_class: ExitClass, data: bytes, facts: Facts
) -> JobOutcome:
    deferred = None
    if parse_params(facts.params).has_deferred_callback:
        deferred = DeferredCallback(data, os.urandom(SALT_BYTES))
        status |= {"callback": {"data": "0x" + data.hex(), "salt": "0x" + deferred.salt.hex()}}
    archive = pack_result(files | {STATUS_FILE: msgspec.json.encode(status)})
    return JobOutcome(archive, exit_class, data if facts.callback != ZERO_ADDRESS else None, deferred)


def refused(facts: Facts) -> JobOutcome:
    """Return the outcome of a deal that t vaults refuse: no app runs, and the result holds the reason."""
    check = facts.refusal or ""
    status = {"exit": -1, "refused": {"check": check, "sentence": refusal_message(check)}}
    archive = pack_result({STATUS_FILE: msgspec.json.encode(status)})
    return JobOutcome(archive, "refused", b"" if facts.callback != ZERO_ADDRESS else None)
