"""The usage of an app: which deals count, how runs ended, what was paid, by whom."""

from types import SimpleNamespace

from sealgrid.errors import NotFound
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.operations import app_usage
from sealgrid.sdk.operations.app_usage import AppUsage, AppUse, BuyerUses, usage_of_app
from sealgrid.units import ZERO_ADDRESS, to_digest

ALICE, BOB, APP = ("0x" + letter * 40 for letter in "abc")
FIRST, SECOND, FOREIGN, INVENTED = (to_digest(bytes([number]) * 32) for number in range(1, 5))


def use(requester, state, price=2):
    return AppUse("0x01", "0x02", requester, None, Amount(price), 1, state)


def usage(*uses):
    return AppUsage(APP, uses, is_complete=True)


def test_runs_are_counted_by_how_they_ended():
    found = usage(use(ALICE, "answered"), use(BOB, "answered"), use(BOB, "app-failed"), use(BOB, "refunded"))
    assert found.counts == {"answered": 2, "app-failed": 1, "refunded": 1}


def test_only_paid_runs_are_revenue():
    paid = [use(ALICE, state) for state in ("answered", "app-failed", "refused", "model-unopened", "paid")]
    assert usage(*paid, use(ALICE, "running"), use(ALICE, "refunded")).revenue == 10


def test_the_buyer_with_most_runs_is_the_first():
    found = usage(use(ALICE, "answered", 5), use(BOB, "answered"), use(BOB, "refunded"))
    assert found.buyers == (BuyerUses(BOB, 2, Amount(2)), BuyerUses(ALICE, 1, Amount(5)))


def test_an_app_without_runs_has_no_revenue():
    assert (usage().counts, usage().revenue, usage().buyers) == ({}, 0, ())


class Chain:
    """A chain with two deals of the app and one of another, and a market that names deals in pages."""

    def __init__(self, *pages) -> None:
        self.pages, self.asked = pages, 0

    async def deals(self, **filters):
        self.asked += 1
        return self.pages[min(int(filters["pageIndex"]), len(self.pages) - 1)]

    async def view_deal(self, deal):
        if deal not in {FIRST, SECOND, FOREIGN}:
            raise NotFound("no such deal.")
        return SimpleNamespace(
            deal=deal,
            app=SimpleNamespace(pointer=BOB if deal == FOREIGN else APP, price=3),
            dataset=SimpleNamespace(pointer=ZERO_ADDRESS),
            requester=ALICE,
            start_time=1,
            bot_first=0,
            bot_size=1,
        )

    async def block(self):
        return SimpleNamespace(timestamp=9)


async def usage_from(monkeypatch, *pages):
    async def state(conn, task, deal, now):
        return "answered"

    monkeypatch.setattr(app_usage, "run_state", state)
    monkeypatch.setattr(app_usage, "_PAGE", 2)
    chain = Chain(*pages)
    return await usage_of_app(SimpleNamespace(node=chain, market=chain, hub=chain), APP, most=6), chain.asked


async def test_a_deal_that_is_on_two_pages_counts_once(monkeypatch):
    found, _ = await usage_from(monkeypatch, [SECOND, FIRST], [FIRST])
    assert ([each.deal for each in found.uses], found.revenue, found.is_complete) == ([SECOND, FIRST], 6, True)


async def test_a_market_that_repeats_a_page_ends_and_invents_no_revenue(monkeypatch):
    found, asked = await usage_from(monkeypatch, [FIRST, "0x" + FIRST[2:].upper()])
    assert (found.revenue, found.is_complete, asked) == (3, False, 3)


async def test_deals_that_a_market_invents_or_takes_from_another_app_are_left_out(monkeypatch):
    found, _ = await usage_from(monkeypatch, [FOREIGN, INVENTED], ["no digest", SECOND], [])
    assert ([each.deal for each in found.uses], found.is_complete) == ([SECOND], True)
