"""The checks and the result of a match of four orders, as in PoCo (IexecPoco1Facet.matchOrders).

Pure: the values that the contract reads from the chain come from a ``MatchingState``.
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
    """The arguments of matchOrders; ``dataset`` is NO_DATASET_ORDER in a deal without a dataset."""

    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder

    @property
    def used(self) -> tuple[Order, ...]:
        """Return the orders whose volume a deal consumes."""
        with_dataset = self.dataset.dataset != ZERO_ADDRESS
        return (self.app, *((self.dataset,) if with_dataset else ()), self.workerpool, self.request)


class MatchingState(Protocol):
    """A hub's state at one block."""

    def categories(self) -> int:
        """Return the number of categories."""

    def owner(self, registry: Registry, asset: Address) -> Address | None:
        """Return an asset's owner; None if the hub's registry does not have the asset."""

    def consumed(self, order: Digest) -> int:
        """Return the consumed volume of an order."""

    def authorised(self, account: Address, order: Digest, signature: bytes) -> bool:
        """Return whether an account signed an order: by key, by ERC-1271, or on chain (presigned)."""

    def in_group(self, group: Address, account: Address) -> bool:
        """Return whether a contract (ERC-734) has an account as a member; False for an account without code."""

    def stake(self, account: Address) -> int:
        """Return an account's free balance in escrow, in nRLC."""


class OrderMatch(msgspec.Struct, frozen=True, kw_only=True):
    """The deal of four matched orders; prices are nRLC per task."""

    volume: int  #: tasks
    tag: Digest
    trust: int
    app_price: Nrlc
    dataset_price: Nrlc
    workerpool_price: Nrlc

    @property
    def price(self) -> Nrlc:
        """Return the price of one task for the payer."""
        return Nrlc(self.app_price + self.dataset_price + self.workerpool_price)

    @property
    def cost(self) -> Nrlc:
        """Return the amount that the match locks of the payer."""
        return Nrlc(self.price * self.volume)

    @property
    def pool_stake(self) -> Nrlc:
        """Return the stake that the match locks of the pool's owner."""
        return Nrlc(pool_stake(self.workerpool_price) * self.volume)


def match(four: OrderSet, domain: OrderDomain, state: MatchingState, *, sponsor: Address | None = None) -> OrderMatch:
    """Return the deal of four orders that the requester, or a sponsor, pays; raise OrderRefused if they do not match.

    The checks and their order are the contract's. ``check`` of the error is the number in the contract's revert
    reason. If the payer or the pool's owner has too little in escrow, PoCo has no number; then ``check`` is ``funds``
    or ``stake``.
    """
    refuse(terms(four, state.categories()))
    refuse(restrictions(four, state))
    refuse(_authenticity(four, domain, state))
    result = OrderMatch(
        volume=min(max(0, order.volume - state.consumed(order_hash(order, domain))) for order in four.used),
        tag=union(four.app.tag, four.dataset.tag, four.request.tag),
        trust=max(four.request.trust, 1),
        app_price=Nrlc(four.app.appprice),
        dataset_price=Nrlc(four.dataset.datasetprice if four.dataset.dataset != ZERO_ADDRESS else 0),
        workerpool_price=Nrlc(four.workerpool.workerpoolprice),
    )
    refuse("" if result.volume else "60")
    payer, pool_owner = sponsor or four.request.requester, state.owner("Workerpool", four.workerpool.workerpool)
    refuse(_balances(result, payer, pool_owner, state))
    return result


def refuse(check: str) -> None:
    """Raise OrderRefused with the number of a failed check; do nothing for an empty number."""
    if check:
        raise OrderRefused(MATCH_REFUSALS[check], check=check)


def terms(four: OrderSet, categories: int) -> str:
    """Return the first of matchOrders' checks 00 to 11 that fails; they need the orders only. Empty if none fails."""
    app, dataset, pool, request = four.app, four.dataset, four.workerpool, four.request
    tag = union(app.tag, dataset.tag, request.tag)
    return _first_failed(
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
    """Return the first of matchOrders' checks 12 to 1b that fails, the restrictions. Empty if none fails."""
    for check, restriction, account in restricted(four):
        if restriction not in (ZERO_ADDRESS, account) and not state.in_group(restriction, account):
            return check
    return ""


def restricted(four: OrderSet) -> tuple[tuple[str, Address, Address], ...]:
    """Return each restriction of four orders: the number of its check, the admitted account or group, the party."""
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
    """Return each restriction of a seller's order that is not the party itself, with the party that must be its member.

    Empty if the order admits all parties. ``dataset`` is zero in a deal without a dataset; ``workerpool`` is None if no
    pool is chosen yet.
    """
    parties = {
        "apprestrict": app,
        "datasetrestrict": dataset,
        "workerpoolrestrict": workerpool,
        "requesterrestrict": requester,
    }
    pairs = ((Address(getattr(order, name, ZERO_ADDRESS)), party) for name, party in parties.items())
    return tuple(
        (restriction, party)
        for restriction, party in pairs
        if party is not None and restriction not in (ZERO_ADDRESS, party)
    )


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


def _balances(result: OrderMatch, payer: Address, pool_owner: Address | None, state: MatchingState) -> str:
    if pool_owner == payer:  # PoCo locks the price first, then the stake
        return "stake" if state.stake(payer) - result.cost < result.pool_stake else ""
    return _first_failed(
        ("funds", state.stake(payer) >= result.cost),
        ("stake", pool_owner is not None and state.stake(pool_owner) >= result.pool_stake),
    )


def _first_failed(*checks: tuple[str, bool]) -> str:
    return next((check for check, holds in checks if not holds), "")
