"""What the face does for owners and beneficiaries. It keeps no value: only what was sealed to vaults, or is public.

A key that reached some vaults and not others could be split anew by nobody, since each vault takes a key once. So the
sealed shares are kept from before the first vault gets its own until the last one signed for its.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from sealgrid.errors import CheckFailed, NotFound, SecretExists, ServiceUnavailable
from sealgrid.sms.members import Members
from sealgrid.sms.pushed import Pushed, check_dataset_key, check_result_key
from sealgrid.sms.shelf import Shelf
from sealgrid.sms.splitting import DatasetOnChain, Random, deposits_of
from sealgrid.units import Address
from sealgrid.wire.sms import ResultKey
from sealgrid.wire.vault import IexecDeposit

Delivery = tuple[IexecDeposit, ...]  #: one for each vault, in vault order


class Datasets(Protocol):
    """Where the desk learns of datasets."""

    async def dataset(self, address: Address) -> DatasetOnChain | None:
        """Return a registered dataset, or None."""


class Desk:
    """One face's work."""

    def __init__(
        self, members: Members, chain: Datasets, deliveries: Shelf[Delivery], result_keys: Shelf[ResultKey],
        *, random: Random = os.urandom,
    ) -> None:  # fmt: skip
        self._members, self._chain, self._random = members, chain, random
        self._deliveries, self._result_keys = deliveries, result_keys
        self._busy = set[str]()

    async def has_dataset_key(self, address: Address) -> bool:
        """Return whether t vaults hold shares of one key, and none is still to get its own."""
        dataset = await self._chain.dataset(address)
        if dataset is None or self._deliveries.get(_name(dataset)) is not None:
            return False
        holders, silent = await self._members.holders(dataset.address, dataset.owner)
        enough = self._members.place.threshold
        if holders < enough <= holders + silent:
            raise ServiceUnavailable(f"{silent} vaults do not answer, so nobody knows whether the key is there.")
        return holders >= enough

    async def push_dataset_key(self, pushed: Pushed) -> None:
        """Split a dataset's key among the vaults; return once each of them signed for its share.

        Raises SecretRefused with the number of the check ("dataset-key.n"; (4) it was never pushed before, or this is
        the value that not all vaults took), ServiceUnavailable when a vault is missing, with what is to be done.
        """
        dataset = await self._chain.dataset(pushed.address)
        key = check_dataset_key(pushed, None if dataset is None else dataset.owner)  # (1) to (3)
        assert dataset is not None  # whose owner signed
        with self._alone(_name(dataset)):
            delivery = self._deliveries.get(_name(dataset))
            if delivery is None:
                delivery = await self._split(key, dataset, pushed)
            elif delivery[0].value_hash != pushed.value_hash:  # (4)
                raise _exists(dataset.address)
            await self._deliver(dataset, delivery)

    def has_result_key(self, owner: Address) -> bool:
        """Return whether an account registered an RSA key for results."""
        return self._result_keys.get(owner) is not None

    def result_key(self, owner: Address) -> ResultKey:
        """Return an account's RSA key for results; raise NotFound."""
        found = self._result_keys.get(owner)
        if found is None:
            raise NotFound(f"{owner} registered no key for results.")
        return found

    def push_result_key(self, pushed: Pushed, *, replacing: bool) -> None:
        """Keep an account's RSA key; raise SecretRefused: "result-key.n", (4) there is none yet, or it is replaced."""
        checked = check_result_key(pushed)  # (1) to (3)
        if not replacing and self.has_result_key(pushed.address):  # (4)
            raise SecretExists("result-key.4", "this account registered a key already; replace it by PUT.")
        self._result_keys.put(pushed.address, checked)

    async def _split(self, key: bytes, dataset: DatasetOnChain, pushed: Pushed) -> Delivery:
        free, identities = await self._members.ready(dataset.address, dataset.owner)
        if not free:  # (4)
            raise _exists(dataset.address)
        delivery = deposits_of(
            key, dataset, value_hash=pushed.value_hash, signature=pushed.signature, place=self._members.place,
            identities=identities, random=self._random,
        )  # fmt: skip
        self._deliveries.put(_name(dataset), delivery)
        return delivery

    async def _deliver(self, dataset: DatasetOnChain, delivery: Delivery) -> None:
        failed = [each for each in await self._members.give(delivery) if each is not None]
        refused = [each for each in failed if isinstance(each, CheckFailed)]
        if any(each.check == "iexec-deposit.5" for each in refused):  # (4), by another way in the meantime
            self._deliveries.drop(_name(dataset))
            raise _exists(dataset.address)
        if refused:
            raise refused[0]
        if failed:
            number = self._members.number
            raise ServiceUnavailable(
                f"{number - len(failed)} of {number} vaults took their share; push the same value again for the others."
            )
        self._deliveries.drop(_name(dataset))

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        if name in self._busy:
            raise ServiceUnavailable("this key is being pushed at this moment; ask again in a while.")
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)


def _name(dataset: DatasetOnChain) -> str:
    return f"{dataset.address}-{dataset.owner}"


def _exists(address: Address) -> SecretExists:
    return SecretExists(
        "dataset-key.4", f"a key for {address} was pushed already, and iExec's secrets are written once."
    )
