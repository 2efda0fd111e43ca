"""Addresses and digests are lower-case hex text of one length."""

import pytest

from sealgrid.units import rlc_number, to_address, to_bytes, to_digest


def test_any_letter_case_becomes_lower_case():
    assert to_address("0x" + "AB" * 20) == to_address(b"\xab" * 20) == "0x" + "ab" * 20
    assert to_digest("0x" + "AB" * 32) == to_digest(b"\xab" * 32) == "0x" + "ab" * 32


@pytest.mark.parametrize("text", ["", "0x", "ab" * 20, "0x" + "ab" * 19, "0x" + "ab" * 21, "0x" + "zz" * 20])
def test_other_text_is_no_address(text: str):
    with pytest.raises(ValueError):
        to_address(text)


@pytest.mark.parametrize("value", [b"", bytes(20), bytes(33), "0x" + "ab" * 31])
def test_another_length_is_no_digest(value: bytes | str):
    with pytest.raises(ValueError):
        to_digest(value)


def test_bytes_have_exactly_the_given_size():
    assert to_bytes("0x0102", 2) == b"\x01\x02"
    with pytest.raises(ValueError, match="expected 0x and 6 hex digits"):
        to_bytes("0x0102", 3)


def test_an_amount_in_rlc_has_no_zeros_at_its_end():
    assert [rlc_number(nrlc) for nrlc in (0, 10**9, 2_500_000_000, 1, -1)] == [
        "0",
        "1",
        "2.5",
        "0.000000001",
        "-0.000000001",
    ]
