"""Accepts secrets by iExec's SMS protocol. Stores sealed shares and public keys, never a secret.

Each vault accepts a key once. A key that reached some vaults only cannot be split again: its other shares would not
fit. The service therefore stores the sealed shares before the first delivery, and deletes them after the last receipt.
"""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sealgrid.attestation.statements import authorisation_signer
from sealgrid.crypto import container
from sealgrid.crypto.iexec_challenge import DEVELOPER_SECRET_NAME, requester_secret_address
from sealgrid.crypto.shares import DEK_BYTES
from sealgrid.errors import CallRefused, CheckFailed, InputRefused, NotFound, SecretExists, ServiceUnavailable
from sealgrid.iexec_sms.document_store import DocumentStore
from sealgrid.iexec_sms.federation import Random, SecretAsset, VaultMembers, split_key
from sealgrid.iexec_sms.push_checks import (
    PushedSecret,
    check_app_secret,
    check_dataset_key,
    check_requester_secret,
    check_result_key,
)
from sealgrid.iexec_sms.result_keys import ResultKeyHistory, register
from sealgrid.storage.file_store import FileStore
from sealgrid.units import ZERO_DIGEST, Address, Digest, TaskId, to_digest
from sealgrid.wire.iexec_sms import PublicResultKey, RegisteredResultKey, ResultKeyRequest
from sealgrid.wire.vault import IexecDeposit

Delivery = tuple[IexecDeposit, ...]  #: one for each vault, in vault order
Kind = Literal["App", "Dataset"]


@dataclass(frozen=True, slots=True)
class ActiveTask:
    """A task on the chain that has no result yet."""

    pool_signer: Address  #: signs for the workerpool of its deal
    beneficiary: Address
    start_time: int  #: Unix seconds of the block in which its deal was matched


class ChainLookup(Protocol):
    """Reads the chain."""

    async def asset(self, kind: Kind, address: Address) -> SecretAsset | None:
        """Return a registered app or dataset, or None."""

    async def active_task(self, task: TaskId) -> ActiveTask | None:
        """Return a task that is initialised and has no result yet, or None."""

    async def head_time(self) -> int:
        """Return the time of the newest block, in Unix seconds."""


class SecretService:
    """Operations of the iExec SMS adapter."""

    def __init__(
        self,
        members: VaultMembers,
        chain: ChainLookup,
        files: FileStore,
        deliveries: DocumentStore[Delivery],
        result_keys: DocumentStore[ResultKeyHistory],
        *,
        random: Random = os.urandom,
    ) -> None:
        self._members, self._chain, self._files, self._random = members, chain, files, random
        self._deliveries, self._result_keys = deliveries, result_keys
        self._busy = set[str]()

    async def has_secret(self, kind: Kind, address: Address) -> bool:
        """Return whether t vaults store shares of one key of an asset, and no delivery of it is open."""
        asset = await self._chain.asset(kind, address)
        return asset is not None and await self._is_stored(asset)

    async def has_requester_secret(self, requester: Address, name: str) -> bool:
        """Return whether t vaults store shares of a requester's secret, and no delivery of it is open."""
        return await self._is_stored(_requester_asset(requester, name))

    async def _is_stored(self, asset: SecretAsset) -> bool:
        if self._deliveries.get(_document_name(asset)) is not None:
            return False
        shares, silent = await self._members.count_shares(asset.address, asset.owner)
        threshold = self._members.target.threshold
        if shares < threshold <= shares + silent:
            raise ServiceUnavailable(
                f"{silent} vaults do not answer; whether the key exists is unknown. Try again later."
            )
        return shares >= threshold

    async def push_dataset_key(self, pushed: PushedSecret) -> None:
        """Split a dataset's key among the vaults; return when each signed a receipt for its share.

        Raises SecretRefused with the number of the check ("dataset-key.n"), ServiceUnavailable if a vault does not
        answer. (4) The key was not pushed before, or this is the same value and its delivery is not complete.
        """
        dataset = await self._chain.asset("Dataset", pushed.address)
        key = check_dataset_key(pushed, None if dataset is None else dataset.owner)  # (1) to (3)
        assert dataset is not None  # check (2)

        async def seal() -> _SealedFileKey:
            return _SealedFileKey(key, dataset.checksum)

        await self._push(dataset, pushed, seal, "dataset-key.4")

    async def push_app_secret(self, pushed: PushedSecret) -> None:
        """Seal an app developer's secret into a file and split its key; raise SecretRefused, "app-secret.n"."""
        app = await self._chain.asset("App", pushed.address)
        check_app_secret(pushed, None if app is None else app.owner)  # (1) to (3)
        assert app is not None  # check (2)
        await self._push(app, pushed, lambda: self._seal_file(pushed, DEVELOPER_SECRET_NAME), "app-secret.4")

    async def push_requester_secret(self, pushed: PushedSecret, name: str) -> None:
        """Seal a requester's secret into a file and split its key; raise SecretRefused, "requester-secret.n"."""
        check_requester_secret(pushed, name)  # (1) to (3)
        asset = _requester_asset(pushed.address, name)
        await self._push(asset, pushed, lambda: self._seal_file(pushed, name), "requester-secret.4")

    async def _seal_file(self, pushed: PushedSecret, name: str) -> "_SealedFileKey":
        key = self._random(DEK_BYTES)
        content = container.seal_bytes(pushed.value, dek=key, key_id=self._random(16), random=self._random)
        return _SealedFileKey(key, await self._files.put_bytes(content), name)

    def has_result_key(self, owner: Address) -> bool:
        """Return whether an account registered an RSA key for its results."""
        return self._result_keys.get(owner) is not None

    def result_key(self, owner: Address) -> PublicResultKey:
        """Return an account's current RSA key for its results; raise NotFound if it registered none."""
        key = self._result_key_history(owner).current
        return PublicResultKey(owner=key.owner, value=key.value)

    async def result_key_of_task(self, request: ResultKeyRequest) -> RegisteredResultKey:
        """Return the key for a task's result, as it was when its deal was matched, with the account's signature.

        Raises CallRefused with the number "result-key-request.n", NotFound if the beneficiary registered no key or this
        one was dropped, InputRefused for a malformed task id. (1) The task is on the chain and has no result yet. (2)
        The pool of its deal authorised this worker with this enclave: anyone who has the signature of an earlier key
        can register it again.
        """
        task = await self._chain.active_task(_parse_task(request.task))
        if task is None:  # (1)
            raise CallRefused("result-key-request.1", "this task is not on the chain, or it has ended.")
        signer = authorisation_signer(request.worker, request.task, request.enclave, request.signature)
        if signer != task.pool_signer:  # (2)
            raise CallRefused("result-key-request.2", "the task's pool did not authorise this worker.")
        key = self._result_key_history(task.beneficiary).key_of_deal(task.start_time)
        if key is None:
            raise NotFound(f"the key of {task.beneficiary} at the time of this deal is not stored any more.")
        return key

    async def push_result_key(self, pushed: PushedSecret, *, replacing: bool) -> None:
        """Store an account's RSA key; raise SecretRefused with the number "result-key.n".

        (4) The account has no key yet, or the request replaces it; an account may return to an earlier key.
        """
        checked = check_result_key(pushed)  # (1) to (3)
        chain_time = await self._chain.head_time()
        known = self._result_keys.get(pushed.address)
        if known is not None and not replacing:  # (4)
            raise SecretExists("result-key.4", "this account already registered a key; replace it with PUT.")
        history = register(known, checked, chain_time)
        if history is not known:
            self._result_keys.put(pushed.address, history)

    def _result_key_history(self, owner: Address) -> ResultKeyHistory:
        history = self._result_keys.get(owner)
        if history is None:
            raise NotFound(f"{owner} registered no key for results.")
        return history

    async def _push(
        self, asset: SecretAsset, pushed: PushedSecret, seal: Callable[[], Awaitable["_SealedFileKey"]], number: str
    ) -> None:
        exists = SecretExists(
            number, f"a secret for {pushed.address} was already pushed; iExec's secrets are written once."
        )
        with self._exclusive(_document_name(asset)):
            delivery = self._deliveries.get(_document_name(asset))
            if delivery is None:
                is_new, identities = await self._members.prepare(asset.address, asset.owner)
                if not is_new:  # (4)
                    raise exists
                sealed = await seal()
                delivery = split_key(
                    sealed.key,
                    asset,
                    file_sha256=sealed.file_sha256,
                    value_hash=pushed.value_hash,
                    name=sealed.name,
                    signature=pushed.signature,
                    target=self._members.target,
                    identities=identities,
                    random=self._random,
                )
                self._deliveries.put(_document_name(asset), delivery)
            elif delivery[0].value_hash != pushed.value_hash:  # (4)
                raise exists
            if not await self._deliver(asset, delivery):  # (4): the key reached the vaults by another route meanwhile
                raise exists

    async def _deliver(self, asset: SecretAsset, delivery: Delivery) -> bool:
        """Deliver the shares; return False if vaults already have another key."""
        failed = [each for each in await self._members.deliver(delivery) if each is not None]
        refused = [each for each in failed if isinstance(each, CheckFailed)]
        if any(each.check == "iexec-deposit.5" for each in refused):
            self._deliveries.delete(_document_name(asset))
            return False
        if refused:
            raise refused[0]
        if failed:
            number = self._members.number
            raise ServiceUnavailable(
                f"{number - len(failed)} of {number} vaults accepted a share; push the same value again for the others."
            )
        self._deliveries.delete(_document_name(asset))
        return True

    @contextmanager
    def _exclusive(self, name: str) -> Iterator[None]:
        if name in self._busy:
            raise ServiceUnavailable("another push of this key is running; try again later.")
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)


@dataclass(frozen=True, slots=True)
class _SealedFileKey:
    """The key of a sealed file, and the file's digest."""

    key: bytes = field(repr=False)
    file_sha256: Digest
    name: str = ""  #: of a requester's secret, or of the developer's


def _parse_task(text: str) -> TaskId:
    try:
        return TaskId(to_digest(text))
    except ValueError as error:
        raise InputRefused("give the id of a task: 0x and 64 hex digits.") from error


def _requester_asset(requester: Address, name: str) -> SecretAsset:
    return SecretAsset(requester_secret_address(requester, name), requester, ZERO_DIGEST)


def _document_name(asset: SecretAsset) -> str:
    return f"{asset.address}-{asset.owner}"
