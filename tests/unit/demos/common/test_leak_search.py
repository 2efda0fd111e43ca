"""The search for leaks finds planted byte windows, also across chunks, and nothing else."""

import os
from pathlib import Path

import pytest

from sealgrid.demos.common import leak_search
from sealgrid.demos.common.leak_search import WINDOW_BYTES, search, windows


def test_a_planted_window_is_found_and_named(tmp_path: Path):
    secret = os.urandom(10_000)
    (tmp_path / "log").write_bytes(b"x" * 500 + windows(secret)[3] + b"y" * 500)
    (tmp_path / "clean").write_bytes(os.urandom(500))
    result = search([tmp_path], {"the model": secret})
    assert result.files == 2
    assert result.found == (f"the model in {tmp_path / 'log'}",)


def test_a_window_across_two_chunks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leak_search, "CHUNK_BYTES", 256)
    secret = os.urandom(5_000)
    (tmp_path / "file").write_bytes(b"x" * (256 - WINDOW_BYTES // 2) + windows(secret)[0] + b"y" * 100)
    assert search([tmp_path], {"it": secret}).found != ()


def test_files_without_the_secret_are_clean(tmp_path: Path):
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    assert search([tmp_path], {"it": os.urandom(5_000)}).found == ()


def test_windows_of_few_different_bytes_are_not_searched():
    assert windows(bytes(100_000)) == []
    assert len(windows(os.urandom(100_000))) >= leak_search.WINDOWS
