import re
from pathlib import Path

import pytest

from sealgrid.poco.refusals import MATCH_REFUSALS, NO_REASON, explain

SOURCES = Path(__file__).parents[3] / ".cache/poco/contracts/facets"


@pytest.mark.chain
def test_every_refusal_of_match_orders_has_a_sentence() -> None:
    source = (SOURCES / "IexecPoco1Facet.sol").read_text()
    assert set(re.findall(r"iExecV5-matchOrders-0x([0-9a-f]{2})", source)) == set(MATCH_REFUSALS) - {"funds", "stake"}


@pytest.mark.parametrize("number", sorted(set(MATCH_REFUSALS) - {"funds", "stake"}))
def test_a_refusal_is_found_in_a_nodes_message(number: str) -> None:
    assert explain(f"execution reverted: iExecV5-matchOrders-0x{number}") == MATCH_REFUSALS[number]


def test_an_unknown_reason_is_quoted_and_a_missing_one_named() -> None:
    assert "strange" in explain("strange")
    assert explain("iExecV5-matchOrders-0xff") != ""
    assert explain("  ") == NO_REASON
