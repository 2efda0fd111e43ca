"""Text files as editors of every system write them."""

import codecs

import pytest

from sealgrid.sdk.stores.text_files import decode_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_is_read_without_its_byte_order_mark(encoding):
    assert decode_text("schön\n".encode(encoding)) == "schön\n"


def test_utf_16_is_read_in_both_byte_orders():
    assert decode_text(codecs.BOM_UTF16_BE + "é".encode("utf-16-be")) == "é"
    assert decode_text(codecs.BOM_UTF16_LE + "é".encode("utf-16-le")) == "é"


@pytest.mark.parametrize("content", [b"sch\xf6n", codecs.BOM_UTF16_LE + b"a"])
def test_bytes_that_are_not_text_are_refused(content):
    with pytest.raises(ValueError, match="decode"):
        decode_text(content)
