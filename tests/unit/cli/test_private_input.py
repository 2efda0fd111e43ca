"""Secrets and passwords are read from files and standard input, as editors of every system write them."""

import io
import sys
from pathlib import Path

import pytest

from sealgrid.cli.private_input import read_inputs, read_password, read_secret
from sealgrid.errors import InputRefused


def test_secrets_are_read_from_files_by_number(tmp_path):
    (tmp_path / "one").write_text("the first\n")
    (tmp_path / "two").write_bytes("zwei\nZeilen ü\r\n".encode())
    _, secrets = read_inputs([], [f"1={tmp_path / 'one'}", f"7={tmp_path / 'two'}"])
    assert secrets == {1: "the first", 7: "zwei\nZeilen ü"}


def test_a_secret_may_come_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\n")))
    assert read_secret("-") == "from a pipe"


@pytest.mark.parametrize("option", ["token", "1", "1=", "one=file", "=file", "²=file"])
def test_an_option_that_is_not_a_number_and_a_file_is_refused(option):
    with pytest.raises(InputRefused, match="write NUMBER=FILE"):
        read_inputs([], [option])


def test_a_number_given_twice_and_a_file_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "one").write_text("x")
    for options in ([f"1={tmp_path / 'one'}"] * 2, ["1=/nowhere"], [f"1={tmp_path / 'binary'}"]):
        with pytest.raises(InputRefused):
            read_inputs([], options)


def test_a_secret_has_no_byte_order_mark(tmp_path):
    (tmp_path / "windows").write_bytes("\ufefftoken\r\n".encode())
    assert read_secret(tmp_path / "windows") == "token"


@pytest.mark.parametrize(
    "content",
    [
        "pässwörd\n".encode(),
        "pässwörd".encode(),
        "pässwörd\r\nanother line\r\n".encode(),
        "\ufeffpässwörd\r\n".encode(),
        "pässwörd\r\n".encode("utf-16"),
    ],
    ids=["line end", "no line end", "CRLF", "byte order mark", "UTF-16"],
)
def test_a_password_is_the_first_line_of_its_file(tmp_path, content):
    (tmp_path / "password").write_bytes(content)
    assert read_password("alice", tmp_path / "password") == "pässwörd"


def test_spaces_are_part_of_a_password(tmp_path):
    (tmp_path / "password").write_text(" correct horse \n")
    assert read_password("alice", tmp_path / "password") == " correct horse "


def test_a_password_file_in_another_encoding_is_refused_without_its_content(tmp_path):
    (tmp_path / "password").write_bytes("pässwörd".encode("latin-1"))
    with pytest.raises(InputRefused, match="save it as UTF-8") as refused:
        read_password("alice", tmp_path / "password")
    assert "ssw" not in str(refused.value).replace("password", "")


def test_a_password_file_that_does_not_exist_is_one_error(tmp_path):
    with pytest.raises(InputRefused, match="cannot be read"):
        read_password("alice", tmp_path / "nowhere")


def test_standard_input_may_be_one_input_file(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff[1]")))
    assert read_inputs([Path("a.json"), Path("-")], None) == ([Path("a.json"), ("input", b"\xff[1]")], {})


@pytest.mark.parametrize(
    ("files", "secrets"),
    [([Path("-"), Path("-")], []), ([Path("-")], ["1=-"]), (None, ["1=-", "2=-"])],
    ids=["two files", "a file and a secret", "two secrets"],
)
def test_standard_input_is_not_read_twice(monkeypatch, files, secrets):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"once")))
    with pytest.raises(InputRefused, match="can be one file or one secret; give - once"):
        read_inputs(files, secrets)
    assert sys.stdin.buffer.read() == b"once"
