"""The letters' case of an address is its checksum (EIP-55)."""

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.eip55 import checksum_address
from sealgrid.units import Address, to_address


@pytest.mark.parametrize(
    "written",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_the_examples_of_the_standard_have_their_letters(written):
    assert checksum_address(Address(written.lower())) == written


@given(st.binary(min_size=20, max_size=20))
def test_the_checksum_is_that_of_another_implementation(raw):
    assert checksum_address(to_address(raw)) == to_checksum_address(raw)
