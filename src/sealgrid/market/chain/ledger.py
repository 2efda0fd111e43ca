"""Facts of the chain that orders depend on: a fold over hub events, with an undo log for reorganisations. Pure.

A fact is a value under a key of table and name.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count, takewhile
from typing import Final, Literal

import msgspec

from sealgrid.chain.events import (
    AssetTransferred,
    CategoryCreated,
    HubEvent,
    OrderClosed,
    OrderSigned,
    OrdersMatched,
    Transfer,
)
from sealgrid.poco.matching import Registry
from sealgrid.units import ZERO_ADDRESS, ZERO_DIGEST, Address, Digest

Table = Literal["App", "Dataset", "Workerpool", "stake", "consumed", "presigned", "category"]
Key = tuple[Table, str]
Value = str | int
CLOSED: Final = 2**256  #: ``consumed`` of a cancelled order: more than any order's volume


class LedgerCategory(msgspec.Struct, frozen=True):
    """A category of tasks, with the block and transaction that created it; ``timeref`` in seconds."""

    name: str
    description: str
    timeref: int
    block: int
    block_hash: Digest
    transaction: Digest


class LedgerUndo(msgspec.Struct, frozen=True):
    """Undo entry of one write: the previous value, or None if the key was new."""

    block: int
    key: Key
    before: Value | None


class LedgerDelta(msgspec.Struct, frozen=True):
    """The facts that one step changed; None marks a removed fact."""

    facts: Mapping[Key, Value | None]
    undo: tuple[LedgerUndo, ...] = ()


class ChainLedger:
    """The facts at the newest block that was read, with an undo log."""

    def __init__(
        self,
        registries: Mapping[Address, Registry],
        facts: Mapping[Key, Value] | None = None,
        undo: Iterable[LedgerUndo] = (),
    ) -> None:
        self._registries = registries
        self._facts = dict(facts or {})
        self._undo = list(undo)

    # --- queries

    def owner(self, registry: Registry, asset: Address) -> Address | None:
        """Return the owner of an asset; None when it is not registered."""
        found = self._facts.get((registry, asset))
        return None if found is None else Address(str(found))

    def stake(self, account: Address) -> int:
        """Return an account's free money in escrow, in nRLC."""
        return self._number("stake", account)

    def consumed(self, order: Digest) -> int:
        """Return the consumed uses of an order; ``CLOSED`` or more when it was cancelled."""
        return self._number("consumed", order)

    def presigned(self, order: Digest) -> bool:
        """Return whether the then owner of an order's asset presigned it on chain."""
        return ("presigned", order) in self._facts

    def category(self, number: int) -> LedgerCategory | None:
        """Return a category; None when the hub has no such category."""
        found = self._facts.get(("category", str(number)))
        return None if found is None else msgspec.json.decode(str(found), type=LedgerCategory)

    def categories(self) -> tuple[LedgerCategory, ...]:
        """Return the categories by their number; the hub counts them from 0."""
        numbers = takewhile(lambda number: ("category", str(number)) in self._facts, count())
        return tuple(found for number in numbers if (found := self.category(number)) is not None)

    # --- changes

    def apply(self, events: Iterable[HubEvent]) -> LedgerDelta:
        """Apply events, oldest first; return the changes."""
        start, touched = len(self._undo), set[Key]()
        for event in events:
            for key, value in self._writes(event):
                self._undo.append(LedgerUndo(event.block_number, key, self._facts.get(key)))
                self._facts[key] = value
                touched.add(key)
        return LedgerDelta({key: self._facts[key] for key in touched}, tuple(self._undo[start:]))

    def roll_back(self, block: int) -> LedgerDelta:
        """Undo every event of a higher block; return the facts afterwards."""
        touched = set[Key]()
        while self._undo and self._undo[-1].block > block:
            last = self._undo.pop()
            touched.add(last.key)
            if last.before is None:
                self._facts.pop(last.key, None)
            else:
                self._facts[last.key] = last.before
        return LedgerDelta({key: self._facts.get(key) for key in touched})

    def settle(self, block: int) -> None:
        """Drop the undo entries up to a block."""
        self._undo = [each for each in self._undo if each.block > block]

    def _writes(self, event: HubEvent) -> Iterator[tuple[Key, Value]]:
        match event:
            case OrdersMatched():
                hashes = (event.app_hash, event.dataset_hash, event.workerpool_hash, event.request_hash)
                for order in filter(ZERO_DIGEST.__ne__, hashes):
                    yield ("consumed", order), self.consumed(order) + event.volume
            case OrderClosed(order_hash=order):
                yield ("consumed", order), CLOSED
            case OrderSigned(order_hash=order):
                yield ("presigned", order), event.block_number
            case AssetTransferred(registry=registry, asset=asset, receiver=receiver) if registry in self._registries:
                yield (self._registries[registry], asset), receiver
            case Transfer(sender=sender, receiver=receiver, amount=amount):
                for account, change in ((sender, -amount), (receiver, amount)):
                    if account != ZERO_ADDRESS:
                        yield ("stake", account), self.stake(account) + change
            case CategoryCreated():
                category = LedgerCategory(
                    event.name,
                    event.description,
                    event.timeref,
                    event.block_number,
                    event.block_hash,
                    event.transaction,
                )
                yield ("category", str(event.category)), msgspec.json.encode(category).decode()

    def _number(self, table: Literal["stake", "consumed"], name: str) -> int:
        return int(self._facts.get((table, name), 0))
