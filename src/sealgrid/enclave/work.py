"""Fetch, verify and decrypt what the facts name, run the app without network, and collect what it left."""

import asyncio
import os
import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import BulkFact, DatasetFact, Facts, LeftOut, SecretFact
from sealgrid.attestation.params import parse_params
from sealgrid.attestation.refusals import sentence_of
from sealgrid.bundle.inputs import JobInput, unpack
from sealgrid.bundle.verify import VerifiedBundle, verify_bundle
from sealgrid.crypto import container
from sealgrid.crypto.iexec_challenge import OF_DEVELOPER
from sealgrid.crypto.iexec_format import open_iexec
from sealgrid.enclave import sandbox
from sealgrid.enclave.attest import Agreed
from sealgrid.enclave.conventions import Given, environment, output_digest, read_computed, requester_secrets
from sealgrid.enclave.environment import expect_interpreter, lay_out_app, lay_out_imports
from sealgrid.enclave.files import fetch, fetch_bundle
from sealgrid.enclave.outputs import collect, pack_result
from sealgrid.enclave.pushed import check_signed
from sealgrid.enclave.run_time import padded
from sealgrid.errors import AppFailed, ContainerRefused, HostFailed, InputRefused, NotFound
from sealgrid.receipts.deferred import SALT_BYTES, DeferredCallback
from sealgrid.receipts.receipt import ExitClass, UsedDataset
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.relay import RelayClient

STATUS_FILE = "sealgrid.json"  #: in every result: how the app ended, and iExec's digest of what it computed
LOG_FILE = "app.log"  #: in the result of an app that failed

OfBulk = Mapping[int, DatasetFact]  #: by place in the slice, from 0: the datasets of a bulk that lie ready
Opener = Callable[[Path, Path, bytes], None]


@dataclass(frozen=True)
class Outcome:
    """What a run came to; only its sealed form ever leaves the enclave."""

    archive: bytes = field(repr=False)
    exit_class: ExitClass
    callback: bytes | None = None  #: public by its nature; None where the deal has no callback
    deferred: DeferredCallback | None = field(default=None, repr=False)  #: in the archive too; public once delivered
    bulk: tuple[UsedDataset, ...] | UnsetType = UNSET  #: the datasets of a bulk that the app was given


@dataclass(frozen=True)
class Loaded:
    """What was opened for an app and lies ready for it."""

    sealed: JobInput = field(repr=False)  #: of the requester
    developer_secret: str | None = field(repr=False)
    bulk: OfBulk


@dataclass(frozen=True)
class Places:
    """The memory-backed folders of one task."""

    root: Path

    def folder(self, name: str) -> Path:
        """Return one of them."""
        path = self.root / name
        path.mkdir(mode=0o755, exist_ok=True)
        return path

    def folders(self) -> sandbox.Folders:
        """Return what the app gets to see."""
        return sandbox.Folders(
            app=self.folder("app"), wheels=self.folder("wheels"), inputs=self.folder("in"), outputs=self.folder("out")
        )


@dataclass(frozen=True)
class Prepared:
    """An app that lies ready to run: nothing secret went into it."""

    bundle: VerifiedBundle
    places: Places


async def prepare(relay: RelayClient, app_digest: Digest, root: Path) -> Prepared:
    """Fetch, verify and lay out the app that is locked into the evidence; raise BundleRefused when it is another."""
    places = Places(root)
    bundle = verify_bundle(await fetch_bundle(relay), app_digest)
    expect_interpreter(bundle.manifest)
    lay_out_app(bundle, places.folder("app"))
    await lay_out_imports(relay, bundle.manifest, places.folder("downloads"), places.folder("wheels"))
    return Prepared(bundle, places)


async def perform(
    relay: RelayClient, agreed: Agreed, prepared: Prepared, *, clock: Callable[[], float] = time.monotonic
) -> Outcome:
    """Run the prepared app on these facts; raise HostFailed for whatever the machine could have caused.

    An app that fails by itself, and input that is provably bad, are outcomes: settled and paid, the log sealed.
    The app's time is padded (``run_time.py``), however it ends; ``clock`` returns seconds and never goes back.
    """
    bundle, places, facts = prepared.bundle, prepared.places, agreed.facts
    bulk: OfBulk = {}
    try:
        given = await _loaded(relay, agreed, places)
        bulk = given.bulk
        await relay.ask("stage", path="running")
        outcome = await padded(_run(bundle, facts, given, places), clock=clock)
    except AppFailed as error:
        outcome = _failed(error.message.encode(), -1, facts)
    return replace(outcome, bulk=_used(bulk)) if facts.bulk else outcome


async def _run(bundle: VerifiedBundle, facts: Facts, given: Loaded, places: Places) -> Outcome:
    sealed, public = given.sealed, _public_arguments(facts)
    names = [name for name, _ in sealed.files]
    app = sandbox.AppRun(
        folders=places.folders(),
        entrypoint=bundle.manifest.entrypoint,
        arguments=(*public, *sealed.args),
        environment=environment(facts, Given(names, sealed.secrets, given.developer_secret, given.bulk)),
        limits=bundle.manifest.limits,
    )
    ended = await asyncio.to_thread(sandbox.run, app)
    if isinstance(ended, sandbox.HostInducible):
        raise HostFailed(f"the app did not end by itself: {ended.reason}")
    if ended.code != 0:
        return _failed(ended.log[: _output_limit(bundle, facts)], ended.code, facts)
    return _finished(collect(places.folder("out"), _output_limit(bundle, facts)), facts, given.bulk)


def _public_arguments(facts: Facts) -> list[str]:
    try:
        return shlex.split(parse_params(facts.params).iexec_args)
    except ValueError as error:
        raise AppFailed("the deal's public arguments have a quotation mark that is never closed.") from error


def _output_limit(bundle: VerifiedBundle, facts: Facts) -> int:
    return min(bundle.manifest.limits.output_bytes, facts.output_bytes)


def _finished(files: dict[str, bytes], facts: Facts, bulk: OfBulk) -> Outcome:
    computed = read_computed(files, wanted=_has_callback(facts))
    status: dict[str, object] = {"exit": 0, "digest": "0x" + output_digest(files, computed).hex()}
    if facts.bulk:
        status["left_out"] = _left_out(facts.bulk, bulk)
    return _outcome(files, status, "ok", computed.callback or b"", facts)


def _failed(log: bytes, code: int, facts: Facts) -> Outcome:
    # PoCo calls back whatever happens; a callback without a byte is how its contract learns of a failure.
    return _outcome({LOG_FILE: log}, {"exit": code}, "app-failed", b"", facts)


def _outcome(
    files: dict[str, bytes], status: dict[str, object], exit_class: ExitClass, data: bytes, facts: Facts
) -> Outcome:
    deferred = None
    if parse_params(facts.params).has_deferred_callback:
        deferred = DeferredCallback(data, os.urandom(SALT_BYTES))
        status |= {"callback": {"data": "0x" + data.hex(), "salt": "0x" + deferred.salt.hex()}}
    archive = pack_result(files | {STATUS_FILE: msgspec.json.encode(status)})
    return Outcome(archive, exit_class, data if facts.callback != ZERO_ADDRESS else None, deferred)


def _has_callback(facts: Facts) -> bool:
    return facts.callback != ZERO_ADDRESS or parse_params(facts.params).has_deferred_callback


def refused(facts: Facts) -> Outcome:
    """Return the outcome of a deal that t vaults refuse: no app runs, and the result says why."""
    check = facts.refusal or ""
    status = {"exit": -1, "refused": {"check": check, "sentence": sentence_of(check)}}
    archive = pack_result({STATUS_FILE: msgspec.json.encode(status)})
    return Outcome(archive, "refused", b"" if facts.callback != ZERO_ADDRESS else None)


async def _loaded(relay: RelayClient, agreed: Agreed, places: Places) -> Loaded:
    sealed, developer_secret, pushed = await asyncio.gather(
        _secrets(relay, agreed, places),
        _developer_secret(relay, agreed, places),
        _pushed_secrets(relay, agreed, places),
    )
    sealed = replace(sealed, secrets=requester_secrets(sealed.secrets, pushed))
    return Loaded(sealed, developer_secret, await _bulk(relay, agreed, places))


async def _secrets(relay: RelayClient, agreed: Agreed, places: Places) -> JobInput:
    facts, inputs = agreed.facts, places.folder("in")
    if facts.dataset is not None:
        dataset = await _opened(relay, agreed, facts.dataset.checksum, places)
        dataset.rename(inputs / facts.dataset.address)
    opened = [await _opened(relay, agreed, digest, places) for digest in facts.inputs]
    try:
        joined = _joined([unpack(path.read_bytes()) for path in opened])
    except InputRefused as error:
        raise AppFailed(error.message) from error
    for name, content in joined.files:
        (inputs / name).write_bytes(content)
    return joined


async def _bulk(relay: RelayClient, agreed: Agreed, places: Places) -> OfBulk:
    """Open the datasets of a bulk, one after the other; one that its owner spoilt is left out, not the task."""
    found: dict[int, DatasetFact] = {}
    datasets = agreed.facts.bulk.datasets if agreed.facts.bulk else ()
    for place, (dataset, key) in enumerate(zip(datasets, agreed.bulk, strict=True)):
        if dataset is not None and key is not None:
            with suppress(AppFailed):
                plain = await _of_bulk(relay, dataset, key, places)
                plain.rename(places.folder("in") / dataset.address)
                found[place] = dataset
    return found


async def _of_bulk(relay: RelayClient, dataset: DatasetFact, key: bytes, places: Places) -> Path:
    # A worker could leave out what it likes by saying that a file is gone, so that ends the task.
    try:
        opener = partial(_open_iexec, dataset.checksum)
        return await _opened_with(relay, dataset.checksum, places, opener, key)
    except HostFailed as error:
        raise HostFailed(f"dataset {dataset.address} of the bulk: {error.message}") from error
    except OSError as error:
        raise HostFailed(f"dataset {dataset.address} of the bulk does not fit into the enclave's memory.") from error


def _used(bulk: OfBulk) -> tuple[UsedDataset, ...]:
    return tuple(UsedDataset(address=each.address, checksum=each.checksum) for each in bulk.values())


def _left_out(said: BulkFact, bulk: OfBulk) -> list[LeftOut]:
    # (7.1) stands for whatever its owner did that no key opened a dataset that the chain allows.
    unopened = [
        LeftOut(place=place, dataset=dataset.address, check="7.1")
        for place, dataset in enumerate(said.datasets)
        if dataset is not None and place not in bulk
    ]
    return sorted([*said.left_out, *unopened], key=lambda each: each.place)


async def _developer_secret(relay: RelayClient, agreed: Agreed, places: Places) -> str | None:
    named = [each for each in agreed.facts.secrets if each.kind in {"developer", "iexec-developer"}]
    if not named:
        return None
    return await _text(relay, agreed, named[0], places, of=agreed.facts.app.address, name=OF_DEVELOPER)


async def _pushed_secrets(relay: RelayClient, agreed: Agreed, places: Places) -> dict[str, str]:
    """Return what the requester pushed by iExec's route, by the number that params give it."""
    params, requester = parse_params(agreed.facts.params), agreed.facts.requester
    named = [each for each in agreed.facts.secrets if each.kind == "iexec-requester"]
    if len(named) != len(params.secret_names):
        raise HostFailed("the vaults' facts do not name the secrets that the deal's params name.")
    texts = {
        name: await _text(relay, agreed, secret, places, of=requester, name=name)
        for name, secret in zip(params.secret_names, named, strict=True)
    }
    return {number: texts[name] for number, name in params.iexec_secrets.items()}


async def _text(
    relay: RelayClient, agreed: Agreed, secret: SecretFact, places: Places, *, of: Address, name: str
) -> str:
    content = (await _opened(relay, agreed, secret.file_sha256, places)).read_bytes()
    if secret.file_sha256 in agreed.pushed:
        check_signed(content, of, name, agreed.pushed[secret.file_sha256])  # (12)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        # Without the cause: it holds the secret's bytes.
        raise AppFailed(f"the secret {name!r} of this deal is no text.") from None
    if "\0" in text:
        raise AppFailed(f"the secret {name!r} of this deal cannot stand in an environment.")
    return text


async def _opened(relay: RelayClient, agreed: Agreed, digest: Digest, places: Places) -> Path:
    if digest not in agreed.keys:
        raise HostFailed(f"the vaults gave no key for the file {digest}.")
    return await _opened_with(relay, digest, places, _opener(agreed.facts, digest), agreed.keys[digest])


async def _opened_with(relay: RelayClient, digest: Digest, places: Places, opener: Opener, key: bytes) -> Path:
    try:
        sealed = await fetch(relay, digest, places.folder("downloads") / digest)
    except NotFound as error:
        raise HostFailed(f"the sealed file {digest} is stored nowhere that the worker looks.") from error
    plain = places.folder("plain") / digest
    try:
        await asyncio.to_thread(opener, sealed, plain, key)
    except ContainerRefused as error:
        # File and key are exactly those that the vaults vouch for, so this is their owner's doing, not the machine's.
        raise AppFailed("a sealed file of this deal does not open with the key that was deposited for it.") from error
    sealed.unlink()
    return plain


def _opener(facts: Facts, digest: Digest) -> Opener:
    by_iexec = any(secret.kind == "iexec" and secret.file_sha256 == digest for secret in facts.secrets)
    return partial(_open_iexec, digest) if by_iexec else _open


def _open(sealed: Path, plain: Path, dek: bytes) -> None:
    with sealed.open("rb") as source, plain.open("wb") as target:
        container.open_sealed(source, target, dek)


def _open_iexec(digest: Digest, sealed: Path, plain: Path, key: bytes) -> None:
    with sealed.open("rb") as source, plain.open("wb") as target:
        open_iexec(source, target, key, sha256=digest)


def _joined(given: list[JobInput]) -> JobInput:
    files = tuple(file for each in given for file in each.files)
    if len({name for name, _ in files}) != len(files):
        raise InputRefused("two sealed inputs hold a file of the same name.")
    secrets = {number: value for each in given for number, value in each.secrets.items()}
    return JobInput(args=tuple(arg for each in given for arg in each.args), files=files, secrets=secrets)
