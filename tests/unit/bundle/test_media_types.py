"""The media type of a file by its content."""

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sealgrid.bundle.media_types import (
    CSV,
    JSON,
    NPY,
    NPZ,
    OCTETS,
    ONNX,
    RAW_PHOTO,
    TEXT,
    TSV,
    accepts,
    label,
    media_type,
    suffixes,
)
from tests.unit.shipped_apps.onnx_writer import passing


def picture(form: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(target, form)
    return target.getvalue()


def array(save, **arrays) -> bytes:
    target = io.BytesIO()
    save(target, **arrays)
    return target.getvalue()


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return target.getvalue()


def iso_media(*brands: bytes) -> bytes:
    return (
        struct.pack(">I", 16 + 4 * len(brands[1:])) + b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:]) + bytes(50)
    )


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"])
def test_pictures_are_recognised_whatever_their_name(form):
    assert media_type("data.json", picture(form)) == f"image/{form.lower()}"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (iso_media(b"heic", b"mif1"), "image/heic"),
        (iso_media(b"mif1", b"heic"), "image/heic"),
        (iso_media(b"mif2"), "image/heic"),
        (iso_media(b"mif1", b"avif"), "image/avif"),
        (iso_media(b"isom", b"mp42"), "video/mp4"),
        (b"\0\0\0\x08wide\0\0\x10\0mdat" + bytes(50), "video/mp4"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(50), "video/x-msvideo"),
        (b"\0\0\1\xba" + bytes(50), "video/mpeg"),
        (iso_media(b"crx ", b"isom"), RAW_PHOTO),
        (b"FUJIFILMCCD-RAW 0201" + bytes(50), RAW_PHOTO),
        (b"IIRO\x08\0\0\0" + bytes(50), RAW_PHOTO),
        (b"\xff\x4f\xff\x51" + bytes(50), "image/jp2"),
        (array(np.save, arr=np.ones(3)), NPY),
        (array(np.savez, a=np.ones(3)), NPZ),
        (array(np.savez_compressed, a=np.ones(3)), NPZ),
        (array(np.savez), NPZ),
        (passing((1, 3)), ONNX),
        (pickle.dumps([1]), "application/x-python-pickle"),
        (zipped("a/data.pkl"), "application/zip"),
        (
            zipped("[Content_Types].xml", "xl/workbook.xml"),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (zipped("mimetype", "content.xml"), "application/vnd.oasis.opendocument.spreadsheet"),
        (b"\x1f\x8b\x08" + bytes(20), "application/gzip"),
        (b"%PDF-1.7\n", "application/pdf"),
        ((2).to_bytes(8, "little") + b'{"}', "application/x-safetensors"),
        (b"GGUF" + bytes(20), "application/x-gguf"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "application/x-git-lfs-pointer"),
        (b"<!DOCTYPE html><html>", "text/html"),
        (b"\x00\x01\x02\x03", OCTETS),
        (b"", "application/x-empty"),
    ],
)
def test_other_content_is_recognised(content, kind):
    assert media_type("0x123", content) == kind


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a", '{"a": 1}', JSON),
        ("a.txt", "\n[1, 2]", JSON),
        ("a", "3.5", JSON),
        ("a", "5", JSON),
        ("a.json", "{'a'", JSON),
        ("a.json", "no json", JSON),
        ("a.csv", "[a],b\n1,2\n", CSV),
        ("a.CSV", "a,b\n1,2\n", CSV),
        ("a.tsv", "a\tb\n", TSV),
        ("0x12", "a,b\n1,2\n", TEXT),
        ("a.md", "# A", "text/markdown"),
        ("letter", "Dear größe", TEXT),
    ],
)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_a_texts_type_comes_from_its_content_and_then_from_its_name(name, text, kind, encoding):
    assert media_type(name, text.encode(encoding)) == kind


def test_a_table_in_a_one_byte_encoding_is_text():
    assert media_type("a.csv", "größe;gewicht\n1;2\n".encode("cp1252")) == CSV


def test_a_sample_of_a_text_can_end_within_a_character():
    assert media_type("a.csv", b"a" + "ö".encode() * (1 << 16)) == CSV
    assert media_type("a.csv", "ab".encode("utf-16-le") + "🂡".encode("utf-16-le") * (1 << 16)) == CSV


@pytest.mark.parametrize("cut", ["ab".encode("utf-16-le")[:-1], "ab".encode("utf-32")[:-2]])
def test_a_whole_text_that_ends_within_a_character_is_none(cut):
    assert media_type("a.csv", cut) == OCTETS


def test_a_model_of_too_many_fields_is_not_searched_to_its_end():
    field = b"\x08\x07"  # an IR version
    assert media_type("a", passing((1, 3)) + field * 9_000) == ONNX
    assert media_type("a", passing((1, 3)) + field * 10_000) == OCTETS


def test_a_protobuf_that_is_cut_short_is_no_onnx_model():
    assert media_type("a", passing((1, 3))[:-1]) == OCTETS


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ("image/png", "image/png"),
        ("image/*", "image/heic"),
        ("text/plain", CSV),
        ("text/plain", JSON),
        (CSV, TEXT),
        ("application/x-scan", OCTETS),
        ("application/x-scan", TEXT),
        ("application/vnd.some+zip", "application/zip"),
    ],
)
def test_a_declared_type_takes_what_can_be_of_it(declared, found):
    assert accepts([declared], found)


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ("image/png", "image/jpeg"),
        ("image/png", OCTETS),
        ("image/*", TEXT),
        (CSV, JSON),
        (JSON, TEXT),
        ("application/x-scan", "image/png"),
        ("text/plain", "application/x-empty"),
        ("image/*", "application/zip"),
    ],
)
def test_a_declared_type_refuses_what_cannot(declared, found):
    assert not accepts([declared], found)


def test_a_type_without_a_name_of_its_own_is_named_as_it_is():
    assert label("application/x-scan") == "of the type application/x-scan"
    assert suffixes("image/jpeg")[:2] == (".jpg", ".jpeg")
    assert suffixes("application/x-scan") == ()


@given(st.binary(max_size=200), st.text(max_size=10))
def test_every_content_has_a_type(content, name):
    assert "/" in media_type(name, content)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=50), st.lists, max_leaves=5))
def test_json_without_a_name_is_json(value):
    assert media_type("x", json.dumps(value).encode()) == JSON
