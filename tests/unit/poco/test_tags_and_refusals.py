import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.poco import tags
from sealgrid.poco.constants import pool_stake, worker_reward
from sealgrid.poco.refusals import MATCH_REFUSALS, NO_REASON, explain
from sealgrid.units import to_digest

SOURCES = Path(__file__).parents[3] / ".cache/poco/contracts/facets"
any_tag = st.binary(min_size=32, max_size=32).map(to_digest)


def test_our_tag_is_what_iexecs_sdk_puts_on_every_order() -> None:
    assert to_digest((9).to_bytes(32, "big")) == tags.TEE_TAG
    assert tags.is_tee(tags.TEE_TAG)
    assert not tags.is_tee(tags.NO_TAG)
    assert not tags.is_tee(to_digest((8).to_bytes(32, "big")))


@given(pool=any_tag, wanted=any_tag)
def test_a_pool_covers_exactly_the_tags_that_add_nothing_to_its_own(pool: str, wanted: str) -> None:
    assert tags.covers(pool, wanted) == (tags.union(pool, wanted) == pool)


@given(one=any_tag, other=any_tag)
def test_a_deal_needs_an_enclave_when_any_order_does(one: str, other: str) -> None:
    assert tags.is_tee(tags.union(one, other)) == (tags.is_tee(one) or tags.is_tee(other))


@pytest.mark.chain
def test_every_refusal_of_match_orders_has_a_sentence() -> None:
    source = (SOURCES / "IexecPoco1Facet.sol").read_text()
    assert set(re.findall(r"iExecV5-matchOrders-0x([0-9a-f]{2})", source)) == set(MATCH_REFUSALS) - {"funds", "stake"}


@pytest.mark.parametrize("number", sorted(set(MATCH_REFUSALS) - {"funds", "stake"}))
def test_a_refusal_is_found_inside_a_nodes_words(number: str) -> None:
    assert explain(f"execution reverted: iExecV5-matchOrders-0x{number}") == MATCH_REFUSALS[number]


def test_an_unknown_reason_is_quoted_and_a_missing_one_named() -> None:
    assert "strange" in explain("strange")
    assert explain("iExecV5-matchOrders-0xff") != ""
    assert explain("  ") == NO_REASON


@given(price=st.integers(0, 10**24))
def test_a_pools_price_is_shared_out_whole(price: int) -> None:
    assert 0 <= worker_reward(price) <= price
    assert pool_stake(price) * 100 <= price * 30
