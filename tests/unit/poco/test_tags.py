from hypothesis import given
from hypothesis import strategies as st

from sealgrid.poco import tags
from sealgrid.units import to_digest

any_tag = st.binary(min_size=32, max_size=32).map(to_digest)


def test_our_tag_is_what_iexecs_sdk_puts_on_every_order() -> None:
    assert to_digest((9).to_bytes(32, "big")) == tags.TEE_TAG
    assert tags.is_tee(tags.TEE_TAG)
    assert not tags.is_tee(tags.NO_TAG)
    assert not tags.is_tee(to_digest((8).to_bytes(32, "big")))


@given(pool=any_tag, required=any_tag)
def test_a_pool_covers_exactly_the_tags_that_add_nothing_to_its_own(pool: str, required: str) -> None:
    assert tags.covers(pool, required) == (tags.union(pool, required) == pool)


@given(one=any_tag, other=any_tag)
def test_a_deal_needs_an_enclave_when_any_order_does(one: str, other: str) -> None:
    assert tags.is_tee(tags.union(one, other)) == (tags.is_tee(one) or tags.is_tee(other))
