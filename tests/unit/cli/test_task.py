"""``sealgrid task``: runs whose result keys are in the data folder."""

import pytest

from tests.unit.cli.cli_runner import run_cli


@pytest.fixture
def sealgrid(tmp_path):
    return lambda *words: run_cli(*words, home=tmp_path / "home")


def test_without_any_job_the_list_is_empty(sealgrid):
    ended = sealgrid("task", "list")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
