"""Before publishing, a file is prepared for the shipped app that is to read it: an ONNX model or a CSV table."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.file_checks import check_csv, prepare_csv, prepare_file, prepare_onnx
from tests.unit.shipped_apps.onnx_writer import Node, Value, model, passing


def test_a_model_has_a_signature_and_is_sealed_as_it_is(tmp_path):
    path = tmp_path / "passes.onnx"
    path.write_bytes(passing(("batch", 3)))
    prepared = prepare_onnx(path, tmp_path)
    assert prepared.path == path
    assert [each.name for each in prepared.signature.inputs] == ["x"]


def test_without_bubblewrap_the_structure_is_checked_and_a_notice_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    path = tmp_path / "passes.onnx"
    path.write_bytes(passing(("batch", 3)))
    prepared = prepare_onnx(path, tmp_path)
    assert prepared.signature.checked == "structure"
    assert [each.name for each in prepared.signature.outputs] == ["y"]
    (notice,) = prepared.notices
    assert notice.startswith(
        "only the structure of passes.onnx was checked, not whether onnx-runner runs it: bubblewrap"
    )


def test_a_scalar_keeps_the_shape_that_the_file_states(tmp_path):
    path = tmp_path / "scalar.onnx"
    path.write_bytes(passing(()))
    signature = prepare_onnx(path, tmp_path).signature
    assert (signature.checked, signature.inputs[0].shape) == ("inference", ())


@pytest.mark.parametrize("app", ["csv-statistics", "hash-file"])
async def test_an_input_to_try_is_refused_where_no_app_tries_it(tmp_path, app):
    with pytest.raises(InputRefused, match="an input to try is for the models of onnx-runner"):
        async with prepare_file(None, tmp_path / "rides.csv", app, try_input=tmp_path / "input.json"):
            raise AssertionError("nothing may be prepared")


def test_a_model_of_more_inputs_than_a_signature_states_is_sold_without_one(tmp_path):
    names = [f"c{number}" for number in range(1025)]
    (tmp_path / "m.onnx").write_bytes(
        model([Node("Sum", names, ["y"])], [Value(name, shape=(1,)) for name in names], [Value("y", shape=(1,))])
    )
    prepared = prepare_onnx(tmp_path / "m.onnx", tmp_path)
    assert prepared.signature is None
    assert "its inputs and outputs are not published" in prepared.notices[-1]


def test_a_table_has_no_signature(tmp_path):
    (tmp_path / "rides.csv").write_text("city,price\n" + ROWS)
    prepared = prepare_csv(tmp_path / "rides.csv", tmp_path)
    assert (prepared.path, prepared.signature) == (tmp_path / "rides.csv", None)


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
