"""Which four orders make a deal, of how many tasks and at what price, as PoCo decides it (IexecPoco1Facet.matchOrders).

Pure: what the contract reads from the chain is passed in as ``MatchingState``.
"""

from typing import Literal, Protocol

import msgspec

from sealgrid.errors import OrderRefused
from sealgrid.poco.constants import pool_stake
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.poco.refusals import MATCH_REFUSALS
from sealgrid.poco.tags import covers, is_tee, union
from sealgrid.poco.typed_data import OrderDomain, order_hash
from sealgrid.units import ZERO_ADDRESS, Address, Digest, Nrlc

Registry = Literal["App", "Dataset", "Workerpool"]


class OrderSet(msgspec.Struct, frozen=True):
    """What is sent to matchOrders; ``dataset`` is NO_DATASET_ORDER in a deal without one."""

    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder

    @property
    def used(self) -> tuple[Order, ...]:
        """Return the orders of which a deal consumes volume."""
        with_dataset = self.dataset.dataset != ZERO_ADDRESS
        return (self.app, *((self.dataset,) if with_dataset else ()), self.workerpool, self.request)


class MatchingState(Protocol):
    """What a hub knows at one block."""

    def categories(self) -> int:
        """Return how many categories there are."""

    def owner(self, registry: Registry, asset: Address) -> Address | None:
        """Return whose an asset is; None when the hub's registry does not know it."""

    def consumed(self, order: Digest) -> int:
        """Return how many uses of an order are gone."""

    def authorised(self, account: Address, order: Digest, signature: bytes) -> bool:
        """Tell whether an account signed an order: as a key, as a contract (ERC-1271), or before on chain."""

    def in_group(self, group: Address, account: Address) -> bool:
        """Tell whether a contract (ERC-734) counts an account among its members; False for what is no contract."""

    def stake(self, account: Address) -> int:
        """Return an account's free money in escrow, in nRLC."""


class OrderMatch(msgspec.Struct, frozen=True, kw_only=True):
    """The deal that four orders make; prices are nRLC per task."""

    volume: int  #: tasks
    tag: Digest
    trust: int
    app_price: Nrlc
    dataset_price: Nrlc
    workerpool_price: Nrlc

    @property
    def price(self) -> Nrlc:
        """Return what one task costs whoever pays."""
        return Nrlc(self.app_price + self.dataset_price + self.workerpool_price)

    @property
    def cost(self) -> Nrlc:
        """Return what the match locks of whoever pays."""
        return Nrlc(self.price * self.volume)

    @property
    def pool_stake(self) -> Nrlc:
        """Return what the match locks of the pool's owner."""
        return Nrlc(pool_stake(self.workerpool_price) * self.volume)


def match(four: OrderSet, domain: OrderDomain, state: MatchingState, *, sponsor: Address | None = None) -> OrderMatch:
    """Return the deal that the orders make when the requester, or a sponsor, pays; else raise OrderRefused.

    The checks and their order are the contract's; ``check`` of the error is the number in its revert reason, or
    ``funds`` or ``stake`` when whoever pays or the pool's owner has too little in escrow, for which PoCo has no number.
    """
    refuse(terms(four, state.categories()))
    refuse(restrictions(four, state))
    refuse(_authenticity(four, domain, state))
    found = OrderMatch(
        volume=min(max(0, order.volume - state.consumed(order_hash(order, domain))) for order in four.used),
        tag=union(four.app.tag, four.dataset.tag, four.request.tag),
        trust=max(four.request.trust, 1),
        app_price=Nrlc(four.app.appprice),
        dataset_price=Nrlc(four.dataset.datasetprice if four.dataset.dataset != ZERO_ADDRESS else 0),
        workerpool_price=Nrlc(four.workerpool.workerpoolprice),
    )
    refuse("" if found.volume else "60")
    refuse(
        _money(found, sponsor or four.request.requester, state.owner("Workerpool", four.workerpool.workerpool), state)
    )
    return found


def refuse(check: str) -> None:
    """Raise OrderRefused for the number of a check that failed; do nothing for an empty one."""
    if check:
        raise OrderRefused(MATCH_REFUSALS[check], check=check)


def terms(four: OrderSet, categories: int) -> str:
    """Return the number of the first of matchOrders' checks 00 to 11 that fails: what the orders alone tell."""
    app, dataset, pool, request = four.app, four.dataset, four.workerpool, four.request
    tag = union(app.tag, dataset.tag, request.tag)
    return _first(
        ("00", request.category == pool.category),
        ("01", request.category < categories),
        ("02", request.trust <= pool.trust),
        ("03", request.appmaxprice >= app.appprice),
        ("04", request.datasetmaxprice >= dataset.datasetprice),
        ("05", request.workerpoolmaxprice >= pool.workerpoolprice),
        ("06", covers(pool.tag, tag)),
        ("07", is_tee(app.tag) or not is_tee(tag)),
        ("10", request.app == app.app),
        ("11", request.dataset == dataset.dataset),
    )


def restrictions(four: OrderSet, state: MatchingState) -> str:
    """Return the number of the first of matchOrders' checks 12 to 1b that fails: whom each order admits."""
    for check, restriction, account in restricted(four):
        if restriction not in (ZERO_ADDRESS, account) and not state.in_group(restriction, account):
            return check
    return ""


def restricted(four: OrderSet) -> tuple[tuple[str, Address, Address], ...]:
    """Return every restriction of four orders: the number of its check, whom it admits, who asks."""
    app, dataset, pool, request = four.app, four.dataset, four.workerpool, four.request
    return (
        ("12", request.workerpool, pool.workerpool),
        ("13", app.datasetrestrict, dataset.dataset),
        ("14", app.workerpoolrestrict, pool.workerpool),
        ("15", app.requesterrestrict, request.requester),
        ("16", dataset.apprestrict, app.app),
        ("17", dataset.workerpoolrestrict, pool.workerpool),
        ("18", dataset.requesterrestrict, request.requester),
        ("19", pool.apprestrict, app.app),
        ("1a", pool.datasetrestrict, dataset.dataset),
        ("1b", pool.requesterrestrict, request.requester),
    )


def groups_of(
    order: Order, *, app: Address, dataset: Address, workerpool: Address | None, requester: Address
) -> tuple[tuple[Address, Address], ...]:
    """Return what a seller's order names in place of a party, with the party that must be its member then.

    Empty where the order admits all of them; ``dataset`` is zero in a deal without one, ``workerpool`` None where no
    pool is chosen yet.
    """
    parties = {
        "apprestrict": app,
        "datasetrestrict": dataset,
        "workerpoolrestrict": workerpool,
        "requesterrestrict": requester,
    }
    named = ((Address(getattr(order, name, ZERO_ADDRESS)), party) for name, party in parties.items())
    return tuple((one, party) for one, party in named if party is not None and one not in (ZERO_ADDRESS, party))


def _authenticity(four: OrderSet, domain: OrderDomain, state: MatchingState) -> str:
    app, dataset, pool, request = four.app, four.dataset, four.workerpool, four.request
    sellers: list[tuple[str, Registry, Address, Order]] = [("2", "App", app.app, app)]
    if dataset in four.used:
        sellers.append(("3", "Dataset", dataset.dataset, dataset))
    sellers.append(("4", "Workerpool", pool.workerpool, pool))
    for number, registry, asset, order in sellers:
        owner = state.owner(registry, asset)
        if owner is None:
            return f"{number}0"
        if not state.authorised(owner, order_hash(order, domain), order.sign):
            return f"{number}1"
    return "" if state.authorised(request.requester, order_hash(request, domain), request.sign) else "50"


def _money(found: OrderMatch, payer: Address, pool_owner: Address | None, state: MatchingState) -> str:
    if pool_owner == payer:  # the price is locked first, the stake comes out of what is left
        return "stake" if state.stake(payer) - found.cost < found.pool_stake else ""
    return _first(
        ("funds", state.stake(payer) >= found.cost),
        ("stake", pool_owner is not None and state.stake(pool_owner) >= found.pool_stake),
    )


def _first(*checks: tuple[str, bool]) -> str:
    return next((check for check, holds in checks if not holds), "")
