"""A worker's limits on memory, apps and requesters are read, or refused in one sentence."""

import pytest

from sealgrid.cli.job_filters import parse_addresses, parse_size
from sealgrid.errors import InputRefused
from sealgrid.units import to_address

ANNA = to_address(b"\x0a" * 20)


@pytest.mark.parametrize(("text", "size"), [(None, 0), ("512M", 512 << 20), ("8G", 8 << 30), (" 1T ", 1 << 40)])
def test_a_size_is_a_number_of_bytes(text: str | None, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "8", "0G", "8g", "-1G", "1.5G", "8GB", "9999999G", "\u0661G"])
def test_another_text_is_no_size(text: str) -> None:
    with pytest.raises(InputRefused, match="is not a size"):
        parse_size(text)


def test_addresses_are_read_in_their_order() -> None:
    assert (parse_addresses(None, "--app"), parse_addresses([ANNA], "--app")) == ((), (ANNA,))


@pytest.mark.parametrize(("texts", "line"), [(["0x12"], "--app takes an address"), ([ANNA] * 65, "64 times at most")])
def test_what_is_no_address_or_too_many_is_refused(texts: list[str], line: str) -> None:
    with pytest.raises(InputRefused, match=line):
        parse_addresses(texts, "--app")
