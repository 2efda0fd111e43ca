"""A set of wheels is complete when each requirement that holds in an enclave is in it, with a fitting version."""

import zipfile

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.wheel_dependencies import MissingDependency, check_complete, find_missing
from tests.unit.sdk.operations.wheel_files import write_wheel


def missing_of(folder, wheels, python="3.13", omitted=()):
    return [each.requirement for each in find_missing(wheels, folder, python, omitted)]


def test_a_set_with_all_that_it_needs_is_complete(tmp_path):
    wheels = [write_wheel(tmp_path, "table", needs=["Rows_of.Cells>=1"]), write_wheel(tmp_path, "rows_of_cells", "1.2")]
    check_complete(wheels, tmp_path, "3.13")


def test_every_missing_package_is_in_one_message(tmp_path):
    wheels = [
        write_wheel(tmp_path, "table", needs=["rows", "cells>=2"]),
        write_wheel(tmp_path, "chart", "3", needs=["axes", "cells"]),
    ]
    with pytest.raises(InputRefused) as refused:
        check_complete(wheels, tmp_path, "3.13")
    for sentence in ("rows (needed by table 1.0)", "cells>=2 (needed by table 1.0)", "axes (needed by chart 3)"):
        assert sentence in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_package_that_the_app_never_imports_can_be_omitted(tmp_path):
    wheels = [write_wheel(tmp_path, "table", needs=["rows", "cells"])]
    assert missing_of(tmp_path, wheels, omitted=["Rows"]) == ["cells"]


@pytest.mark.parametrize(
    ("need", "is_missing"),
    [
        ('cells; python_version >= "3.12"', True),
        ('cells; python_version < "3.12"', False),
        ('cells; python_version < "3.9"', False),  # compared as versions, not as texts
        ('cells; sys_platform == "linux"', True),
        ('cells; sys_platform == "win32" or os_name == "nt"', False),
        ('cells; platform_python_implementation != "CPython"', False),
        ('cells; extra == "fast"', False),
        ('cells; (sys_platform == "linux" and python_full_version >= "3.13.0") or extra == "fast"', True),
    ],
)
def test_a_requirement_counts_where_its_marker_holds_in_an_enclave(tmp_path, need, is_missing):
    wheels = [write_wheel(tmp_path, "table", needs=[need])]
    assert missing_of(tmp_path, wheels) == ["cells"] * is_missing


def test_the_extras_that_a_wheel_asks_for_count(tmp_path):
    wheels = [
        write_wheel(tmp_path, "table", needs=["rows[fast]"]),
        write_wheel(tmp_path, "rows", needs=['cells; extra == "fast"', 'colours; extra == "pretty"']),
    ]
    assert missing_of(tmp_path, wheels) == ["cells"]


def test_another_version_is_named(tmp_path):
    wheels = [write_wheel(tmp_path, "table", needs=["rows>=2"]), write_wheel(tmp_path, "rows", "1.9")]
    assert find_missing(wheels, tmp_path, "3.13") == (MissingDependency("rows>=2", "table 1.0", "1.9"),)


def test_packages_that_need_each_other_are_complete(tmp_path):
    wheels = [write_wheel(tmp_path, "table", needs=["rows"]), write_wheel(tmp_path, "rows", needs=["table"])]
    assert missing_of(tmp_path, wheels) == []


def test_what_is_no_wheel_is_refused_by_name(tmp_path):
    wheel = write_wheel(tmp_path, "table")
    (tmp_path / wheel.filename).write_bytes(b"<html>")
    with pytest.raises(InputRefused, match="is not a wheel"):
        missing_of(tmp_path, [wheel])


def test_a_wheel_without_metadata_is_refused_by_name(tmp_path):
    wheel = write_wheel(tmp_path, "table")
    with zipfile.ZipFile(tmp_path / wheel.filename, "w") as archive:
        archive.writestr("table.py", "")
    with pytest.raises(InputRefused, match="is not a wheel with metadata"):
        missing_of(tmp_path, [wheel])


def test_a_requirement_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputRefused, match="has the invalid requirement 'no such; thing ='"):
        missing_of(tmp_path, [write_wheel(tmp_path, "table", needs=["no such; thing ="])])
