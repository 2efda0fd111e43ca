"""Files and folders of a local network."""

import stat

from sealgrid.localnet.layout import Layout, default_folder, storage_names


def test_the_folder_of_a_part_is_private(tmp_path):
    layout = Layout(tmp_path / "net")
    assert stat.S_IMODE(layout.part("vault-1").stat().st_mode) == 0o700
    assert layout.log("pool") == tmp_path / "net" / "logs" / "pool.log"
    assert layout.storage_settings("storage-2") == tmp_path / "net" / "storage-2" / "settings.json"


def test_storage_nodes_are_numbered_from_the_second_on():
    assert storage_names(1) == ("storage",)
    assert storage_names(3) == ("storage", "storage-2", "storage-3")


def test_the_data_folder_may_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("SEALGRID_HOME", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("SEALGRID_HOME")
    assert default_folder().parts[-2:] == ("sealgrid", "localnet")
