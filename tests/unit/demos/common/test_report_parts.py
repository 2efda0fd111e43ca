"""Printed parts of a report: what failed is marked."""

import io

import pytest
from rich.console import Console

from sealgrid.demos.common import report_parts
from sealgrid.demos.common.outcome import CheckLine, PartyPayment, TheftRefusal
from sealgrid.units import to_address


@pytest.fixture
def printed():
    return Console(file=io.StringIO(), width=200)


def test_checks_and_thefts_are_marked_by_their_outcome(printed):
    report_parts.checks([CheckLine("1", "signed", ok=True), CheckLine("2", "paid", ok=False)], "receipt.json", printed)
    reason = "The broker refused, check (4): no verdict"
    thefts = [
        TheftRefusal("with a copy", "broker", "4", reason),
        TheftRefusal("for free", "no check", "", "it succeeded"),
    ]
    report_parts.thefts("Thefts", thefts, printed)
    lines = printed.file.getvalue().splitlines()
    assert "  ✓ (1) signed" in lines
    assert "  ✗ (2) paid" in lines
    assert "  refused with a copy" in lines
    assert "          by broker, check (4): no verdict" in lines
    assert "  NOT REFUSED for free" in lines


def test_payments_are_in_rlc(printed):
    report_parts.payments([PartyPayment("owner", to_address(b"\x01" * 20), 2_500_000_000)], printed)
    assert f"  owner         2.500  {to_address(bytes([1]) * 20)}" in printed.file.getvalue()
