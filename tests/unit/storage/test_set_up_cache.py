"""The files that set-up fetched lie in the checkout, or in the user's cache for an installed package."""

from pathlib import Path

import pytest

from sealgrid.storage import set_up_cache as module
from sealgrid.storage.set_up_cache import ENVIRONMENT, checkout_folder, set_up_cache

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def test_in_a_checkout_they_lie_there():
    assert (checkout_folder(), set_up_cache()) == (ROOT, ROOT / ".cache")


def test_an_installed_package_has_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_CHECKOUT", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert (checkout_folder(), set_up_cache()) == (None, tmp_path / "cache" / "sealgrid")


def test_a_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    assert set_up_cache() == tmp_path
