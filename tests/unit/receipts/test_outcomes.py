"""docs/protocol/outcomes.md agrees with the code: the table, the exit classes, the settled numbers."""

import re
import sys
from pathlib import Path
from typing import get_args

from sealgrid.attestation.requester_refusals import REQUESTER_REFUSALS
from sealgrid.receipts.outcomes import ENDINGS
from sealgrid.receipts.receipt import ExitClass

PROTOCOL = Path(__file__).resolve().parents[3] / "docs" / "protocol"
sys.path.append(str(PROTOCOL))

from outcomes import PAGE, page  # noqa: E402


def test_the_page_has_the_table_of_the_code():
    assert PAGE.read_text() == page(), "regenerate it with: python docs/protocol/outcomes.py"


def test_every_exit_class_of_a_receipt_is_an_ending_and_no_host_fault_is_settled():
    assert {each.exit_class for each in ENDINGS} == {*get_args(ExitClass), None}
    assert not [
        each for each in ENDINGS if each.exit_class and each.cause in {"machine", "unproved", "owner afterwards"}
    ]


def test_every_ending_that_is_not_settled_names_its_bound():
    unbounded = [each.event for each in ENDINGS if each.money == "refunded" and not each.bound]
    assert unbounded == ["the pool, the workers or the chain stop until the deadline"]


def test_the_page_names_exactly_the_numbers_that_are_settled():
    section = PAGE.read_text().partition("| number | settled where |")[2].partition("| all others |")[0]
    named = {
        number
        for row in section.splitlines()
        for number in re.findall(r"\b[57](?:\.\d+)?\b", row.split("|")[1] if "|" in row else "")
    }
    assert named == REQUESTER_REFUSALS.keys()
