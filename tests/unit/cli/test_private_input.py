"""Secrets are read from files and standard input."""

import io

import pytest

from sealgrid.cli.private_input import parse_secrets, read_secret
from sealgrid.errors import InputRefused


def test_secrets_are_read_from_files_by_number(tmp_path):
    (tmp_path / "one").write_text("the first\n")
    (tmp_path / "two").write_bytes("zwei\nZeilen ü\r\n".encode())
    assert parse_secrets([f"1={tmp_path / 'one'}", f"7={tmp_path / 'two'}"]) == {1: "the first", 7: "zwei\nZeilen ü"}


def test_a_secret_may_come_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\n")))
    assert read_secret("-") == "from a pipe"


@pytest.mark.parametrize("option", ["token", "1", "1=", "one=file", "=file", "²=file"])
def test_an_option_that_is_not_a_number_and_a_file_is_refused(option):
    with pytest.raises(InputRefused, match="write NUMBER=FILE"):
        parse_secrets([option])


def test_a_number_given_twice_and_a_file_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "one").write_text("x")
    for options in ([f"1={tmp_path / 'one'}"] * 2, ["1=/nowhere"], [f"1={tmp_path / 'binary'}"]):
        with pytest.raises(InputRefused):
            parse_secrets(options)
