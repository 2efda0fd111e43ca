"""What the face does for owners and beneficiaries. It keeps no value: only what was sealed to vaults, or is public.

A key that reached some vaults and not others could be split anew by nobody, since each vault takes a key once. So the
sealed shares are kept from before the first vault gets its own until the last one signed for its.
"""

import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sealgrid.crypto import container
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import DEVELOPER_SECRET_NAME, requester_secret_address
from sealgrid.crypto.shares import DEK_BYTES
from sealgrid.errors import CheckFailed, NotFound, SecretExists, ServiceUnavailable
from sealgrid.iexec_sms.document_store import DocumentStore
from sealgrid.iexec_sms.federation import VaultMembers
from sealgrid.iexec_sms.key_splitter import Random, SecretAsset, deposits_of
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
from sealgrid.wire.vault import IexecDeposit, VaultIdentity

MOST_GIVEN_UP = 50  #: keys of one account: what is remembered of it stays below 10 kB

Delivery = tuple[IexecDeposit, ...]  #: one for each vault, in vault order
GivenUp = tuple[Digest, ...]  #: keccak256 of each key for results that an account replaced
Kind = Literal["App", "Dataset"]


class AssetLookup(Protocol):
    """Where the desk learns of apps and datasets."""

    async def asset(self, kind: Kind, address: Address) -> SecretAsset | None:
        """Return a registered app or dataset, or None."""


class SecretService:
    """One face's work."""

    def __init__(
        self,
        members: VaultMembers,
        chain: AssetLookup,
        files: FileStore,
        deliveries: DocumentStore[Delivery],
        result_keys: DocumentStore[RegisteredResultKey],
        *,
        given_up: DocumentStore[GivenUp],
        random: Random = os.urandom,
    ) -> None:
        self._members, self._chain, self._files, self._random = members, chain, files, random
        self._deliveries, self._result_keys, self._given_up = deliveries, result_keys, given_up
        self._busy = set[str]()

    async def has_secret(self, kind: Kind, address: Address) -> bool:
        """Return whether t vaults hold shares of one key of an asset, and none is still to get its own."""
        asset = await self._chain.asset(kind, address)
        return asset is not None and await self._is_held(asset)

    async def has_requester_secret(self, requester: Address, name: str) -> bool:
        """Return the same of a requester's secret."""
        return await self._is_held(_of_requester(requester, name))

    async def _is_held(self, asset: SecretAsset) -> bool:
        if self._deliveries.get(_name(asset)) is not None:
            return False
        holders, silent = await self._members.holders(asset.address, asset.owner)
        enough = self._members.place.threshold
        if holders < enough <= holders + silent:
            raise ServiceUnavailable(f"{silent} vaults do not answer, so nobody knows whether the key is there.")
        return holders >= enough

    async def push_dataset_key(self, pushed: PushedSecret) -> None:
        """Split a dataset's key among the vaults; return once each of them signed for its share.

        Raises SecretRefused with the number of the check ("dataset-key.n"; (4) it was never pushed before, or this is
        the value that not all vaults took), ServiceUnavailable when a vault is missing, with what is to be done.
        """
        dataset = await self._chain.asset("Dataset", pushed.address)
        key = check_dataset_key(pushed, None if dataset is None else dataset.owner)  # (1) to (3)
        assert dataset is not None  # whose owner signed

        async def sealed() -> _SealedFileKey:
            return _SealedFileKey(key, dataset.checksum)

        await self._push(dataset, pushed, sealed, "dataset-key.4")

    async def push_app_secret(self, pushed: PushedSecret) -> None:
        """Seal an app developer's secret, and split the key of that file; as ``push_dataset_key``, "app-secret.n"."""
        app = await self._chain.asset("App", pushed.address)
        check_app_secret(pushed, None if app is None else app.owner)  # (1) to (3)
        assert app is not None  # whose owner signed
        await self._push(app, pushed, lambda: self._in_a_file(pushed, DEVELOPER_SECRET_NAME), "app-secret.4")

    async def push_requester_secret(self, pushed: PushedSecret, name: str) -> None:
        """Seal a requester's secret likewise; raise SecretRefused, "requester-secret.n"."""
        check_requester_secret(pushed, name)  # (1) to (3)
        asset = _of_requester(pushed.address, name)
        await self._push(asset, pushed, lambda: self._in_a_file(pushed, name), "requester-secret.4")

    async def _in_a_file(self, pushed: PushedSecret, name: str) -> "_SealedFileKey":
        key = self._random(DEK_BYTES)
        content = container.seal_bytes(pushed.value, dek=key, key_id=self._random(16), random=self._random)
        return _SealedFileKey(key, await self._files.put_bytes(content), name)

    def has_result_key(self, owner: Address) -> bool:
        """Return whether an account registered an RSA key for results."""
        return self._result_keys.get(owner) is not None

    def result_key(self, owner: Address) -> RegisteredResultKey:
        """Return an account's RSA key for results; raise NotFound."""
        found = self._result_keys.get(owner)
        if found is None:
            raise NotFound(f"{owner} registered no key for results.")
        return found

    def push_result_key(self, pushed: PushedSecret, *, replacing: bool) -> None:
        """Keep an account's RSA key; raise SecretRefused with the number "result-key.n".

        (4) There is none yet, or it is replaced. (5) It was never given up: its signature is public and has no date, so
        anybody could bring it back.
        """
        checked = check_result_key(pushed)  # (1) to (3)
        known = self._result_keys.get(pushed.address)
        if known is not None and not replacing:  # (4)
            raise SecretExists("result-key.4", "this account registered a key already; replace it by PUT.")
        if known is not None and known.value == checked.value:
            return
        given_up = self._given_up.get(pushed.address) or ()
        if pushed.value_hash in given_up:  # (5)
            raise SecretExists("result-key.5", "this account replaced that key by another; make a new one.")
        if known is not None:
            self._give_up(known, given_up)
        self._result_keys.put(pushed.address, checked)

    def _give_up(self, known: RegisteredResultKey, before: GivenUp) -> None:
        if len(before) >= MOST_GIVEN_UP:
            raise SecretExists("result-key.5", "this account replaced its key too often; name another as beneficiary.")
        self._given_up.put(known.owner, (*before, to_digest(keccak256(known.value.encode()))))

    async def _push(
        self, asset: SecretAsset, pushed: PushedSecret, sealed: Callable[[], Awaitable["_SealedFileKey"]], number: str
    ) -> None:
        exists = SecretExists(number, f"a secret for {pushed.address} was pushed already; iExec's are written once.")
        with self._alone(_name(asset)):
            delivery = self._deliveries.get(_name(asset))
            if delivery is None:
                free, identities = await self._members.ready(asset.address, asset.owner)
                if not free:  # (4)
                    raise exists
                delivery = self._split(await sealed(), asset, pushed, identities)
                self._deliveries.put(_name(asset), delivery)
            elif delivery[0].value_hash != pushed.value_hash:  # (4)
                raise exists
            if not await self._deliver(asset, delivery):  # (4), by another way in the meantime
                raise exists

    def _split(
        self, sealed: "_SealedFileKey", asset: SecretAsset, pushed: PushedSecret, identities: Sequence[VaultIdentity]
    ) -> Delivery:
        return deposits_of(
            sealed.key,
            asset,
            file_sha256=sealed.file_sha256,
            value_hash=pushed.value_hash,
            name=sealed.name,
            signature=pushed.signature,
            place=self._members.place,
            identities=identities,
            random=self._random,
        )

    async def _deliver(self, asset: SecretAsset, delivery: Delivery) -> bool:
        """Return whether every vault signed for its share, or False where vaults have another key already."""
        failed = [each for each in await self._members.give(delivery) if each is not None]
        refused = [each for each in failed if isinstance(each, CheckFailed)]
        if any(each.check == "iexec-deposit.5" for each in refused):
            self._deliveries.drop(_name(asset))
            return False
        if refused:
            raise refused[0]
        if failed:
            number = self._members.number
            raise ServiceUnavailable(
                f"{number - len(failed)} of {number} vaults took their share; push the same value again for the others."
            )
        self._deliveries.drop(_name(asset))
        return True

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        if name in self._busy:
            raise ServiceUnavailable("this key is being pushed at this moment; ask again in a while.")
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)


@dataclass(frozen=True, slots=True)
class _SealedFileKey:
    """A file's key, and the file that it opens."""

    key: bytes = field(repr=False)
    file_sha256: Digest
    name: str = ""  #: of the secret in the file, under iExec's route


def _of_requester(requester: Address, name: str) -> SecretAsset:
    return SecretAsset(requester_secret_address(requester, name), requester, ZERO_DIGEST)


def _name(asset: SecretAsset) -> str:
    return f"{asset.address}-{asset.owner}"
