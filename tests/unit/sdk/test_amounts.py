"""Amounts as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import InputRefused
from sealgrid.sdk.amounts import MAX_NRLC, Amount, amount


@pytest.mark.parametrize(
    ("written", "nrlc"),
    [("3", 3 * 10**9), ("3 RLC", 3 * 10**9), ("0.5 rlc", 5 * 10**8), ("250 nRLC", 250), ("0", 0), ("0.000000001", 1)],
)
def test_an_amount_is_rlc_unless_the_unit_is_nrlc(written, nrlc):
    assert amount(written) == nrlc


@pytest.mark.parametrize(
    "written",
    ["", "-1", "1e3", "1_000", "0.0000000001", "nan", "1 ETH", "0.5 nRLC", "٣", "1,5", ".5", "99999999999 RLC", "3 3"],
)
def test_what_is_not_exactly_one_amount_is_refused(written):
    with pytest.raises(InputRefused, match="amount"):
        amount(written)


@pytest.mark.parametrize("bare", [3, 3.0, None, True])
def test_a_bare_number_is_refused_because_it_could_mean_rlc_or_nrlc(bare):
    with pytest.raises(InputRefused, match="as text"):
        amount(bare)


@given(st.integers(0, MAX_NRLC))
def test_what_an_amount_prints_reads_back_as_the_same_amount(nrlc):
    assert amount(str(Amount(nrlc))) == nrlc


def test_an_amount_of_an_earlier_answer_can_be_given_back():
    assert amount(Amount(7)) == 7
    with pytest.raises(InputRefused):
        amount(Amount(-7))
