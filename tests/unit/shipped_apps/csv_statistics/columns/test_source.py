"""The file as text: compression, encodings, and files of other programs."""

import gzip

import pytest

from sealgrid.shipped_apps.csv_statistics.columns import source
from sealgrid.shipped_apps.csv_statistics.columns.errors import TableRefused
from sealgrid.shipped_apps.csv_statistics.columns.source import open_text

TEXT = "ville;prix\r\nOrléans;1,5\r\nMünchen;2,5\r\n"
TAR = b"t.csv".ljust(257, b"\0") + b"ustar\x0000" + bytes(248) + TEXT.encode().ljust(512, b"\0")
ZIPPED = gzip.compress(TEXT.encode(), mtime=0)


def read(folder, content: bytes) -> str:
    (folder / "t").write_bytes(content)
    with open_text(folder / "t").lines() as lines:
        return "".join(lines)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("cp1252"),
        ZIPPED,
        gzip.compress(TEXT[:20].encode(), mtime=0) + gzip.compress(TEXT[20:].encode(), mtime=0),
        TEXT.replace("ville", "vil\0le").encode() + b"\x1a",
    ],
)
def test_the_same_text_in_every_encoding(tmp_path, content):
    assert read(tmp_path, content) == TEXT


def test_text_of_an_old_mac_is_read_as_mac_os_roman(tmp_path):
    old = TEXT.replace("\r\n", "\r")
    assert read(tmp_path, old.encode("mac_roman")) == old


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04" + bytes(30), "workbook of Excel"),
        (b"\xd0\xcf\x11\xe0" + bytes(30), "old Excel workbook"),
        (b"PAR1" + bytes(30), "Parquet"),
        (b"SQLite format 3\0" + bytes(30), "SQLite"),
        (b"BZh9" + bytes(30), "bzip2"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b'[{"a": 1}]', "JSON"),
        (b'{"a": 1}\n{"a": 2}', "JSON"),
        (b"# HELP up x\n# TYPE up gauge\nup 1\n", "Prometheus"),
        (b"air,room=a temp=21.5,wet=3 1700000000000000000\n", "line protocol"),
        ("┌──┐\n│ a│\n".encode(), "drawn with lines"),
        (b"--\n-- PostgreSQL database dump\n--\n\n\\restrict x\nSET a = 0;\n", "SQL"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(30), "7-Zip"),
        (b"Rar!\x1a\x07" + bytes(30), "RAR"),
        (b"\x80\x05" + bytes(30), "Python pickle"),
        (TAR, "tar archive"),
        (gzip.compress(TAR, mtime=0), "tar archive"),
        (b"ID;PWXL;N;E\nP;PGeneral\n", "SYLK"),
        (b'TABLE\n0,1\n"EXCEL"\n', "DIF"),
        (b"BEGIN:VCALENDAR\nVERSION:2.0\n", "calendar"),
        (b"-- MySQL dump\n/*!40101 SET NAMES utf8 */;\nCREATE TABLE t (a int);\n", "commands of SQL"),
        (b"% Title\n@RELATION iris\n", "ARFF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
        (gzip.compress(ZIPPED, mtime=0), "compressed twice"),
        (ZIPPED[:-9], "cut short"),
        (ZIPPED[:20] + b"\0" * 40, "damaged gzip file"),
        (("é;1\n" * 20).encode() + b"\xe9;1\n", "UTF-8 except for bytes in line 21"),
        ("Москва;1\n".encode("cp1251") * 20, "not text in UTF-8, UTF-16 or Windows-1252"),
        (b"a;\x81\n" * 20, "not text in UTF-8, UTF-16 or Windows-1252"),
        (TEXT.encode("utf-16")[:-1], "not text in UTF-8"),
        (b"\x02\x03\x04\x05" * 99, "it is not text"),
    ],
)
def test_other_files_are_refused_and_named(tmp_path, content, reason):
    with pytest.raises(TableRefused, match=reason):
        read(tmp_path, content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_compressed_table_that_is_too_large_is_not_read_to_its_end(tmp_path, monkeypatch, encoding):
    monkeypatch.setattr(source, "MAX_BYTES", 4 << 20)
    compressed = gzip.compress(("a;1\n" * (3 << 20)).encode(encoding), mtime=0)
    with pytest.raises(TableRefused, match="the table is larger than"):
        read(tmp_path, compressed[:-20])  # a read to its end would find it cut short
