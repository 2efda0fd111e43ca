"""Fetch and decrypt what facts and params of a task name: dataset, inputs, secrets, datasets of a bulk."""

import asyncio
from pathlib import Path

from sealgrid.attestation.facts import DatasetFact, Facts, SecretFact
from sealgrid.bundle.job_input import (
    MAX_INPUT_BYTES,
    MAX_SEALED_BYTES,
    JobInput,
    check_input,
    split_arguments,
    text_fault,
    unpack,
)
from sealgrid.crypto import container
from sealgrid.crypto.iexec_challenge import DEVELOPER_SECRET_NAME
from sealgrid.crypto.iexec_format import open_iexec
from sealgrid.enclave.job.app_layout import JobFolders
from sealgrid.enclave.job.iexec_env import AppInputs, merge_requester_secrets
from sealgrid.enclave.protocol.pushed_secrets import check_signed
from sealgrid.enclave.protocol.relay_files import fetch, pour, write_new
from sealgrid.enclave.protocol.release import ReleaseQuorum
from sealgrid.errors import AppFailed, ContainerRefused, FileUnopened, HostFailed, InputRefused, NotFound
from sealgrid.units import Address, Digest
from sealgrid.wire.relay import RelayClient

MAX_SECRET_BYTES = 1 << 20  #: of a sealed secret; its plaintext must fit into an environment variable
NO_LIMIT = 1 << 62


class InputLoader:
    """Loads all inputs of one task into its folders.

    Input that is provably bad raises AppFailed. What the host could have caused raises HostFailed.
    """

    def __init__(self, relay: RelayClient, quorum: ReleaseQuorum, folders: JobFolders) -> None:
        self._relay, self._quorum, self._folders = relay, quorum, folders

    async def load(self) -> AppInputs:
        """Return the inputs; their files are in the folders of the task."""
        params = self._quorum.request.params
        _, public_files, inputs, developer_secret, pushed = await asyncio.gather(
            self._load_dataset(),
            self._public_files(),
            self._sealed_inputs(),
            self._developer_secret(),
            self._pushed_secrets(),
        )
        numbers = [number for each in inputs for number in each.secrets]
        if len(set(numbers)) != len(numbers):  # (input.5)
            raise AppFailed("(input.5) two sealed inputs of this deal give a secret of the same number.")
        secrets = {number: value for each in inputs for number, value in each.secrets.items()}
        job_input = JobInput(
            args=tuple(arg for each in inputs for arg in each.args),
            files=(*public_files, *(file for each in inputs for file in each.files)),
            secrets=merge_requester_secrets(secrets, pushed),
        )
        try:
            public = split_arguments(params.iexec_args)
            check_input(job_input, public)  # each of several inputs may be valid, and all together not
        except InputRefused as error:
            raise AppFailed(error.message) from error
        for name, content in job_input.files:
            write_new(self._folders.path("inputs") / name, content)
        return AppInputs(
            arguments=(*public, *job_input.args),
            input_files=[name for name, _ in job_input.files],
            requester_secrets=job_input.secrets,
            developer_secret=developer_secret,
            bulk=await self._load_bulk(),
        )

    async def _load_dataset(self) -> None:
        dataset = self._quorum.facts.dataset
        if dataset is not None:
            await self._decrypt(dataset.checksum, self._folders.path("datasets") / dataset.address)

    async def _public_files(self) -> list[tuple[str, bytes]]:
        """Return the files that iExec's clients name in the params, with their names."""
        files, bytes_left = [], MAX_INPUT_BYTES
        for file in self._quorum.request.params.input_files:
            path = await self._fetch("input file", file.sha256, bytes_left)
            content = path.read_bytes()
            path.unlink()
            bytes_left -= len(content)
            files.append((file.name, content))
        return files

    async def _sealed_inputs(self) -> list[JobInput]:
        inputs, bytes_left = [], MAX_SEALED_BYTES
        for digest in self._quorum.facts.inputs:
            content = await self._read(digest, most=bytes_left)
            bytes_left -= len(content)
            try:
                inputs.append(unpack(content))
            except InputRefused as error:
                raise AppFailed(error.message) from error
        return inputs

    async def _load_bulk(self) -> dict[int, DatasetFact]:
        """Decrypt the datasets of a bulk one by one; a dataset that its owner spoiled is skipped, not the task."""
        loaded: dict[int, DatasetFact] = {}
        datasets = self._quorum.facts.bulk.datasets if self._quorum.facts.bulk else ()
        for index, (dataset, key) in enumerate(zip(datasets, self._quorum.bulk, strict=True)):
            if dataset is None or key is None:
                continue
            if dataset not in loaded.values():  # a slice may list one dataset twice
                target = self._folders.path("datasets") / dataset.address
                try:
                    await self._decrypt_iexec(dataset.checksum, key, target)
                except AppFailed:
                    continue
                except HostFailed as error:
                    # Not skipped: otherwise a worker could omit any dataset by denying that it is stored.
                    raise HostFailed(f"dataset {dataset.address} of the bulk: {error.message}") from error
                except OSError as error:
                    raise HostFailed(
                        f"dataset {dataset.address} of the bulk does not fit into the enclave's memory."
                    ) from error
            loaded[index] = dataset
        return loaded

    async def _developer_secret(self) -> str | None:
        facts = self._quorum.facts
        secret = next((each for each in facts.secrets if each.kind in {"developer", "iexec-developer"}), None)
        return None if secret is None else await self._text(secret, owner=facts.app.address, name=DEVELOPER_SECRET_NAME)

    async def _pushed_secrets(self) -> dict[str, str]:
        """Return what the requester pushed through iExec's API, by the number that the params assign."""
        params, requester = self._quorum.request.params, self._quorum.request.order.requester
        secrets = [each for each in self._quorum.facts.secrets if each.kind == "iexec-requester"]
        if len(secrets) != len(params.secret_names):
            raise HostFailed("the vaults' facts do not name the secrets that the deal's params name.")
        texts = {
            name: await self._text(secret, owner=requester, name=name)
            for name, secret in zip(params.secret_names, secrets, strict=True)
        }
        return {number: texts[name] for number, name in params.iexec_secrets.items()}

    async def _text(self, secret: SecretFact, *, owner: Address, name: str) -> str:
        content = await self._read(secret.file_sha256, most=MAX_SECRET_BYTES)
        if secret.file_sha256 in self._quorum.pushed:
            check_signed(content, owner, name, self._quorum.pushed[secret.file_sha256])  # (12)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            # Without the cause: it holds the secret's bytes.
            raise AppFailed(f"the secret {name!r} of this deal is not UTF-8 text.") from None
        if (fault := text_fault(text)) is not None:
            raise AppFailed(f"{fault[0]} the secret {name!r} of this deal {fault[1]}")
        return text

    async def _read(self, digest: Digest, *, most: int) -> bytes:
        plain = await self._decrypt(digest, self._folders.new_scratch_path(), most=most)
        content = plain.read_bytes()
        plain.unlink()
        return content

    async def _decrypt(self, digest: Digest, target: Path, *, most: int = NO_LIMIT) -> Path:
        if digest not in self._quorum.keys:
            raise HostFailed(f"the vaults gave no key for the file {digest}.")
        key = self._quorum.keys[digest]
        if _is_iexec_file(self._quorum.facts, digest):
            return await self._decrypt_iexec(digest, key, target, most=most)
        try:
            await self._decrypt_arriving(digest, target, key, most)
        except NotFound as error:
            raise _not_found("sealed file", digest) from error
        except ContainerRefused as error:
            raise _unopened(digest) from error
        return target

    async def _decrypt_arriving(self, digest: Digest, target: Path, key: bytes, most: int) -> None:
        """Decrypt a file while it arrives; only a file of this digest raises ContainerRefused."""
        with target.open("xb") as plain:
            stream = container.SealedStream(plain, key)
            try:
                await pour(self._relay, digest, lambda pieces: stream.write(*pieces), most)
                await asyncio.to_thread(stream.finish)
            except BaseException:
                target.unlink()  # it is partial or unverified
                raise

    async def _decrypt_iexec(self, digest: Digest, key: bytes, target: Path, *, most: int = NO_LIMIT) -> Path:
        """Fetch a file of iExec's format and decrypt it to ``target``, which must not exist.

        The format has no authentication: nothing is decrypted before the whole file has its digest.
        """
        sealed = await self._fetch("sealed file", digest, most)
        try:
            await asyncio.to_thread(_decrypt_iexec, digest, sealed, target, key=key)
        except ContainerRefused as error:
            target.unlink()  # it may be partial
            raise _unopened(digest) from error
        sealed.unlink()
        return target

    async def _fetch(self, what: str, digest: Digest, most: int) -> Path:
        """Fetch a file of at most so many bytes; raise HostFailed if no storage of the worker has it."""
        try:
            return await fetch(self._relay, digest, self._folders.new_scratch_path(), most)
        except NotFound as error:
            raise _not_found(what, digest) from error


def _not_found(what: str, digest: Digest) -> HostFailed:
    return HostFailed(f"the {what} {digest} was not found in any storage of the worker.")


def _unopened(digest: Digest) -> FileUnopened:
    # File and key are exactly those that the vaults vouch for: their owner caused this, not the host.
    return FileUnopened(
        "a sealed file of this deal does not open with the key that was deposited for it.", digest=digest
    )


def proves_key(facts: Facts) -> bool:
    """Return whether decrypting the deal's dataset proves that its key is correct.

    iExec's format has no authentication tag: one wrong key in 256 decrypts it to garbage.
    """
    return facts.dataset is not None and not _is_iexec_file(facts, facts.dataset.checksum)


def _is_iexec_file(facts: Facts, digest: Digest) -> bool:
    return any(secret.kind == "iexec" and secret.file_sha256 == digest for secret in facts.secrets)


def _decrypt_iexec(digest: Digest, sealed: Path, plain: Path, *, key: bytes) -> None:
    with sealed.open("rb") as source, plain.open("xb") as target:
        open_iexec(source, target, key, sha256=digest)
