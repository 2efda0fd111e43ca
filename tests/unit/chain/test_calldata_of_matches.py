"""Orders are found in any calldata that hold a call of the hub, and whatever else the calldata hold does no harm."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.chain import matches
from sealgrid.chain.abi import interface
from sealgrid.chain.hub import order_values
from sealgrid.poco.orders import NO_DATASET_ORDER, AppOrder, RequestOrder, WorkerpoolOrder
from sealgrid.units import to_address

HUB = interface("Hub")
A = to_address(b"\xaa" * 20)
REQUEST = RequestOrder(app=A, requester=A, beneficiary=A, params='{"iexec_args":"é"}', sign=b"signed")
ORDERS = (AppOrder(app=A), NO_DATASET_ORDER, WorkerpoolOrder(workerpool=A), REQUEST)
CALL = HUB.call_data("sponsorMatchOrders", *map(order_values, ORDERS))
SELECTORS = [HUB.selector(name) for name in ("matchOrders", "sponsorMatchOrders")]

#: bytes that a stranger may send, with calls that are none and offsets that lead anywhere
strange = st.lists(
    st.binary(max_size=64) | st.sampled_from(SELECTORS) | st.just(b"\xff" * 32) | st.just(b"\x80".rjust(32, b"\0")),
    max_size=12,
).map(b"".join)


def requests_in(data):
    return [matches._read(RequestOrder, orders[3]) for orders in matches._matchings(data)]


@settings(max_examples=200)
@given(before=strange, behind=strange)
def test_a_call_is_found_wherever_it_stands(before, behind):
    assert REQUEST in requests_in(before + CALL + behind)


@settings(max_examples=200)
@given(st.integers(0, len(CALL) - 1), st.binary(min_size=1, max_size=40))
def test_a_damaged_call_does_not_raise(at, other):
    requests_in(CALL[:at] + other + CALL[at + len(other) :])
    requests_in(CALL[:at])


def test_calls_without_end_are_looked_at_up_to_a_bound():
    assert requests_in(SELECTORS[0] * 30_000) == []
    assert requests_in(SELECTORS[0] * matches._MOST_CALLS + CALL) == []
