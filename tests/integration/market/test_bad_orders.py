import re
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from tests.contracts.mocks import Mock
from tests.contracts.scene import Market
from tests.integration.market.bad_orders import BAD_ORDERS, document_of
from tests.integration.market.rules import RULES
from tests.integration.market.test_published_orders import token
from tests.integration.market.traders import Traders, place_of

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[3]
#: How the sentence of iExec's market for a rule begins; its clients compare it.
IEXEC_SENTENCES = {
    "signature": "invalid sign",
    "published": "order already published",
    "cancelled": "order already consumed",
    "used-up": "order already consumed",
    "no-apporder": "No tee enabled apporder published for app 0x",
    "no-datasetorder": "No datasetorder published for dataset 0x",
    "app-price": "appmaxprice for app 0x",
    "dataset-price": "datasetmaxprice for dataset 0x",
}


@pytest.mark.parametrize("name", BAD_ORDERS)
async def test_a_bad_order_is_refused_by_the_rule_that_it_breaks(
    scene: Market, traders: Traders, http: httpx.AsyncClient, name: str
) -> None:
    bad = BAD_ORDERS[name]
    order = bad.order(scene)
    kind, signer = place_of(order)
    if bad.before is not None:
        await bad.before(traders, order)
        await traders.sync_with_chain()
    published = traders.service.chain.book.count(kind)
    headers = {"authorization": await token(http, bad.who or signer)}
    answer = await http.post(f"/{kind}?chainId=31337", json={"order": document_of(bad, order)}, headers=headers)
    body = answer.json()
    assert (body["ok"], body["check"], answer.status_code) == (False, bad.rule, RULES[bad.rule].status)
    assert len(body["error"] + body.get("hint", "")) > 15
    assert body["error"].startswith(IEXEC_SENTENCES.get(bad.rule, ""))
    assert ("hint" in body) == (bad.rule in IEXEC_SENTENCES)
    assert "money" not in body, "a market knows no run of the reader's"
    assert traders.service.chain.book.count(kind) == published


def test_every_rule_has_a_bad_order_and_there_are_at_least_forty() -> None:
    assert {bad.rule for bad in BAD_ORDERS.values()} == set(RULES)
    assert len(BAD_ORDERS) >= 40


def test_the_code_names_exactly_these_rules() -> None:
    sources = [ROOT / "src/sealgrid/poco/orders.py", *sorted((ROOT / "src/sealgrid/market").glob("*.py"))]
    named = {check for source in sources for check in re.findall(r'check="([a-z0-9-]+)"', source.read_text())}
    spelled = {"no-apporder", "no-datasetorder", "app-price", "dataset-price", "stake", "funds"}  # put together
    assert named | spelled == set(RULES)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"order": 1}', b'{"order": null}', b'{"orders": {}}', b"\xff"])
async def test_what_is_no_order_at_all_is_refused_as_bad_input(http: httpx.AsyncClient, body: bytes) -> None:
    headers = {"authorization": await token(http, "developer")}
    answer = await http.post("/apporders?chainId=31337", content=body, headers=headers)
    assert (answer.status_code, answer.json()["ok"]) == (400, False)


async def test_an_app_that_belongs_to_a_contract_is_offered_by_the_contracts_word(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    """ERC-1271: the contract approves the challenge and the order; a signature it does not approve is refused."""
    from sealgrid.poco.orders import to_document
    from sealgrid.poco.typed_data import order_hash
    from sealgrid.wire.challenge import challenge_digest

    contract = await Mock.deploy("SigningOwner", scene.wallet("stranger"))
    await scene.assets.transfer(scene.wallet("developer"), "App", scene.app, contract.address)
    order = scene.app_order()

    async def post() -> dict:
        challenge = (await http.get(f"/challenge?chainId=31337&address={contract.address}")).json()["data"]
        digest = challenge_digest(31337, challenge["message"]["challenge"])
        await contract.call("approve", bytes.fromhex(digest[2:]))
        await traders.sync_with_chain()
        headers = {"authorization": f"{digest}_0x01_{contract.address}"}
        body = {"order": to_document(order)}
        return (await http.post("/apporders?chainId=31337", json=body, headers=headers)).json()

    assert (await post())["check"] == "signature"
    await contract.call("approve", bytes.fromhex(order_hash(order, scene.orders)[2:]))
    assert (await post())["ok"] is True


async def test_an_order_that_was_signed_on_chain_needs_no_signature(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    import msgspec

    order = msgspec.structs.replace(scene.app_order(), sign=b"")
    await scene.hub.presign(scene.wallet("developer"), order)
    await traders.publish(order, who="stranger")  # its transaction made it public
    assert [(each.order["sign"], each.owner) for each in await traders.apps()] == [
        ("0x", development_key("developer").address)
    ]


async def test_a_request_of_a_groups_member_fits_an_order_for_the_group(scene: Market, traders: Traders) -> None:
    from sealgrid.chain.access_policy import AccessPolicy
    from sealgrid.errors import OrderRefused

    policy = await AccessPolicy.deploy(scene.wallet("developer"))
    await traders.publish(scene.app_order(requesterrestrict=policy.address))
    await traders.publish(scene.dataset_order())
    with pytest.raises(OrderRefused, match="No tee enabled apporder published for app 0x"):
        await traders.publish(scene.request())
    await policy.grant(scene.wallet("developer"), development_key("requester").address)
    await traders.publish(scene.request())


async def test_groups_of_apps_and_of_pools_are_read_too(scene: Market, traders: Traders) -> None:
    from sealgrid.chain.access_policy import AccessPolicy
    from sealgrid.errors import OrderRefused

    apps, pools = [await AccessPolicy.deploy(scene.wallet("owner")) for _ in range(2)]
    await traders.publish(scene.app_order(workerpoolrestrict=pools.address))
    await traders.publish(scene.dataset_order(apprestrict=apps.address))
    request = scene.request(workerpool=scene.pool)
    with pytest.raises(OrderRefused, match="No tee enabled apporder published for app 0x"):
        await traders.publish(request)
    await pools.grant(scene.wallet("owner"), scene.pool)
    with pytest.raises(OrderRefused, match="No datasetorder published for dataset 0x"):
        await traders.publish(request)
    await apps.grant(scene.wallet("owner"), scene.app)
    await traders.publish(request)
    # A request may name the group instead of the pool: which of them it will be, the match says.
    await traders.publish(scene.request(workerpool=pools.address))


def test_the_page_of_bad_orders_lists_exactly_these() -> None:
    page = (ROOT / "docs/reference/bad-orders.md").read_text()
    assert page == rendered()


def rendered() -> str:
    """Return the page; ``python -m tests.integration.market.test_bad_orders`` writes it."""
    rules = [f"| `{name}` | {rule.status} | {rule.broken} | {rule.remedy} |" for name, rule in RULES.items()]
    orders = [f"| {name} | `{bad.rule}` |" for name, bad in BAD_ORDERS.items()]
    return "\n".join(
        [
            "# Bad orders",
            "",
            "For each rule that an order breaks, the market answers with the rule's HTTP status and a body",
            '`{"ok": false, "error": …, "check": …}`: `check` is the name below, `error` a sentence about this',
            "order. Where iExec's market has a sentence for the rule, `error` is that one, and `hint` says more. Rules are checked in the order of `market/admission.py`; the answer",
            "names the first that is broken. This page is generated from the code, and a test compares them.",
            "",
            "| check | HTTP | what is wrong | what to do |",
            "|---|---|---|---|",
            *rules,
            "",
            f"## {len(BAD_ORDERS)} examples",
            "",
            "Each is sent to a real market on a real hub by `tests/integration/market/test_bad_orders.py`.",
            "",
            "| an order … | check |",
            "|---|---|",
            *orders,
            "",
        ]
    )


if __name__ == "__main__":
    path = ROOT / "docs/reference/bad-orders.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(rendered())
