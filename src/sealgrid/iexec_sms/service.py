"""Accepts secrets by iExec's SMS protocol. Stores sealed shares and public keys, never a secret.

Each vault accepts a key once. A key that reached some vaults only cannot be split again: its other shares would not
fit. The service therefore stores the sealed shares before the first delivery, and deletes them after the last receipt.
"""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sealgrid.crypto import container
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import DEVELOPER_SECRET_NAME, requester_secret_address
from sealgrid.crypto.shares import DEK_BYTES
from sealgrid.errors import CheckFailed, NotFound, SecretExists, ServiceUnavailable
from sealgrid.iexec_sms.document_store import DocumentStore
from sealgrid.iexec_sms.federation import Random, SecretAsset, VaultMembers, split_key
from sealgrid.iexec_sms.push_checks import (
    PushedSecret,
    check_app_secret,
    check_dataset_key,
    check_requester_secret,
    check_result_key,
)
from sealgrid.storage.file_store import FileStore
from sealgrid.units import ZERO_DIGEST, Address, Digest, to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.vault import IexecDeposit

MAX_REPLACED_KEYS = 50  #: of one account; their record stays below 10 kB

Delivery = tuple[IexecDeposit, ...]  #: one for each vault, in vault order
ReplacedKeys = tuple[Digest, ...]  #: keccak256 of each result key that an account replaced
Kind = Literal["App", "Dataset"]


class AssetLookup(Protocol):
    """Reads apps and datasets from the chain."""

    async def asset(self, kind: Kind, address: Address) -> SecretAsset | None:
        """Return a registered app or dataset, or None."""


class SecretService:
    """Operations of the iExec SMS adapter."""

    def __init__(
        self,
        members: VaultMembers,
        chain: AssetLookup,
        files: FileStore,
        deliveries: DocumentStore[Delivery],
        result_keys: DocumentStore[RegisteredResultKey],
        *,
        replaced_keys: DocumentStore[ReplacedKeys],
        random: Random = os.urandom,
    ) -> None:
        self._members, self._chain, self._files, self._random = members, chain, files, random
        self._deliveries, self._result_keys, self._replaced_keys = deliveries, result_keys, replaced_keys
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

    def result_key(self, owner: Address) -> RegisteredResultKey:
        """Return an account's RSA key for its results; raise NotFound if it registered none."""
        key = self._result_keys.get(owner)
        if key is None:
            raise NotFound(f"{owner} registered no key for results.")
        return key

    def push_result_key(self, pushed: PushedSecret, *, replacing: bool) -> None:
        """Store an account's RSA key; raise SecretRefused with the number "result-key.n".

        (4) The account has no key yet, or the request replaces it. (5) The account did not replace this key before: its
        signature is public and has no date, so that anyone could restore it.
        """
        checked = check_result_key(pushed)  # (1) to (3)
        known = self._result_keys.get(pushed.address)
        if known is not None and not replacing:  # (4)
            raise SecretExists("result-key.4", "this account already registered a key; replace it with PUT.")
        if known is not None and known.value == checked.value:
            return
        replaced = self._replaced_keys.get(pushed.address) or ()
        if pushed.value_hash in replaced:  # (5)
            raise SecretExists("result-key.5", "this account replaced this key before; create a new one.")
        if known is not None:
            if len(replaced) >= MAX_REPLACED_KEYS:  # (5)
                raise SecretExists(
                    "result-key.5", "this account replaced its key too often; use another account as beneficiary."
                )
            self._replaced_keys.put(known.owner, (*replaced, to_digest(keccak256(known.value.encode()))))
        self._result_keys.put(pushed.address, checked)

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


def _requester_asset(requester: Address, name: str) -> SecretAsset:
    return SecretAsset(requester_secret_address(requester, name), requester, ZERO_DIGEST)


def _document_name(asset: SecretAsset) -> str:
    return f"{asset.address}-{asset.owner}"
