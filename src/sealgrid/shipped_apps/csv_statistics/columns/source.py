"""Opens a table's file as text: compression, encoding and NUL bytes. Refuses files that are no text, by their name.

The encoding is that of a byte order mark; else UTF-16 where every second byte is NUL; else UTF-8 where all bytes are;
else Mac OS Roman where lines end with CR alone; else Windows-1252. UTF-8 with a few other bytes is refused.
"""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from .errors import TableRefused

MAX_BYTES = 4 << 30  #: of the table, decompressed
_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_OTHER_FILES = (
    (b"PK\x03\x04", "a zip archive or a workbook of Excel or LibreOffice; save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as CSV UTF-8"),
    (b"PAR1", "a Parquet file; write the table as CSV"),
    (b"ARROW1", "an Arrow file; write the table as CSV"),
    (b"ORC", "an ORC file; write the table as CSV"),
    (b"Obj\x01", "an Avro file; write the table as CSV"),
    (b"SQLite format 3", "an SQLite database; export the table as CSV"),
    (b"\x89HDF", "an HDF5 file; write the table as CSV"),
    (b"$FL2", "an SPSS file; export it as CSV"),
    (b"<stata_dta>", "a Stata file; export it as CSV"),
    (b"%PDF", "a PDF document; a table has to be a CSV file"),
    (b"\x89PNG", "a picture; a table has to be a CSV file"),
    (b"\xff\xd8\xff", "a picture; a table has to be a CSV file"),
    (b"BZh", "compressed by bzip2; decompress it, or use gzip"),
    (b"\xfd7zXZ", "compressed by xz; decompress it, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; decompress it, or use gzip"),
    (b"version https://git-lfs", "a pointer of git-lfs; run `git lfs pull` to get the file"),
    (b"{\\rtf", "a text document; save the table as CSV UTF-8"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it, or use gzip"),
    (b"Rar!", "a RAR archive; unpack it, or use gzip"),
    (b"\x80\x04", "a Python pickle; write the table as CSV: DataFrame.to_csv"),
    (b"\x80\x05", "a Python pickle; write the table as CSV: DataFrame.to_csv"),
    (b"ID;P", "a SYLK file; save the sheet as CSV UTF-8"),
    (b"TABLE\r\n0,1", "a DIF file; save the sheet as CSV UTF-8"),
    (b"TABLE\n0,1", "a DIF file; save the sheet as CSV UTF-8"),
    (b"BEGIN:V", "a calendar or a list of contacts; write a table as CSV"),
    (b"# HELP ", "metrics of Prometheus; write a table as CSV"),
    (b"# TYPE ", "metrics of Prometheus; write a table as CSV"),
    ("┌".encode(), "a table drawn with lines, as a terminal shows it; export it as CSV"),
    ("╭".encode(), "a table drawn with lines, as a terminal shows it; export it as CSV"),
    ("│".encode(), "a table drawn with lines, as a terminal shows it; export it as CSV"),
    (b"shape: (", "a table of polars as a terminal shows it; write it by DataFrame.write_csv"),
)
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml|table)", re.IGNORECASE)
_TAR, _TAR_AT = b"ustar", 257
_SQL = re.compile(
    rb"\s*(--.*\s+|\\restrict .*\s+|/\*[^*]*\*/;?\s*)*"
    rb"(create (table|database)|insert into|drop table|set \w+ ?=|begin;)",
    re.IGNORECASE,
)
_ARFF = re.compile(rb"\s*(%.*\s+)*@relation\b", re.IGNORECASE)
_LINE_PROTOCOL = re.compile(rb"[^\s,=\"]+(,[^\s,=]+=[^\s,]+)* [^\s,=]+=[^\s,]+(,[^\s,=]+=[^\s,]+)* \d{10,19}\r?\n")
_JSON = re.compile(rb'\s*(\[\s*[\[{]|\{\s*")')
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
_HIGH_RUN = re.compile(rb"[\x80-\xff]{3,}")
_MAX_RUNS = 0.3  #: of the bytes above 127, in runs of three or more; Western European words have few
_CONTROL = re.compile(r"[\x02-\x08\x0e-\x19\x1b]")
_FRACTION_OF_CONTROLS = 0.01  #: of the characters; text has none
_UNKNOWN_ENCODING = (
    "the dataset is not a CSV table: it is not text in UTF-8, UTF-16 or Windows-1252; save it as CSV UTF-8."
)
_REMOVED = {0: None, 0x1A: None}
ENCODING_NAMES = {"cp1252": "Windows-1252", "mac_roman": "Mac OS Roman"}


@dataclass(frozen=True)
class TextFile:
    """A file that decodes to text."""

    path: Path
    encoding: str
    compressed: bool = False

    @contextmanager
    def lines(self) -> Iterator[Iterator[str]]:
        """Open the file; its lines keep their ends and have no NUL, nor the end mark of DOS."""
        with _opened(self.path, compressed=self.compressed) as binary:
            text = io.TextIOWrapper(cast("io.BufferedReader", binary), encoding=self.encoding, newline="")
            yield (line.translate(_REMOVED) if "\0" in line or "\x1a" in line else line for line in text)

    @property
    def guessed(self) -> bool:
        """Return whether the encoding was chosen because the file is not UTF-8."""
        return self.encoding in ENCODING_NAMES


def open_text(path: Path) -> TextFile:
    """Find how a file becomes text, and read it once to its end; raise TableRefused for any other file."""
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP
    try:
        with _opened(path, compressed=compressed) as file:
            start = file.read(4096)
        _refuse_other_files(start)
        found = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None) or _utf16_of(start)
        encoding = found or _encoding_of_bytes(path, compressed=compressed)
        _check_decodes(path, encoding, compressed=compressed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TableRefused("the dataset is a damaged gzip file, or cut short.") from error
    return TextFile(path, encoding, compressed)


@contextmanager
def _opened(path: Path, *, compressed: bool) -> Iterator[BinaryIO]:
    with gzip.open(path) if compressed else path.open("rb") as file:
        yield cast("BinaryIO", file)


def _chunks(path: Path, *, compressed: bool) -> Iterator[bytes]:
    """Yield the content, decompressed; raise TableRefused where it has more than ``MAX_BYTES``."""
    size = 0
    with _opened(path, compressed=compressed) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise TableRefused(f"the table is larger than {MAX_BYTES >> 30} GiB; sell a part of it.")
            yield chunk


def _refuse_other_files(start: bytes) -> None:
    for magic, what in _OTHER_FILES:
        if start.startswith(magic):
            raise TableRefused(f"the dataset is not a CSV table but {what}.")
    if start[_TAR_AT:].startswith(_TAR):
        raise TableRefused("the dataset is not a CSV table but a tar archive; unpack it, or use gzip alone.")
    if _SQL.match(start):
        raise TableRefused("the dataset is not a CSV table but commands of SQL; export the table as CSV.")
    if _ARFF.match(start):
        raise TableRefused("the dataset is not a CSV table but an ARFF file; write the table as CSV.")
    if _LINE_PROTOCOL.match(start):
        raise TableRefused("the dataset is not a CSV table but InfluxDB's line protocol; export the table as CSV.")
    if start.startswith(_GZIP):
        raise TableRefused("the dataset is compressed twice; compress it once.")
    if _MARKUP.match(start):
        raise TableRefused("the dataset is not a CSV table but a page or document in HTML or XML; save it as CSV.")
    if _JSON.match(start):
        raise TableRefused("the dataset is not a CSV table but JSON; write the table as CSV.")


def _utf16_of(start: bytes) -> str | None:
    """Return UTF-16 without a mark where every second byte of most characters is NUL."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    half = max(1, len(start) // 2)
    if odd > 0.5 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.5 * half and odd < 0.05 * half else None


def _encoding_of_bytes(path: Path, *, compressed: bool) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, broken_line, lines, carriage, feeds = True, 0, 1, 0, 0
    sequences, lone, runs = 0, 0, 0
    for chunk in _chunks(path, compressed=compressed):
        if valid:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                valid, broken_line = False, lines + chunk[: error.start].count(b"\n")
        lines += chunk.count(b"\n")
        found = len(_UTF8_SEQUENCE.findall(chunk))
        sequences += found
        lone += len(_HIGH_BYTE.findall(_UTF8_SEQUENCE.sub(b"", chunk)))
        runs += sum(map(len, _HIGH_RUN.findall(chunk)))
        carriage, feeds = carriage + chunk.count(b"\r"), feeds + chunk.count(b"\n")
    if valid:
        return "utf-8-sig"
    if sequences > lone:
        raise TableRefused(
            f"the dataset is text in UTF-8 except for bytes in line {broken_line}; save it as CSV UTF-8."
        )
    if runs > _MAX_RUNS * (lone + 2 * sequences):
        raise TableRefused(_UNKNOWN_ENCODING)
    return "mac_roman" if carriage and not feeds else "cp1252"


def _check_decodes(path: Path, encoding: str, *, compressed: bool) -> None:
    decoder, controls, characters = codecs.getincrementaldecoder(encoding)(), 0, 0
    try:
        for chunk in _chunks(path, compressed=compressed):
            text = decoder.decode(chunk)
            characters += len(text)
            controls += len(_CONTROL.findall(text))
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise TableRefused(_UNKNOWN_ENCODING) from error
    if controls > _FRACTION_OF_CONTROLS * characters:
        raise TableRefused("the dataset is not a CSV table: it is not text.")
