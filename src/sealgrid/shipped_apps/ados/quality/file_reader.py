"""Reads a file of readings in any of the formats, which its content tells."""

import codecs

from .csv_reader import read_csv
from .errors import ReadingsRefused
from .json_reader import read_json
from .messages import Messages, collect

MAX_BYTES = 256 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_file(content: bytes) -> Messages:
    """Return the readings of a CSV, SenML or JSON file; raise ReadingsRefused for any other file."""
    text = read_text(content)
    return collect(read_json(text) if text.lstrip()[:1] in {"[", "{"} else read_csv(text))


def read_text(content: bytes) -> str:
    """Return the text of a file of readings; raise ReadingsRefused for a file that is too large or no text."""
    if len(content) > MAX_BYTES:
        raise ReadingsRefused(f"the file has more than {MAX_BYTES >> 20} MiB; split it.")
    try:
        text = content.decode(encoding_of(content))
    except UnicodeDecodeError as error:
        raise ReadingsRefused("the file is not text in UTF-8; export CSV, SenML or JSON.") from error
    if "\0" in text:
        raise ReadingsRefused("the file has NUL bytes, so it is not text; export CSV, SenML or JSON.")
    return text


def encoding_of(begin: bytes) -> str:
    """Return the encoding of a text by its first bytes."""
    return next((name for mark, name in _MARKS if begin.startswith(mark)), "utf-8")
