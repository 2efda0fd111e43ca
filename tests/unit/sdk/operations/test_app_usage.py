"""The sums of an app's usage: how runs ended, what was paid, by whom."""

from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.operations.app_usage import AppUsage, AppUse, BuyerUses

ALICE, BOB, APP = ("0x" + letter * 40 for letter in "abc")


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
