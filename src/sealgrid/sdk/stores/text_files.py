"""Decodes the text files that people write: UTF-8, and what Windows programs write with a byte order mark."""

import codecs

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode_text(content: bytes) -> str:
    """Return the text of UTF-8, or of UTF-8 or UTF-16 with a byte order mark, without the mark; else ValueError."""
    return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
