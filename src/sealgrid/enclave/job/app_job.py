"""Fetch, verify and decrypt what the facts name, run the app without network, and collect what it left."""

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import BulkFact, DatasetFact, Facts, OmittedDataset, SecretFact
from sealgrid.attestation.job_params import parse_params
from sealgrid.attestation.requester_refusals import refusal_message
from sealgrid.bundle.job_input import MAX_SEALED_BYTES, JobInput, check_input, fault_of_text, split_arguments, unpack
from sealgrid.bundle.manifest import LEAST_MEMORY
from sealgrid.bundle.verify import VerifiedBundle, verify_bundle
from sealgrid.crypto.iexec_challenge import DEVELOPER_SECRET_NAME
from sealgrid.enclave.job.app_layout import expect_interpreter, lay_out_app, lay_out_imports
from sealgrid.enclave.job.iexec_env import (
    AppInputs,
    environment,
    output_digest,
    read_computed,
    requester_secrets,
)
from sealgrid.enclave.job.outputs import STATUS_FILE, collect, pack_result
from sealgrid.enclave.job.run_time_padding import padded
from sealgrid.enclave.opening import Opener, iexec_opener, opener_of, proves_opening
from sealgrid.enclave.protocol.attest import ReleaseQuorum
from sealgrid.enclave.protocol.file_fetcher import fetch, fetch_bundle, write_new
from sealgrid.enclave.protocol.pushed_secrets import check_signed
from sealgrid.enclave.sandbox import sandbox
from sealgrid.enclave.sandbox.exit_cause import PlatformProtection
from sealgrid.errors import AppFailed, ContainerRefused, FileUnopened, HostFailed, InputRefused, NotFound
from sealgrid.receipts.deferred_callback import SALT_BYTES, DeferredCallback
from sealgrid.receipts.receipt import ExitClass, UsedDataset
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.relay import RelayClient

LOG_FILE = "app.log"  #: in the result of an app that failed
MAX_SECRET_BYTES = 1 << 20  #: of a sealed secret; what it holds must fit into a variable
NO_LIMIT = 1 << 62

OfBulk = Mapping[int, DatasetFact]  #: by place in the slice, from 0: the datasets of a bulk that lie ready


@dataclass(frozen=True)
class JobOutcome:
    """What a run came to; only its sealed form ever leaves the enclave."""

    archive: bytes = field(repr=False)
    exit_class: ExitClass
    callback: bytes | None = None  #: public by its nature; None where the deal has no callback
    deferred: DeferredCallback | None = field(default=None, repr=False)  #: in the archive too; public once delivered
    bulk: tuple[UsedDataset, ...] | UnsetType = UNSET  #: the datasets of a bulk that the app was given
    opened: bool = False  #: whether the deal's dataset opened whole, as its sealed form proves


@dataclass(frozen=True)
class LoadedInputs:
    """What was opened for an app and lies ready for it."""

    sealed: JobInput = field(repr=False)  #: of the requester
    public: tuple[str, ...]  #: arguments that stand on the chain
    developer_secret: str | None = field(repr=False)
    bulk: OfBulk


@dataclass(frozen=True)
class JobFolders:
    """The memory-backed folders of one task; no two writers share one (docs/protocol/bundle.md, "Files of a task")."""

    root: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def folder(self, name: str) -> Path:
        """Return one of them."""
        path = self.root / name
        path.mkdir(mode=0o755, exist_ok=True)
        return path

    def scratch(self) -> Path:
        """Return a path that no other call returns, for what the runtime opens for itself."""
        return self.folder("scratch") / str(next(self._numbers))

    def folders(self) -> sandbox.SandboxFolders:
        """Return what the app gets to see."""
        return sandbox.SandboxFolders(
            app=self.folder("app"),
            wheels=self.folder("wheels"),
            datasets=self.folder("datasets"),
            inputs=self.folder("inputs"),
            outputs=self.folder("out"),
        )


@dataclass(frozen=True)
class PreparedApp:
    """An app that lies ready to run: nothing secret went into it."""

    bundle: VerifiedBundle
    places: JobFolders


async def prepare(relay: RelayClient, app_digest: Digest, root: Path) -> PreparedApp:
    """Fetch, verify and lay out the app that is locked into the evidence; raise BundleRefused when it is another."""
    places = JobFolders(root)
    bundle = verify_bundle(await fetch_bundle(relay), app_digest)
    expect_interpreter(bundle.manifest)
    lay_out_app(bundle, places.folder("app"))
    await lay_out_imports(relay, bundle.manifest, places.folder("downloads"), places.folder("wheels"))
    return PreparedApp(bundle, places)


async def perform(
    relay: RelayClient,
    agreed: ReleaseQuorum,
    prepared: PreparedApp,
    *,
    shield: PlatformProtection,
    clock: Callable[[], float] = time.monotonic,
) -> JobOutcome:
    """Run the prepared app on these facts; raise HostFailed for whatever the machine could have caused.

    An app that fails by itself, and input that is provably bad, are outcomes: settled and paid, the log sealed.
    ``shield`` is what the enclave's platform keeps from the host, and so how much is provably the app's doing.
    The app's time is padded (``run_time.py``), however it ends; ``clock`` returns seconds and never goes back.
    """
    bundle, places, facts = prepared.bundle, prepared.places, agreed.facts
    bulk: OfBulk = {}
    opened = False
    try:
        given = await _loaded(relay, agreed, places)
        bulk, opened = given.bulk, proves_opening(facts)
        await relay.ask("stage", path="running")
        outcome = await padded(_run(bundle, agreed, given, places, shield), clock=clock)
    except AppFailed as error:
        outcome = (
            _unopened(error, facts) if _is_of_dataset(error, facts) else _failed(error.message.encode(), -1, facts)
        )
    outcome = replace(outcome, opened=opened)
    return replace(outcome, bulk=_used(bulk)) if facts.bulk else outcome


async def _run(
    bundle: VerifiedBundle, agreed: ReleaseQuorum, given: LoadedInputs, places: JobFolders, shield: PlatformProtection
) -> JobOutcome:
    if bundle.manifest.limits.memory < LEAST_MEMORY:
        raise AppFailed(
            f"the app's manifest gives it less than the {LEAST_MEMORY >> 20} MiB that an interpreter needs."
        )
    facts, sealed = agreed.facts, given.sealed
    names = [name for name, _ in sealed.files]
    app = sandbox.AppRun(
        folders=places.folders(),
        entrypoint=bundle.manifest.entrypoint,
        arguments=(*given.public, *sealed.args),
        environment=environment(facts, AppInputs(names, sealed.secrets, given.developer_secret, given.bulk)),
        limits=bundle.manifest.limits,
        outputs_alone=places.root.is_mount(),
    )
    ended = await asyncio.to_thread(sandbox.run, app, shield)
    if isinstance(ended, sandbox.HostInducible):
        raise HostFailed(f"the app did not end by itself: {ended.reason}")
    if isinstance(ended, sandbox.AppEnded):
        said = f"\n{ended.reason}\n".encode()
        return _failed(ended.log[: _output_limit(bundle, facts) - len(said)] + said, ended.code, facts)
    if ended.code != 0:
        return _failed(ended.log[: _output_limit(bundle, facts)], ended.code, facts)
    return _finished(collect(places.folder("out"), _output_limit(bundle, facts)), facts, given.bulk)


def _output_limit(bundle: VerifiedBundle, facts: Facts) -> int:
    return min(bundle.manifest.limits.output_bytes, facts.output_bytes)


def _finished(files: dict[str, bytes], facts: Facts, bulk: OfBulk) -> JobOutcome:
    computed = read_computed(files, wanted=_has_callback(facts))
    status: dict[str, object] = {"exit": 0, "digest": "0x" + output_digest(files, computed).hex()}
    if facts.bulk:
        status["left_out"] = _left_out(facts.bulk, bulk)
    return _outcome(files, status, "ok", computed.callback or b"", facts)


def _failed(log: bytes, code: int, facts: Facts) -> JobOutcome:
    # PoCo calls back whatever happens; a callback without a byte is how its contract learns of a failure.
    return _outcome({LOG_FILE: log}, {"exit": code}, "app-failed", b"", facts)


def _is_of_dataset(error: AppFailed, facts: Facts) -> bool:
    # No other file of a deal has the dataset's checksum: (7.5), (7.7) and (7.16) of a release.
    return isinstance(error, FileUnopened) and facts.dataset is not None and error.digest == facts.dataset.checksum


def _unopened(error: AppFailed, facts: Facts) -> JobOutcome:
    assert facts.dataset is not None
    status: dict[str, object] = {"exit": -1, "unopened": {"dataset": facts.dataset.address}}
    return _outcome({LOG_FILE: error.message.encode()}, status, "unopened", b"", facts)


def _outcome(
    files: dict[str, bytes], status: dict[str, object], exit_class: ExitClass, data: bytes, facts: Facts
) -> JobOutcome:
    deferred = None
    if parse_params(facts.params).has_deferred_callback:
        deferred = DeferredCallback(data, os.urandom(SALT_BYTES))
        status |= {"callback": {"data": "0x" + data.hex(), "salt": "0x" + deferred.salt.hex()}}
    archive = pack_result(files | {STATUS_FILE: msgspec.json.encode(status)})
    return JobOutcome(archive, exit_class, data if facts.callback != ZERO_ADDRESS else None, deferred)


def _has_callback(facts: Facts) -> bool:
    return facts.callback != ZERO_ADDRESS or parse_params(facts.params).has_deferred_callback


def refused(facts: Facts) -> JobOutcome:
    """Return the outcome of a deal that t vaults refuse: no app runs, and the result says why."""
    check = facts.refusal or ""
    status = {"exit": -1, "refused": {"check": check, "sentence": refusal_message(check)}}
    archive = pack_result({STATUS_FILE: msgspec.json.encode(status)})
    return JobOutcome(archive, "refused", b"" if facts.callback != ZERO_ADDRESS else None)


async def _loaded(relay: RelayClient, agreed: ReleaseQuorum, places: JobFolders) -> LoadedInputs:
    _, unpacked, developer_secret, pushed = await asyncio.gather(
        _dataset(relay, agreed, places),
        _unpacked(relay, agreed, places),
        _developer_secret(relay, agreed, places),
        _pushed_secrets(relay, agreed, places),
    )
    joined = _joined(unpacked)
    sealed = replace(joined, secrets=requester_secrets(joined.secrets, pushed))
    try:
        public = split_arguments(agreed.request.params.iexec_args)
        check_input(sealed, public)  # of several inputs each may be good, and all together not
    except InputRefused as error:
        raise AppFailed(error.message) from error
    for name, content in sealed.files:
        write_new(places.folder("inputs") / name, content)
    return LoadedInputs(sealed, tuple(public), developer_secret, await _bulk(relay, agreed, places))


async def _dataset(relay: RelayClient, agreed: ReleaseQuorum, places: JobFolders) -> None:
    dataset = agreed.facts.dataset
    if dataset is not None:
        target = places.folder("datasets") / dataset.address
        await _opened(relay, agreed, dataset.checksum, places=places, target=target)


async def _unpacked(relay: RelayClient, agreed: ReleaseQuorum, places: JobFolders) -> list[JobInput]:
    found, left = [], MAX_SEALED_BYTES
    for digest in agreed.request.params.inputs:
        content = await _content(relay, agreed, digest, places, most=left)
        left -= len(content)
        try:
            found.append(unpack(content))
        except InputRefused as error:
            raise AppFailed(error.message) from error
    return found


async def _bulk(relay: RelayClient, agreed: ReleaseQuorum, places: JobFolders) -> OfBulk:
    """Open the datasets of a bulk, one after the other; one that its owner spoilt is left out, not the task."""
    found: dict[int, DatasetFact] = {}
    datasets = agreed.facts.bulk.datasets if agreed.facts.bulk else ()
    for place, (dataset, key) in enumerate(zip(datasets, agreed.bulk, strict=True)):
        if dataset is None or key is None:
            continue
        if dataset not in found.values():  # a slice may list one dataset twice
            try:
                await _of_bulk(relay, dataset, key, places)
            except AppFailed:
                continue
        found[place] = dataset
    return found


async def _of_bulk(relay: RelayClient, dataset: DatasetFact, key: bytes, places: JobFolders) -> None:
    # A worker could leave out what it likes by saying that a file is gone, so that ends the task.
    target = places.folder("datasets") / dataset.address
    try:
        opener = iexec_opener(dataset.checksum, key)
        await _opened_with(relay, dataset.checksum, opener, places=places, target=target)
    except HostFailed as error:
        raise HostFailed(f"dataset {dataset.address} of the bulk: {error.message}") from error
    except OSError as error:
        raise HostFailed(f"dataset {dataset.address} of the bulk does not fit into the enclave's memory.") from error


def _used(bulk: OfBulk) -> tuple[UsedDataset, ...]:
    return tuple(UsedDataset(address=each.address, checksum=each.checksum) for each in bulk.values())


def _left_out(said: BulkFact, bulk: OfBulk) -> list[OmittedDataset]:
    # (7.1) stands for whatever its owner did that no key opened a dataset that the chain allows.
    unopened = [
        OmittedDataset(place=place, dataset=dataset.address, check="7.1")
        for place, dataset in enumerate(said.datasets)
        if dataset is not None and place not in bulk
    ]
    return sorted([*said.left_out, *unopened], key=lambda each: each.place)


async def _developer_secret(relay: RelayClient, agreed: ReleaseQuorum, places: JobFolders) -> str | None:
    named = [each for each in agreed.facts.secrets if each.kind in {"developer", "iexec-developer"}]
    if not named:
        return None
    return await _text(relay, agreed, named[0], places, of=agreed.facts.app.address, name=DEVELOPER_SECRET_NAME)


async def _pushed_secrets(relay: RelayClient, agreed: ReleaseQuorum, places: JobFolders) -> dict[str, str]:
    """Return what the requester pushed by iExec's route, by the number that params give it."""
    params, requester = agreed.request.params, agreed.request.order.requester
    named = [each for each in agreed.facts.secrets if each.kind == "iexec-requester"]
    if len(named) != len(params.secret_names):
        raise HostFailed("the vaults' facts do not name the secrets that the deal's params name.")
    texts = {
        name: await _text(relay, agreed, secret, places, of=requester, name=name)
        for name, secret in zip(params.secret_names, named, strict=True)
    }
    return {number: texts[name] for number, name in params.iexec_secrets.items()}


async def _text(
    relay: RelayClient, agreed: ReleaseQuorum, secret: SecretFact, places: JobFolders, *, of: Address, name: str
) -> str:
    content = await _content(relay, agreed, secret.file_sha256, places, most=MAX_SECRET_BYTES)
    if secret.file_sha256 in agreed.pushed:
        check_signed(content, of, name, agreed.pushed[secret.file_sha256])  # (12)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        # Without the cause: it holds the secret's bytes.
        raise AppFailed(f"the secret {name!r} of this deal is no text.") from None
    if (fault := fault_of_text(text)) is not None:
        raise AppFailed(f"{fault[0]} the secret {name!r} of this deal {fault[1]}")
    return text


async def _content(
    relay: RelayClient, agreed: ReleaseQuorum, digest: Digest, places: JobFolders, *, most: int
) -> bytes:
    plain = await _opened(relay, agreed, digest, places=places, target=places.scratch(), most=most)
    content = plain.read_bytes()
    plain.unlink()
    return content


async def _opened(
    relay: RelayClient, agreed: ReleaseQuorum, digest: Digest, *, places: JobFolders, target: Path, most: int = NO_LIMIT
) -> Path:
    if digest not in agreed.keys:
        raise HostFailed(f"the vaults gave no key for the file {digest}.")
    opener = opener_of(agreed.facts, digest, agreed.keys[digest])
    return await _opened_with(relay, digest, opener, places=places, target=target, most=most)


async def _opened_with(
    relay: RelayClient, digest: Digest, opener: Opener, *, places: JobFolders, target: Path, most: int = NO_LIMIT
) -> Path:
    """Fetch a sealed file and open it into ``target``, which must not exist."""
    try:
        sealed = await fetch(relay, digest, places.scratch(), most)
    except NotFound as error:
        raise HostFailed(f"the sealed file {digest} is stored nowhere that the worker looks.") from error
    try:
        await asyncio.to_thread(opener, sealed, target)
    except ContainerRefused as error:
        target.unlink()  # it may hold a part
        # File and key are exactly those that the vaults vouch for, so this is their owner's doing, not the machine's.
        raise FileUnopened(
            "a sealed file of this deal does not open with the key that was deposited for it.", digest=digest
        ) from error
    sealed.unlink()
    return target


def _joined(given: list[JobInput]) -> JobInput:
    files = tuple(file for each in given for file in each.files)
    numbers = [number for each in given for number in each.secrets]
    if len(set(numbers)) != len(numbers):
        raise AppFailed("(input.5) two sealed inputs of this deal give a secret of the same number.")
    secrets = {number: value for each in given for number, value in each.secrets.items()}
    return JobInput(args=tuple(arg for each in given for arg in each.args), files=files, secrets=secrets)
