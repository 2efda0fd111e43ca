"""Run an app in the enclave's sandbox on this machine, without chain, network or account. NOT AN ENCLAVE.

Bundle, wheels, folders, variables, limits and rules for the output are those of the enclave's runtime, by its own code.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from msgspec import UnsetType

from sealgrid.bundle.input_check import OfferedInputs, check_inputs
from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.job_input import JobInput, check_input
from sealgrid.bundle.wheel_unpacker import PrivateCopy
from sealgrid.crypto.digests import sha256
from sealgrid.enclave.job.app_preparation import PreparedApp, prepare
from sealgrid.enclave.job.iexec_env import AppInputs, AppTask, environment, output_digest, read_computed
from sealgrid.enclave.job.outputs import collect
from sealgrid.enclave.protocol.relay_files import BUNDLE, write_new
from sealgrid.enclave.sandbox import sandbox
from sealgrid.enclave.sandbox.exit_cause import PlatformProtection
from sealgrid.errors import AppFailed, InputRefused
from sealgrid.sdk.input_files import InputFiles, list_files, read_files
from sealgrid.sdk.operations.build import BuiltApp, build_app
from sealgrid.sdk.sync.background import BACKGROUND
from sealgrid.testing import varied_start
from sealgrid.testing.sandbox_check import check_sandbox
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId, to_digest
from sealgrid.wire.relay import Call, RelayClient

_ALL_PROTECTION: Final = PlatformProtection(signals=True, memory=True, clock=True)  #: nobody else runs this sandbox
_VARIED_START: Final = "sealgrid-varied-start.py"  #: beside the files of an app whose conditions are chosen
_TASK: Final = to_digest(sha256(b"a trial of an app"))


@dataclass(frozen=True, slots=True)
class TrialInput:
    """What a buyer and the developer give one run, unencrypted."""

    files: InputFiles = field(default=(), repr=False)
    model: Path | None = None  #: a model or data, as it is before it is sealed
    args: Sequence[str] = field(default=(), repr=False)
    secrets: Mapping[int, str] = field(default_factory=dict, repr=False)  #: IEXEC_REQUESTER_SECRET_n by n
    developer_secret: str | None = field(default=None, repr=False)
    check: bool = True  #: by the inputs that app.toml declares, as before a purchase


@dataclass(frozen=True, slots=True)
class RunConditions:
    """Conditions of a run on which no result may depend; ``varied_start.py`` sets them."""

    clock_shift: int = 0  #: seconds that are added to the wall clock
    hash_seed: int = 1  #: of Python's str and bytes; each run in an enclave has a random one
    temporary_folder: str = "/tmp"  # noqa: S108  of the sandbox
    processors: int = 1  #: that the app can use and count


@dataclass(frozen=True, slots=True)
class AppTrial:
    """How one run in the sandbox ended."""

    digest: Digest | None  #: of the result, as the app's computed.json determines it; None for an app that failed
    code: int  #: the app's exit code; 128 + n after signal n, -1 where there is none
    failure: str  #: why the run counts as failed, as a buyer reads it; empty for a success
    log: str = field(repr=False)  #: what the app wrote to standard output and error
    files: Mapping[str, bytes] = field(repr=False)  #: in IEXEC_OUT, by path
    seconds: float  #: from the start of the sandbox to its end


def try_app(
    folder: str | Path,
    *,
    files: InputFiles = (),
    model: str | Path | None = None,
    args: Sequence[str] = (),
    secrets: Mapping[int, str] | None = None,
    developer_secret: str | None = None,
    check: bool = True,
) -> AppTrial:
    """Run the app of a folder once in the sandbox of this machine; an app that fails is an ``AppTrial`` too.

    ``files``, ``args`` and ``secrets`` as in ``client.run``; ``model`` is the unencrypted file. Raises InputRefused for
    a folder or input that is invalid, InputMismatch for input that the app does not declare, as before a purchase
    (``check=False`` runs it nevertheless), BundleRefused and InterpreterMismatch as ``apps.deploy``, SetupMissing where
    bubblewrap is missing or the machine lets it make no sandbox.
    """
    given = TrialInput(
        files=files,
        model=None if model is None else Path(model),
        args=args,
        secrets=secrets or {},
        developer_secret=developer_secret,
        check=check,
    )
    check_sandbox()
    app = build_app(Path(folder), running_python())
    BACKGROUND.enter()
    try:
        return BACKGROUND.run(run_trial(app, given))
    finally:
        BACKGROUND.leave()


async def run_trial(app: BuiltApp, given: TrialInput, conditions: RunConditions | None = None) -> AppTrial:
    """Run a built app once, as an enclave does or under chosen conditions; raise as ``try_app``."""
    with tempfile.TemporaryDirectory(prefix="sealgrid-try-") as root:
        prepared = await prepare(_LocalFiles(app), app.bundle.app_digest, Path(root))
        return await asyncio.to_thread(_run, prepared, given, conditions)


def _run(prepared: PreparedApp, given: TrialInput, conditions: RunConditions | None) -> AppTrial:
    manifest, folders = prepared.bundle.manifest, prepared.folders
    inputs = _lay_out_inputs(prepared, given)
    dataset = ZERO_ADDRESS if given.model is None else _lay_out_model(prepared, given.model)
    # A task that no chain has: only its numbers and the dataset's name reach the app.
    task = AppTask(deal=DealId(_TASK), task=TaskId(_TASK), index=0, bot_first=0, bot_size=1, dataset=dataset)
    app = sandbox.AppRun(
        folders=folders.sandbox_folders(),
        entrypoint=manifest.entrypoint if conditions is None else _varied_entrypoint(prepared, conditions),
        arguments=inputs.arguments,
        environment=environment(task, inputs),
        limits=manifest.limits,
    )
    begun = time.monotonic()
    end = sandbox.run(app, _ALL_PROTECTION)
    seconds = time.monotonic() - begun
    if isinstance(end, sandbox.HostInducible):
        return AppTrial(None, -1, end.reason, "", {}, seconds)
    log = end.log.decode(errors="replace")
    if isinstance(end, sandbox.AppEnded):
        return AppTrial(None, end.code, end.reason, log, {}, seconds)
    if end.code != 0:
        return AppTrial(None, end.code, f"the app ended with the exit code {end.code}.", log, {}, seconds)
    try:
        files = collect(folders.path("out"), manifest.limits.output_bytes)
        digest = to_digest(output_digest(files, read_computed(files)))
    except AppFailed as error:
        return AppTrial(None, end.code, error.message, log, {}, seconds)
    return AppTrial(digest, end.code, "", log, files, seconds)


def _varied_entrypoint(prepared: PreparedApp, conditions: RunConditions) -> tuple[str, ...]:
    write_new(prepared.folders.path("app") / _VARIED_START, Path(varied_start.__file__).read_bytes())
    return (_VARIED_START, msgspec.json.encode(conditions).decode(), *prepared.bundle.manifest.entrypoint)


def _lay_out_inputs(prepared: PreparedApp, given: TrialInput) -> AppInputs:
    declared = prepared.bundle.manifest.inputs
    taken = () if isinstance(declared, UnsetType) or declared.files is None else declared.files.media_types
    job = JobInput(
        args=tuple(given.args),
        files=tuple(read_files(list_files(given.files), taken)),
        secrets={str(number): text for number, text in given.secrets.items()},
    )
    check_input(job)
    if given.check and not isinstance(declared, UnsetType):
        offered = OfferedInputs(
            has_model=given.model is not None, files=job.files, args=job.args, secrets=job.secrets.keys()
        )
        check_inputs(prepared.bundle.manifest.name, declared, offered)
    for name, content in job.files:
        write_new(prepared.folders.path("inputs") / name, content)
    return AppInputs(
        arguments=job.args,
        input_files=[name for name, _ in job.files],
        requester_secrets=job.secrets,
        developer_secret=given.developer_secret,
    )


def _lay_out_model(prepared: PreparedApp, model: Path) -> Address:
    """Copy the model to where an app finds it; return its name there, which on a network is its address."""
    try:
        copy = PrivateCopy.of(model)
        address = Address("0x" + copy.sha256[-40:])
        shutil.copyfile(model, prepared.folders.path("datasets") / address)
    except OSError as error:
        raise InputRefused(f"{model} cannot be read ({error.strerror}).") from error
    return address


class _LocalFiles(RelayClient):
    """Reads the files of one app from this machine, in the place of a worker's relay."""

    def __init__(self, app: BuiltApp) -> None:
        self._bundle = app.bundle.archive
        self._files = {PrivateCopy.of(path).sha256: path for path in app.dependencies}

    async def call(
        self, call: Call, *, index: int = 0, path: str = "", offset: int = 0, length: int = 0, body: bytes = b""
    ) -> bytes:
        """Return a piece of the bundle or of a file; only "read" is called before an app runs."""
        del call, index, body
        if path == BUNDLE:
            return self._bundle[offset : offset + length]
        with self._files[Digest(path)].open("rb") as file:
            file.seek(offset)
            return file.read(length)
