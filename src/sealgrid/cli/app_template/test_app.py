"""Runs the app in the enclave's sandbox: ``pytest test_app.py``. It needs bubblewrap, and no network."""

import json
from pathlib import Path

import pytest

import sealgrid
from sealgrid.testing import try_app

APP = Path(__file__).parent


def test_the_words_of_all_files_are_counted() -> None:
    """Two files give one result."""
    trial = try_app(APP, files=[("letter.txt", b"Sealed grid"), ("answer.txt", b"sealed")])
    assert json.loads(trial.files["result.json"]) == {"grid": 1, "sealed": 2}


def test_a_run_without_a_file_cannot_be_bought() -> None:
    """The [inputs] of app.toml refuse it, as they do before a purchase."""
    with pytest.raises(sealgrid.InputMismatch):
        try_app(APP)


def test_a_file_that_is_no_text_fails() -> None:
    """A buyer whose client checks nothing pays for a failed run, and reads its log."""
    trial = try_app(APP, files=[("letter.txt", b"\xff\xfe\xfd")], check=False)
    assert trial.code == 1
    assert "UnicodeDecodeError" in trial.log
