"""Padding of results: few sizes, reversible, and checked when removed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.result_padding import MINIMUM, pad, padded_size, unpad
from sealgrid.errors import InputRefused

SMALL = st.binary(max_size=300)


@given(SMALL)
def test_padding_is_reversible(content):
    assert unpad(pad(content)) == content
    assert len(pad(content)) == MINIMUM


@given(st.integers(0, 1 << 40))
def test_a_size_grows_by_at_most_an_eighth_and_never_shrinks(size):
    padded = padded_size(size)
    assert size + 8 <= padded <= max(MINIMUM, (size + 8) * 1.125)
    assert padded_size(padded - 8) == padded


def test_a_megabyte_of_sizes_falls_into_few_buckets():
    assert len({padded_size(size) for size in range(1 << 20, 2 << 20, 97)}) <= 33


@given(st.binary(max_size=20), st.data())
def test_a_length_or_filling_that_is_not_as_padded_is_refused(content, data):
    padded = bytearray(pad(content))
    place = data.draw(st.one_of(st.integers(0, 5), st.integers(8 + len(content), len(padded) - 1)))
    padded[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InputRefused):
        unpad(bytes(padded))


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\0" * (MINIMUM + 1), b"\xff" * MINIMUM])
def test_bytes_that_were_never_padded_are_refused(content):
    with pytest.raises(InputRefused):
        unpad(content)
