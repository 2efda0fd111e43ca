"""Addresses are read in any letter case, and mistyped ones are found by their checksum."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.addresses import is_address, parse_address

#: of EIP-55
EXAMPLES = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_address_is_read_in_mixed_lower_and_upper_case(text):
    for written in (text, text.lower(), "0x" + text[2:].upper(), "0X" + text[2:].upper()):
        assert parse_address(written) == text.lower()


def test_the_form_of_an_address_is_recognised_without_its_checksum():
    text = EXAMPLES[0]
    assert all(map(is_address, (text, text.lower(), text.replace("A", "a", 1), "0X" + text[2:])))
    assert not any(map(is_address, (text[:-1], text + "0", text[2:], "0x" + "g" * 40, f" {text}")))


def test_one_letter_in_the_wrong_case_is_refused():
    with pytest.raises(InputRefused, match="mistyped"):
        parse_address(EXAMPLES[0].replace("A", "a", 1))


def test_one_wrong_digit_is_refused():
    with pytest.raises(InputRefused, match="mistyped"):
        parse_address(EXAMPLES[0].replace("5", "6", 1))


@pytest.mark.parametrize("text", ["", "0x", EXAMPLES[0][:-1], EXAMPLES[0] + "0", EXAMPLES[0][2:], "0x" + "g" * 40])
def test_other_text_is_no_address(text):
    with pytest.raises(ValueError, match="0x and 40 hex digits"):
        parse_address(text)
