"""Sums of runs by app, model, buyer, month and state, and the conditions that select runs."""

from datetime import UTC, datetime

import pytest

from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.operations.earnings import EarnedPayment
from sealgrid.sdk.operations.run_sums import RunFilter, RunSum, sums

APP, MODEL, ALICE, BOB = ("0x" + digit * 40 for digit in "1234")


def payment(amount, buyer=ALICE, model=MODEL, month=11, state="answered"):
    time = int(datetime(2026, month, 30, 23, 59, tzinfo=UTC).timestamp())
    return EarnedPayment("0x01", Amount(amount), 1, time, APP, "reader", model, "iris" if model else "", buyer, state)


PAYMENTS = [payment(1), payment(2, BOB, month=10, state="app-failed"), payment(3, BOB, model=None, month=11)]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("app", [(APP, "reader", 3, 6)]),
        ("model", [("", "", 1, 3), (MODEL, "iris", 2, 3)]),
        ("buyer", [(BOB, "", 2, 5), (ALICE, "", 1, 1)]),
        ("month", [("2026-11", "", 2, 4), ("2026-10", "", 1, 2)]),
        ("state", [("answered", "", 2, 4), ("app-failed", "", 1, 2)]),
    ],
)
def test_runs_are_added_up(by, expected):
    assert sums(PAYMENTS, by) == tuple(RunSum(*each) for each in expected)


def test_a_refunded_run_counts_and_cost_nothing():
    assert sums([payment(1), payment(5, state="refunded")], "model") == (RunSum(MODEL, "iris", 2, Amount(1)),)


def test_without_runs_there_is_no_sum():
    assert sums([], "month") == ()


@pytest.mark.parametrize(
    ("conditions", "amounts"),
    [
        ({}, [1, 2, 3]),
        ({"app": "reader"}, [1, 2, 3]),
        ({"app": APP}, [1, 2, 3]),
        ({"app": "another"}, []),
        ({"model": "iris"}, [1, 2]),
        ({"model": MODEL}, [1, 2]),
        ({"buyer": BOB}, [2, 3]),
        ({"month": "2026-10"}, [2]),
        ({"state": "answered"}, [1, 3]),
        ({"state": "answered", "buyer": BOB}, [3]),
    ],
)
def test_a_filter_selects_the_runs_that_meet_all_its_conditions(conditions, amounts):
    assert [each.amount for each in RunFilter(**conditions).select(PAYMENTS)] == amounts


def test_an_address_is_compared_without_its_letter_case():
    assert RunFilter(buyer="0x" + "AB" * 20).select([payment(1, "0x" + "ab" * 20)])
