"""The data folder: an explicit one, that of the environment, or the user's."""

from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import Layout, default_folder
from sealgrid.sdk.stores.home import home


def test_an_explicit_folder_precedes_the_environment_and_the_users_default(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.delenv("SEALGRID_HOME", raising=False)
    assert home().jobs == tmp_path / "share" / "sealgrid" / "jobs"
    assert home().network == tmp_path / "share" / "sealgrid" / "localnet" / "network.json"
    monkeypatch.setenv("SEALGRID_HOME", str(tmp_path / "mine"))
    assert home().jobs == tmp_path / "mine" / "jobs"
    assert home(tmp_path / "other").network == tmp_path / "other" / "network.json"


def test_the_local_network_writes_its_file_where_clients_read_it(tmp_path, monkeypatch):
    for chosen in (None, str(tmp_path)):
        monkeypatch.delenv("SEALGRID_HOME", raising=False) if chosen is None else monkeypatch.setenv(
            "SEALGRID_HOME", chosen
        )
        assert home().network == Layout(default_folder().resolve()).network


def test_a_user_without_a_home_directory_is_told_what_to_set(monkeypatch):
    for name in ("SEALGRID_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for homeless in (raise_homeless, lambda name: "~/.local/share/sealgrid"):
        monkeypatch.setattr("platformdirs.user_data_dir", homeless)
        with pytest.raises(InputRefused, match="set HOME, or choose a data folder with --home DIR or SEALGRID_HOME"):
            home()
        with pytest.raises(InputRefused, match="set HOME"):
            default_folder()
    assert home("/data").jobs == Path("/data/jobs")


def raise_homeless(name: str) -> str:
    raise RuntimeError("Could not determine home directory.")
