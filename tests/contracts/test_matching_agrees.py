"""poco.matching against the real contracts: which four orders make a deal, at what price, and why not."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.chain.anvil import Anvil, AnvilConfig, revert, snapshot
from sealgrid.chain.node import Node
from sealgrid.errors import OrderRefused
from sealgrid.poco.matching import OrderMatch, OrderSet, match
from sealgrid.poco.orders import NO_DATASET_ORDER
from sealgrid.poco.refusals import MATCH_REFUSALS
from sealgrid.poco.tags import NO_TAG, TEE_TAG
from sealgrid.units import ZERO_ADDRESS, to_digest
from tests.contracts.matching_world import (
    APPROVED,
    CLOSED,
    GROUP_ANSWERS,
    KEYS,
    PRESIGNED,
    SIGNATURES,
    USED,
    World,
    open_world,
    parties,
)
from tests.contracts.scene import FUNDS, open_market
from tests.examples import examples

pytestmark = pytest.mark.chain

#: What the contract says when it stops before its own numbered check: an asset without code, a group that answers with
#: something that is no bool, a signature's length, and the escrow, which has no numbers, as sums that no account could pay.
BEFORE_ITS_NUMBER = {
    "none": {"20", "30", "40", "12", "13", "14", "15", "16", "17", "18", "19", "1a", "1b"},
    "invalid-signature-format": {"21", "31", "41", "50"},
    "IexecEscrow: Transfer amount exceeds balance": {"funds", "stake"},
    "panic: arithmetic underflow or overflow (0x11)": {"funds", "stake"},
}


class Stage:
    """The world on its own loop: Hypothesis calls plain functions."""

    def __init__(self, runner: asyncio.Runner, world: World) -> None:
        self.run, self.world = runner.run, world

    def ours(self, four: OrderSet, sponsor: str | None) -> OrderMatch | str:
        try:
            return match(four, self.world.market.orders, self.world, sponsor=sponsor)
        except OrderRefused as error:
            return next(check for check, sentence in MATCH_REFUSALS.items() if error.message == sentence)

    def agree(self, four: OrderSet, sponsor: str | None = None) -> OrderMatch | str:
        ours, hubs = self.ours(four, sponsor), self.run(self.world.refusal(four, sponsor))
        if isinstance(ours, OrderMatch):
            assert hubs == ""
        else:
            assert ours == hubs or ours in BEFORE_ITS_NUMBER.get(hubs, ())
        return ours

    def promised(self, four: OrderSet, ours: OrderMatch, sponsor: str | None = None) -> dict[str, object]:
        payer, pool = sponsor or four.request.requester, self.world.owner("Workerpool", four.workerpool.workerpool)
        locked = {payer: ours.cost} | {pool: ours.pool_stake + (ours.cost if pool == payer else 0)}
        return {"match": ours, "locked": locked}

    async def deal(self, four: OrderSet, sponsor: str | None = None) -> dict[str, object]:
        """Really match, tell what came of it, and undo it."""
        market = self.world.market
        before = await snapshot(market.node)
        payer, pool = sponsor or four.request.requester, self.world.owner("Workerpool", four.workerpool.workerpool)
        locked = {each: (await market.hub.account(each)).locked for each in (payer, pool)}
        if sponsor is None:
            send, wallet = market.hub.match_orders, market.wallet("thief")
        else:
            send = market.hub.sponsor_match_orders
            wallet = market.wallet(next(name for name, key in KEYS.items() if key.address == sponsor))
        deal = await send(wallet, four.app, four.dataset, four.workerpool, four.request)
        view = await market.hub.view_deal(deal)
        now = {each: (await market.hub.account(each)).locked for each in (payer, pool)}
        await revert(market.node, before)
        return {
            "match": OrderMatch(
                volume=view.bot_size,
                tag=view.tag,
                trust=view.trust,
                app_price=view.app.price,
                dataset_price=view.dataset.price,
                workerpool_price=view.workerpool.price,
            ),
            "locked": {each: now[each] - locked[each] for each in (payer, pool)},
        }


@pytest.fixture(scope="module")
def stage(anvil_binary: Path, poco_package: Path) -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        anvil = runner.run(Anvil.start(AnvilConfig(binary=anvil_binary)))
        node = Node(anvil.url)
        try:
            market = runner.run(open_market(node, poco_package))
            yield Stage(runner, runner.run(open_world(market)))
        finally:
            runner.run(node.close())
            runner.run(anvil.stop())


Parts = dict[str, dict[str, object]]


def quadruple(world: World, parts: Parts, signatures: dict[str, str] | None = None) -> OrderSet:
    made = {
        "app": world.app_order(**parts.get("app", {})),
        "dataset": world.dataset_order(**parts.get("dataset", {})),
        "workerpool": world.pool_order(**parts.get("workerpool", {})),
        "request": world.request(**parts.get("request", {})),
    }
    if parts.get("dataset", {}).get("dataset") == ZERO_ADDRESS and len(parts["dataset"]) == 1:
        made["dataset"] = NO_DATASET_ORDER
    return OrderSet(**{name: world.signed(order, (signatures or {}).get(name, "good")) for name, order in made.items()})


# --- one example of each refusal

Case = Callable[[World], tuple[Parts, dict[str, str]]]
OTHER = to_digest(b"\xff" * 32)


def plain(**parts: dict[str, object]) -> Case:
    return lambda world: (parts, {})


def badly(**signatures: str) -> Case:
    return lambda world: ({}, signatures)


def at(name: str, field: str, address: Callable[[World], str]) -> Case:
    return lambda world: ({name: {field: address(world)}}, {})


def stranger(world: World) -> str:
    return KEYS["thief"].address


def unregistered(world: World) -> str:
    return world.group  # has an owner, and stands in no registry


REFUSED: dict[str, list[Case]] = {
    "00": [plain(request={"category": 1})],
    "01": [plain(request={"category": 99}, workerpool={"category": 99})],
    "02": [plain(request={"trust": 2}, workerpool={"trust": 1})],
    "03": [plain(app={"appprice": 4})],
    "04": [plain(dataset={"datasetprice": 11})],
    "05": [plain(workerpool={"workerpoolprice": 1001})],
    "06": [plain(app={"tag": TEE_TAG}), plain(dataset={"tag": TEE_TAG}), plain(request={"tag": OTHER})],
    "07": [plain(request={"tag": TEE_TAG}, workerpool={"tag": TEE_TAG})],
    "10": [at("request", "app", lambda world: world.contract_app)],
    "11": [plain(request={"dataset": ZERO_ADDRESS}), plain(dataset={"dataset": ZERO_ADDRESS})],
    "12": [at("request", "workerpool", stranger)],
    "13": [at("app", "datasetrestrict", stranger)],
    "14": [at("app", "workerpoolrestrict", lambda world: world.poor_pool)],
    "15": [at("app", "requesterrestrict", stranger)],
    "16": [at("dataset", "apprestrict", stranger)],
    "17": [at("dataset", "workerpoolrestrict", stranger)],
    "18": [at("dataset", "requesterrestrict", stranger)],
    "19": [at("workerpool", "apprestrict", stranger)],
    "1a": [at("workerpool", "datasetrestrict", lambda world: world.group)],
    "1b": [at("workerpool", "requesterrestrict", stranger)],
    "20": [
        lambda world: ({"app": {"app": unregistered(world)}, "request": {"app": unregistered(world)}}, {}),
        lambda world: ({"app": {"app": stranger(world)}, "request": {"app": stranger(world)}}, {}),
        lambda world: ({"app": {"app": world.market.dataset}, "request": {"app": world.market.dataset}}, {}),
    ],
    "21": [badly(app=how) for how in SIGNATURES if how not in ("good", "short")],
    "30": [
        lambda world: ({"dataset": {"dataset": unregistered(world)}, "request": {"dataset": unregistered(world)}}, {}),
        lambda world: ({"dataset": {"dataset": stranger(world)}, "request": {"dataset": stranger(world)}}, {}),
    ],
    "31": [badly(dataset="thief"), badly(dataset="empty")],
    "40": [at("workerpool", "workerpool", unregistered), at("workerpool", "workerpool", stranger)],
    "41": [badly(workerpool="thief"), badly(workerpool="empty")],
    "50": [badly(request="thief"), badly(request="high s")],
    "60": [plain(**{name: {"volume": 0}}) for name in ("app", "dataset", "workerpool", "request")]
    + [plain(**{name: {"salt": CLOSED}}) for name in ("app", "dataset", "workerpool", "request")]
    + [plain(request={"salt": USED, "volume": 3})],
    "funds": [
        plain(app={"appprice": FUNDS}, request={"appmaxprice": FUNDS}),
        plain(app={"appprice": 2**256 - 1}, request={"appmaxprice": 2**256 - 1}),
        at("request", "requester", lambda world: KEYS["requester2"].address),
    ],
    "stake": [at("workerpool", "workerpool", lambda world: world.poor_pool)],
}


@pytest.mark.parametrize(("number", "case"), [(number, case) for number, cases in REFUSED.items() for case in cases])
def test_the_contract_and_we_refuse_for_the_same_reason(stage: Stage, number: str, case: Case) -> None:
    parts, signatures = case(stage.world)
    assert stage.agree(quadruple(stage.world, parts, signatures)) == number


def test_every_number_of_the_contract_has_an_example() -> None:
    assert set(REFUSED) == set(MATCH_REFUSALS)


# --- what makes a deal

MATCHED: dict[str, Case] = {
    "plain": plain(),
    "without a dataset": plain(dataset={"dataset": ZERO_ADDRESS}, request={"dataset": ZERO_ADDRESS}),
    "a pool that offers more": plain(workerpool={"tag": TEE_TAG, "trust": 5}, request={"trust": 3}),
    "TEE everywhere": plain(
        app={"tag": TEE_TAG}, dataset={"tag": TEE_TAG}, workerpool={"tag": TEE_TAG}, request={"tag": TEE_TAG}
    ),
    "cheaper than allowed": plain(app={"appprice": 0}, workerpool={"workerpoolprice": 7}),
    "a stake that is rounded down": plain(workerpool={"workerpoolprice": 3}),
    "restricted to a group that has the requester": at("dataset", "requesterrestrict", lambda world: world.group),
    "restricted to a group that has the app": at("workerpool", "apprestrict", lambda world: world.group),
    "restricted to exactly this app": at("dataset", "apprestrict", lambda world: world.market.app),
    "the smallest volume counts": plain(app={"volume": 4}, workerpool={"volume": 2**256 - 1}),
    "a rest of orders": plain(app={"salt": USED}, dataset={"salt": USED}, workerpool={"salt": USED}),
    "short signatures": badly(app="short", dataset="short", workerpool="short", request="short"),
    "an app whose owner is a contract": lambda world: (
        {"app": {"app": world.contract_app, "salt": APPROVED}, "request": {"app": world.contract_app}},
        {"app": "junk"},
    ),
    "signed on chain before": lambda world: (
        {name: {"salt": PRESIGNED} for name in ("app", "dataset", "workerpool", "request")},
        {"app": "empty", "dataset": "junk", "workerpool": "thief", "request": "long"},
    ),
}


@pytest.mark.parametrize("name", MATCHED)
def test_a_match_has_the_deals_volume_tag_trust_prices_and_locks(stage: Stage, name: str) -> None:
    four = quadruple(stage.world, *MATCHED[name](stage.world))
    ours = stage.agree(four)
    assert isinstance(ours, OrderMatch)
    assert stage.run(stage.deal(four)) == stage.promised(four, ours)


# --- groups (ERC-734)

RESTRICTIONS = {
    "12": ("request", "workerpool"),
    "13": ("app", "datasetrestrict"),
    "14": ("app", "workerpoolrestrict"),
    "15": ("app", "requesterrestrict"),
    "16": ("dataset", "apprestrict"),
    "17": ("dataset", "workerpoolrestrict"),
    "18": ("dataset", "requesterrestrict"),
    "19": ("workerpool", "apprestrict"),
    "1a": ("workerpool", "datasetrestrict"),
    "1b": ("workerpool", "requesterrestrict"),
}


@pytest.mark.parametrize("answer", GROUP_ANSWERS)
@pytest.mark.parametrize("number", RESTRICTIONS)
def test_a_group_admits_only_accounts_with_the_answer_1(stage: Stage, number: str, answer: str) -> None:
    name, field = RESTRICTIONS[number]
    four = quadruple(stage.world, {name: {field: stage.world.odd_groups[answer]}})
    ours = stage.agree(four)
    if answer in ("YES", "LONG"):
        assert isinstance(ours, OrderMatch)
        assert stage.run(stage.deal(four)) == stage.promised(four, ours)
    else:
        assert ours == number


@pytest.mark.parametrize("answer", [answer for answer in GROUP_ANSWERS if answer != "WRITE"])
def test_our_call_of_a_group_is_the_hubs(stage: Stage, answer: str) -> None:
    hub, group = stage.world.market.hub, stage.world.odd_groups[answer]
    for party in (*parties(stage.world.market), KEYS["thief"].address):
        assert stage.run(hub.is_member(group, party)) is stage.world.in_group(group, party)


def test_what_is_no_contract_or_no_group_has_no_members(stage: Stage) -> None:
    market, me = stage.world.market, KEYS["requester"].address
    for group in (KEYS["thief"].address, market.app, market.deployment.token):
        assert stage.run(market.hub.is_member(group, me)) is False


# --- anything

PRICES = st.sampled_from([0, 1, 3, 10, 1000, FUNDS // 10, FUNDS, 2**256 - 1]) | st.integers(0, 2000)
VOLUMES = st.sampled_from([0, 1, 3, 10, 2**256 - 1])
SALTS = st.sampled_from([to_digest(bytes(32)), PRESIGNED, USED, CLOSED, APPROVED])
TAGS = st.sampled_from([NO_TAG, TEE_TAG, to_digest((1 << 8).to_bytes(32, "big")), to_digest((2).to_bytes(32, "big"))])
SMALL = st.integers(0, 6)
#: Names that stand for addresses of the world, so that examples can be drawn before there is one.
WHO = st.sampled_from(
    ["none", "app", "contract_app", "dataset", "pool", "poor_pool", "group", "thief", "requester", *GROUP_ANSWERS]
)
FIELDS: dict[str, dict[str, st.SearchStrategy[object]]] = {
    "app": {
        "app": WHO,
        "appprice": PRICES,
        "volume": VOLUMES,
        "tag": TAGS,
        "salt": SALTS,
        "datasetrestrict": WHO,
        "workerpoolrestrict": WHO,
        "requesterrestrict": WHO,
    },
    "dataset": {
        "dataset": WHO,
        "datasetprice": PRICES,
        "volume": VOLUMES,
        "tag": TAGS,
        "salt": SALTS,
        "apprestrict": WHO,
        "workerpoolrestrict": WHO,
        "requesterrestrict": WHO,
    },
    "workerpool": {
        "workerpool": WHO,
        "workerpoolprice": PRICES,
        "volume": VOLUMES,
        "tag": TAGS,
        "salt": SALTS,
        "category": SMALL,
        "trust": SMALL,
        "apprestrict": WHO,
        "datasetrestrict": WHO,
        "requesterrestrict": WHO,
    },
    "request": {
        "app": WHO,
        "appmaxprice": PRICES,
        "dataset": WHO,
        "datasetmaxprice": PRICES,
        "workerpool": WHO,
        "workerpoolmaxprice": PRICES,
        "requester": st.sampled_from(["requester", "requester2", "pool owner"]),
        "volume": VOLUMES,
        "tag": TAGS,
        "category": SMALL,
        "trust": SMALL,
        "salt": SALTS,
    },
}


def changes() -> st.SearchStrategy[dict[tuple[str, str], object]]:
    """A few fields, each with a value; a quadruple that matched is changed in these."""
    one = st.sampled_from([(name, field) for name, fields in FIELDS.items() for field in fields]).flatmap(
        lambda place: st.tuples(st.just(place), FIELDS[place[0]][place[1]])
    )
    return st.lists(one, max_size=5).map(dict)


def address(world: World, who: str) -> str:
    known = {
        "none": ZERO_ADDRESS,
        "app": world.market.app,
        "contract_app": world.contract_app,
        "dataset": world.market.dataset,
        "pool": world.market.pool,
        "poor_pool": world.poor_pool,
        "group": world.group,
        "pool owner": KEYS["pool"].address,
        **world.odd_groups,
    }
    return known.get(who) or KEYS[who].address


FOURS = {
    "changed": changes(),
    "signatures": st.dictionaries(st.sampled_from(sorted(FIELDS)), st.sampled_from(SIGNATURES), max_size=2),
    "request": st.sampled_from(["as it is", "generous", "fitting", "fitting"]),
    "payer": st.sampled_from([None, None, "owner", "pool", "requester", "thief"]),
}


def drawn(world: World, changed: dict[tuple[str, str], object], signatures: dict[str, str], request: str) -> OrderSet:
    parts: Parts = {"request": {"appmaxprice": 2**128, "datasetmaxprice": 2**128}} if request == "generous" else {}
    for (name, field), value in changed.items():
        addressed = isinstance(value, str) and not value.startswith("0x")
        parts.setdefault(name, {})[field] = address(world, value) if addressed else value
    if request == "fitting":
        fit(quadruple(world, parts), parts)
    return quadruple(world, parts, signatures)


def fit(four: OrderSet, parts: Parts) -> None:
    """Let the request ask for what the others offer, and the pool have every feature, so that later checks are reached."""
    parts.setdefault("request", {}).update(
        app=four.app.app,
        appmaxprice=four.app.appprice,
        dataset=four.dataset.dataset,
        datasetmaxprice=four.dataset.datasetprice,
        workerpoolmaxprice=four.workerpool.workerpoolprice,
        category=four.workerpool.category,
        trust=min(four.request.trust, four.workerpool.trust),
    )
    parts.setdefault("workerpool", {}).update(tag=OTHER)


def test_any_four_orders_are_judged_as_the_contract_judges_them(stage: Stage) -> None:
    outcomes = Counter[str]()

    @settings(max_examples=examples(250, 2000), deadline=None)
    @given(**FOURS)
    def judge(changed: dict[tuple[str, str], object], signatures: dict[str, str], request: str, payer: str) -> None:
        four, sponsor = drawn(stage.world, changed, signatures, request), payer and KEYS[payer].address
        ours = stage.agree(four, sponsor)
        outcomes[ours if isinstance(ours, str) else f"a deal paid by {payer or 'its requester'}"] += 1
        if isinstance(ours, OrderMatch):
            assert stage.run(stage.deal(four, sponsor)) == stage.promised(four, ours, sponsor)

    judge()
    numbers = outcomes.keys() & MATCH_REFUSALS
    # Usually 24 of the numbers and 30 deals in 250: what was drawn reached all checks of the contract, not the first.
    assert len(numbers) >= 15
    assert outcomes.total() - sum(outcomes[number] for number in numbers) >= 8
