"""The data folder: an explicit one, that of the environment, or the user's."""

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
    from sealgrid.localnet.layout import Layout, default_folder

    for chosen in (None, str(tmp_path)):
        monkeypatch.delenv("SEALGRID_HOME", raising=False) if chosen is None else monkeypatch.setenv(
            "SEALGRID_HOME", chosen
        )
        assert home().network == Layout(default_folder().resolve()).network
