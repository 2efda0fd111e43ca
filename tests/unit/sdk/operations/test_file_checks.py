"""Before publishing, a file is checked to be an ONNX model or a CSV table that the shipped app can read."""

import io
import pickle
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.file_checks import check_csv, check_onnx

GRAPH = b"\x3a\x02\x12\x00"  # field 7, a graph
MODEL = b"\x08\x08" + GRAPH + b"\x42\x02\x10\x0d"  # ir_version 8, graph, opset


def check(folder, content: bytes) -> None:
    path = folder / "file.bin"
    path.write_bytes(content)
    check_onnx(path)


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("data.pkl", b"x")
    return target.getvalue()


def test_a_model_passes_in_any_order_of_its_fields_and_with_fields_of_later_versions(tmp_path):
    check(tmp_path, MODEL)
    check(tmp_path, GRAPH + b"\x08\x08")
    check(tmp_path, MODEL + b"\xf2\x07\x03abc" + b"\xf9\x07" + bytes(8) + b"\xfd\x07" + bytes(4))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (zipped(), "zip"),
        (pickle.dumps({"weights": [1, 2]}), "pickle"),
        (b"these are not the weights you are looking for\n" * 9, "not protobuf"),
        (b'{"json": true}', "not protobuf"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"),
        (b"GGUF" + bytes(64), "GGUF"),
        (bytes(4) + b"TFL3" + bytes(64), "TensorFlow Lite"),
        ((40).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}' + bytes(40), "safetensors"),
        (MODEL[:-1], "cut short"),
        (MODEL + b"\x3a\xff", "cut short"),
        (b"\x08\x08", "no graph"),
        (GRAPH, "no IR version"),
        (bytes(32), "not protobuf"),
    ],
)
def test_what_is_no_model_is_refused_and_named(tmp_path, content, why):
    with pytest.raises(InputRefused, match=why):
        check(tmp_path, content)


@given(content=st.binary(max_size=200))
def test_any_bytes_pass_or_are_refused_and_nothing_else(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    try:
        check(folder, content)
    except InputRefused:
        return
    assert content


def test_a_large_model_is_never_read_into_memory(tmp_path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.write(b"\x08\x08\x3a\x80\x80\x80\x80\x08")  # a graph of 2 GiB
        file.truncate(file.tell() + (2 << 30))
    check_onnx(path)


ROWS = "".join(f"Lyon,{n}\n" for n in range(10))


def test_a_table_passes_without_notes(tmp_path):
    (tmp_path / "rides.csv").write_text("city,price\n" + ROWS)
    assert check_csv(tmp_path / "rides.csv") == ()


def test_the_owner_is_told_what_is_left_out_and_read_otherwise(tmp_path):
    (tmp_path / "rides.tsv").write_text("city\tprice\n" + "Lyon\t1.234,50 €\n" * 9 + "Nice\tclosed\n" + "Nice\tNA\n")
    assert check_csv(tmp_path / "rides.tsv") == (
        "column 'price': a comma is read as the decimal mark: 9 cells ('1.234,50 €')",
        "column 'price': marks between thousands are left out: 9 cells ('1.234,50 €')",
        "column 'price': the currency € is left out: 9 cells ('1.234,50 €')",
        "column 'price': left out, not a number: 1 cell ('closed')",
        "column 'price': left out as missing: 1 cell ('NA')",
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"city,price\n" + b"Lyon,1\n" * 9, "fewer than 10"),
        (b"\x08\x08\x3a\x02\xff\x81", "it is not text in UTF-8"),
        (ROWS.encode(), "here a name is a number"),
        (b"city,price\n" + ROWS.encode() + b"Nice\n", "line 12 has 1 cells"),
    ],
)
def test_what_the_app_would_refuse_is_refused_before_anything_is_sealed(tmp_path, content, reason):
    (tmp_path / "rides.csv").write_bytes(content)
    with pytest.raises(InputRefused, match=f"rides.csv cannot be sold as a table: .*{reason}"):
        check_csv(tmp_path / "rides.csv")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputRefused, match=r"nothing.csv cannot be read"):
        check_csv(tmp_path / "nothing.csv")
