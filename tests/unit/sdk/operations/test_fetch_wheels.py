"""The requirements of an app are resolved and fetched by pip, here from a folder of wheels in place of an index."""

import pytest

from sealgrid.bundle.interpreter import running_python
from sealgrid.errors import InputRefused, SetupMissing
from sealgrid.sdk.operations import fetch_wheels as fetching
from sealgrid.sdk.operations.fetch_wheels import fetch_wheels, locked_wheels, requirements_of, write_lock
from tests.unit.sdk.operations.wheel_files import write_wheel

PYTHON = running_python()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Return the folder that pip takes packages from."""
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(tmp_path / "index"), "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


@pytest.fixture
def app(tmp_path):
    (tmp_path / "app").mkdir()

    def require(*lines):
        (tmp_path / "app" / "requirements.txt").write_text("\n".join(lines) + "\n")
        return tmp_path / "app"

    return require


def fetched(folder, python=PYTHON):
    return fetch_wheels(requirements_of(folder), folder / "wheels", python)


def test_a_requirement_brings_what_it_needs(app, index):
    write_wheel(index, "rows", "1.0")
    expected = (write_wheel(index, "rows", "1.5"), write_wheel(index, "table", "2.0", needs=["rows>=1"]))
    folder = app("table")
    assert fetched(folder) == expected
    assert {path.name for path in (folder / "wheels").glob("*.whl")} == {wheel.filename for wheel in expected}


def test_equal_requirements_are_resolved_once(app, index):
    write_wheel(index, "rows", "1.0")
    folder = app("rows")
    first = fetched(folder)
    write_wheel(index, "rows", "2.0")
    assert fetched(folder) == first
    assert fetched(app("rows>=1"))[0].version == "2.0"


def test_a_fetched_wheel_that_was_removed_is_fetched_again(app, index):
    wheel = write_wheel(index, "rows")
    folder = app("rows")
    fetched(folder)
    (folder / "wheels" / wheel.filename).unlink()
    assert fetched(folder) == (wheel,)
    assert (folder / "wheels" / wheel.filename).is_file()


def test_the_wheels_of_another_python_are_fetched_for_it(app, index):
    other = "3.12" if PYTHON != "3.12" else "3.13"
    digits = other.replace(".", "")
    write_wheel(index, "rows", tag=f"cp{PYTHON.replace('.', '')}-none-any")
    expected = write_wheel(index, "rows", tag=f"cp{digits}-cp{digits}-manylinux_2_17_x86_64")
    assert fetched(app("rows"), other) == (expected,)


def test_a_lock_pins_versions_and_hashes(app, index):
    wheel = write_wheel(index, "rows", "1.0")
    folder = app("rows")
    assert write_lock(folder, fetched(folder)).read_text().endswith(f"\nrows==1.0 --hash=sha256:{wheel.sha256[2:]}\n")
    write_wheel(index, "rows", "2.0")
    assert requirements_of(folder).name == "requirements.lock"
    assert fetched(folder) == (wheel,)


def test_a_lock_with_all_its_wheels_needs_no_pip(app, index, monkeypatch):
    wheels = write_wheel(index, "rows", "1.0"), write_wheel(index, "table", "2.0", needs=["rows"])
    folder = app("table")
    write_lock(folder, fetched(folder))
    monkeypatch.setattr(fetching.sys, "executable", "/no/python")
    assert fetched(folder) == wheels
    text = (folder / "requirements.lock").read_text()
    assert locked_wheels(text + "--index-url https://example.org\n", folder / "wheels", PYTHON) is None
    assert locked_wheels(text.replace("rows==1.0", "rows==1.1"), folder / "wheels", PYTHON) is None
    (folder / "wheels" / wheels[0].filename).write_bytes(b"other")
    assert locked_wheels(text, folder / "wheels", PYTHON) is None


def test_other_bytes_than_the_lock_pins_are_refused_in_pips_words(app, index):
    write_wheel(index, "rows", "1.0")
    folder = app("rows")
    write_lock(folder, fetched(folder))
    for path in (folder / "wheels").iterdir():
        path.unlink()
    write_wheel(index, "rows", "1.0", needs=["colours"])
    with pytest.raises(InputRefused, match="DO NOT MATCH THE HASHES"):
        fetched(folder)


def test_a_lock_of_other_requirements_is_refused(app, index):
    write_wheel(index, "rows")
    folder = app("rows")
    write_lock(folder, fetched(folder))
    with pytest.raises(InputRefused, match=r"was changed after requirements.lock was written; run sealgrid app lock"):
        requirements_of(app("rows", "cells"))


def test_what_pip_cannot_find_is_named(app, index):
    with pytest.raises(InputRefused) as refused:
        fetched(app("no-such-package"))
    assert f"pip cannot fetch the wheels of requirements.txt for Python {PYTHON}" in str(refused.value)
    assert "no-such-package" in str(refused.value)


def test_a_pip_that_does_not_end_is_one_error(app, index, monkeypatch):
    write_wheel(index, "rows")
    monkeypatch.setattr(fetching, "_FETCH_SECONDS", 0)
    with pytest.raises(InputRefused, match=r"pip did not fetch the wheels of requirements\.txt within"):
        fetched(app("rows"))


def test_without_pip_the_error_names_the_other_way(app, monkeypatch):
    monkeypatch.setattr(fetching.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SetupMissing, match="put the wheels into the app's folder 'wheels'"):
        fetched(app("rows"))


def test_a_folder_without_requirements_has_none(tmp_path):
    assert requirements_of(tmp_path) is None
