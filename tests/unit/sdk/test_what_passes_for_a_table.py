"""Publishing for csv-statistics looks at a file with that app's own eyes."""

from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.csv_file import check_csv
from sealgrid.sdk.shipped_apps import app_for

ROWS = "".join(f"Lyon,{n}\n" for n in range(10))


def test_a_table_passes(tmp_path):
    (tmp_path / "rides.csv").write_text("city,price\n" + ROWS)
    check_csv(tmp_path / "rides.csv")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"city,price\n" + b"Lyon,1\n" * 9, "fewer than 10"),
        (b"\x08\x08\x3a\x02\xff", "it is not text in UTF-8"),
        (ROWS.encode(), "here it holds a number"),
        (b"city,price\n" + ROWS.encode() + b"Nice\n", "line 12 has 1 cells"),
    ],
)
def test_what_the_app_would_refuse_is_refused_before_anything_is_sealed(tmp_path, content, said):
    (tmp_path / "rides.csv").write_bytes(content)
    with pytest.raises(InputRefused, match=f"rides.csv cannot be sold as a table: .*{said}"):
        check_csv(tmp_path / "rides.csv")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputRefused, match=r"nothing.csv cannot be read"):
        check_csv(tmp_path / "nothing.csv")


def test_a_file_is_for_the_app_that_its_name_says():
    assert app_for(Path("rides.CSV")) == "csv-statistics"
    assert app_for(Path("model.onnx")) == app_for(Path("model")) == "onnx-runner"
