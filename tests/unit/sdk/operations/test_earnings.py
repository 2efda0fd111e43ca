"""The sums of payments by app, model, buyer and month."""

from datetime import UTC, datetime

import pytest

from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.operations.earnings import EarnedPayment, EarningsGroup, grouped

APP, MODEL, ALICE, BOB = ("0x" + digit * 40 for digit in "1234")


def payment(amount, buyer=ALICE, model=MODEL, month=11):
    time = int(datetime(2026, month, 30, 23, 59, tzinfo=UTC).timestamp())
    return EarnedPayment("0x01", Amount(amount), 1, time, APP, "reader", model, "iris" if model else "", buyer)


PAYMENTS = [payment(1), payment(2, BOB, month=10), payment(3, BOB, model=None, month=11)]


@pytest.mark.parametrize(
    ("kind", "groups"),
    [
        ("app", [(APP, "reader", 3, 6)]),
        ("model", [("", "", 1, 3), (MODEL, "iris", 2, 3)]),
        ("buyer", [(BOB, "", 2, 5), (ALICE, "", 1, 1)]),
        ("month", [("2026-11", "", 2, 4), ("2026-10", "", 1, 2)]),
    ],
)
def test_payments_are_added_up(kind, groups):
    assert grouped(PAYMENTS, kind) == tuple(EarningsGroup(*each) for each in groups)


def test_without_payments_there_is_no_group():
    assert grouped([], "month") == ()
