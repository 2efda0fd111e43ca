from hypothesis import given
from hypothesis import strategies as st

from sealgrid.poco.constants import pool_stake, worker_reward


@given(price=st.integers(0, 10**24))
def test_a_pools_price_is_shared_out_whole(price: int) -> None:
    assert 0 <= worker_reward(price) <= price
    assert pool_stake(price) * 100 <= price * 30
