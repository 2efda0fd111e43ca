"""Runs the app in the enclave's sandbox: ``pytest test_app.py``. It needs bubblewrap, and no network."""

import json
from pathlib import Path

from sealgrid.testing import try_app

APP = Path(__file__).parent


def test_the_words_of_all_files_are_counted() -> None:
    """Two files give one result."""
    trial = try_app(APP, files=[("letter.txt", b"Sealed grid"), ("answer.txt", b"sealed")])
    assert json.loads(trial.files["result.json"]) == {"grid": 1, "sealed": 2}


def test_without_a_file_the_app_says_what_it_needs() -> None:
    """A buyer reads the log of an app that failed."""
    trial = try_app(APP)
    assert trial.code == 1
    assert "give at least one text file" in trial.log
