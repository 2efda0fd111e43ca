"""Each check of matchOrders refuses by its number, in PoCo's order."""

from dataclasses import dataclass, field
from dataclasses import replace as change
from typing import Any

import msgspec
import pytest

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import OrderRefused
from sealgrid.poco.matching import OrderMatch, OrderSet, groups_of, match
from sealgrid.poco.orders import NO_DATASET_ORDER, AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder
from sealgrid.poco.tags import NO_TAG, TEE, TEE_TAG
from sealgrid.poco.typed_data import OrderDomain, order_hash
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_address, to_digest

DOMAIN = OrderDomain(chain=1, hub=to_address(b"\x0b" * 20))
APP, DATASET, POOL, OTHER, GROUP = (to_address(bytes([number]) * 20) for number in range(1, 6))
OWNER, POOL_OWNER, REQUESTER = (SigningKey.from_bytes(bytes([number]) * 32).address for number in (1, 2, 3))
APP_ORDER = AppOrder(app=APP, appprice=1, volume=5, tag=TEE_TAG)
DATASET_ORDER = DatasetOrder(dataset=DATASET, datasetprice=2, volume=5)
POOL_ORDER = WorkerpoolOrder(workerpool=POOL, workerpoolprice=10, volume=5, tag=TEE_TAG)
REQUEST = RequestOrder(
    app=APP,
    appmaxprice=1,
    dataset=DATASET,
    datasetmaxprice=2,
    workerpoolmaxprice=10,
    requester=REQUESTER,
    beneficiary=REQUESTER,
    volume=3,
    tag=TEE_TAG,
)
FOUR = OrderSet(APP_ORDER, DATASET_ORDER, POOL_ORDER, REQUEST)


@dataclass(frozen=True)
class State:
    owners: dict[Address, Address | None] = field(
        default_factory=lambda: {APP: OWNER, DATASET: OWNER, POOL: POOL_OWNER}
    )
    used: dict[Digest, int] = field(default_factory=dict)
    unsigned: frozenset[Digest] = frozenset()
    members: frozenset[Address] = frozenset()
    stakes: dict[Address, int] = field(default_factory=lambda: {REQUESTER: 39, POOL_OWNER: 9})

    def categories(self) -> int:
        return 1

    def owner(self, registry: str, asset: Address) -> Address | None:
        return self.owners.get(asset)

    def consumed(self, order: Digest) -> int:
        return self.used.get(order, 0)

    def authorised(self, account: Address, order: Digest, signature: bytes) -> bool:
        return order not in self.unsigned

    def in_group(self, group: Address, account: Address) -> bool:
        return group == GROUP and account in self.members

    def stake(self, account: Address) -> int:
        return self.stakes.get(account, 0)


def changed(order: str, **fields: Any) -> OrderSet:
    return msgspec.structs.replace(FOUR, **{order: msgspec.structs.replace(getattr(FOUR, order), **fields)})


def refusal(four: OrderSet = FOUR, state: State = State()) -> str:
    with pytest.raises(OrderRefused) as refused:
        match(four, DOMAIN, state)
    return refused.value.check


def test_four_orders_match_into_one_deal():
    deal = match(FOUR, DOMAIN, State())
    assert deal == OrderMatch(volume=3, tag=TEE_TAG, trust=1, app_price=1, dataset_price=2, workerpool_price=10)
    assert (deal.price, deal.cost, deal.pool_stake) == (13, 39, 9)


def test_a_deal_without_a_dataset_consumes_three_orders_and_pays_for_none():
    four = msgspec.structs.replace(changed("request", dataset=ZERO_ADDRESS), dataset=NO_DATASET_ORDER)
    assert match(four, DOMAIN, State()).price == 11


@pytest.mark.parametrize(
    ("check", "order", "fields"),
    [
        ("00", "request", {"category": 1}),
        ("02", "request", {"trust": 1}),
        ("03", "app", {"appprice": 2}),
        ("04", "dataset", {"datasetprice": 3}),
        ("05", "workerpool", {"workerpoolprice": 11}),
        ("06", "workerpool", {"tag": to_digest(TEE.to_bytes(32, "big"))}),
        ("07", "app", {"tag": NO_TAG}),
        ("10", "app", {"app": OTHER}),
        ("11", "dataset", {"dataset": OTHER}),
        ("12", "request", {"workerpool": OTHER}),
        ("13", "app", {"datasetrestrict": OTHER}),
        ("14", "app", {"workerpoolrestrict": OTHER}),
        ("15", "app", {"requesterrestrict": OTHER}),
        ("16", "dataset", {"apprestrict": OTHER}),
        ("17", "dataset", {"workerpoolrestrict": OTHER}),
        ("18", "dataset", {"requesterrestrict": OTHER}),
        ("19", "workerpool", {"apprestrict": OTHER}),
        ("1a", "workerpool", {"datasetrestrict": OTHER}),
        ("1b", "workerpool", {"requesterrestrict": OTHER}),
    ],
)
def test_orders_that_do_not_fit_are_refused_by_number(check: str, order: str, fields: dict[str, Any]):
    assert refusal(changed(order, **fields)) == check


def test_01_a_category_that_does_not_exist_is_refused():
    four = changed("request", category=1)
    assert refusal(msgspec.structs.replace(four, workerpool=changed("workerpool", category=1).workerpool)) == "01"


@pytest.mark.parametrize(("asset", "check"), [(APP, "20"), (DATASET, "30"), (POOL, "40")])
def test_an_asset_outside_of_the_registry_is_refused_by_number(asset: Address, check: str):
    assert refusal(state=State(owners=State().owners | {asset: None})) == check


@pytest.mark.parametrize(
    ("order", "check"), [(APP_ORDER, "21"), (DATASET_ORDER, "31"), (POOL_ORDER, "41"), (REQUEST, "50")]
)
def test_an_order_that_its_owner_did_not_sign_is_refused_by_number(order: Any, check: str):
    assert refusal(state=State(unsigned=frozenset({order_hash(order, DOMAIN)}))) == check


def test_60_a_used_up_order_is_refused():
    assert refusal(state=State(used={order_hash(POOL_ORDER, DOMAIN): 5})) == "60"


@pytest.mark.parametrize(
    ("stakes", "check"),
    [({REQUESTER: 38, POOL_OWNER: 9}, "funds"), ({REQUESTER: 39, POOL_OWNER: 8}, "stake")],
)
def test_too_little_in_escrow_is_refused(stakes: dict[Address, int], check: str):
    assert refusal(state=State(stakes=stakes)) == check


def test_a_pool_owner_that_buys_needs_price_and_stake():
    state = State(owners=State().owners | {POOL: REQUESTER}, stakes={REQUESTER: 47})
    assert refusal(state=state) == "stake"
    assert match(FOUR, DOMAIN, change(state, stakes={REQUESTER: 48})).cost == 39


def test_a_group_admits_its_members():
    four = changed("app", requesterrestrict=GROUP)
    assert refusal(four) == "15"
    assert match(four, DOMAIN, State(members=frozenset({REQUESTER}))).volume == 3


def test_the_groups_of_an_order_are_its_restrictions_to_others_than_the_party():
    order = msgspec.structs.replace(
        APP_ORDER, datasetrestrict=DATASET, workerpoolrestrict=GROUP, requesterrestrict=GROUP
    )
    assert groups_of(order, app=APP, dataset=DATASET, workerpool=None, requester=REQUESTER) == ((GROUP, REQUESTER),)
    assert groups_of(APP_ORDER, app=APP, dataset=DATASET, workerpool=POOL, requester=REQUESTER) == ()
