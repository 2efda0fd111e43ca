"""``sealgrid setup`` says how large the files are, and fetches nothing without a yes."""

from pathlib import Path

import pytest

from sealgrid.localnet import downloads as module
from sealgrid.localnet.downloads import WHEELS_MEGABYTES, downloads
from tests.unit.cli.cli_runner import CliResult, run_cli


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was fetched, into an empty cache."""
    names: list[str] = []
    monkeypatch.setenv("SEALGRID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "fetch_all", lambda items, cache, on_step: names.extend(item.name for item in items))
    monkeypatch.setattr(module, "fetch_wheels", lambda cache, on_step: names.append("wheels"))
    monkeypatch.setattr(module, "need_program", lambda program, *rest: names.append(program))
    model = tmp_path / "cache" / "models" / "plate_reader.zip"
    model.parent.mkdir(parents=True)
    model.touch()
    return names


def setup(tmp_path: Path, *words: str) -> CliResult:
    return run_cli("setup", *words, home=tmp_path / "home", folder=tmp_path)


def test_every_file_is_listed_with_its_size_and_the_sum_and_then_fetched(tmp_path: Path, fetched: list[str]):
    ended = setup(tmp_path, "--yes")
    items = downloads()
    assert fetched == [*(item.name for item in items), "wheels", "bwrap"]
    for item in items:
        assert f"{item.megabytes:>5} MB  {item.name} ({item.why})" in ended.out
    assert f"{sum(item.megabytes for item in items) + WHEELS_MEGABYTES:>5} MB  altogether, in {tmp_path}" in ended.out
    assert "start a network with: sealgrid up" in ended.out


def test_without_a_terminal_and_without_yes_nothing_is_fetched(tmp_path: Path, fetched: list[str]):
    ended = setup(tmp_path)
    assert (ended.code, "run: sealgrid setup --yes" in ended.err) == (1, True)
    assert fetched == []


def test_a_no_fetches_nothing(tmp_path: Path, fetched: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *words, **options: False)
    assert setup(tmp_path).code == 1
    assert fetched == []
