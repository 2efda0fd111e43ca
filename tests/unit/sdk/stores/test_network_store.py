"""Joined networks are stored by name, and a command uses the named one, else the only one."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from sealgrid.errors import InputRefused, NetworkNotRunning, NotFound
from sealgrid.sdk.stores.home import home
from sealgrid.sdk.stores.network_store import ENVIRONMENT, NetworkStore, choose_network
from sealgrid.units import to_digest
from tests.unit.sdk.network_file import network

OTHER = to_digest(b"\7" * 32)


@pytest.fixture
def store(tmp_path: Path) -> NetworkStore:
    return NetworkStore(tmp_path / "networks")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def test_a_stored_network_is_read_again_under_its_name(store: NetworkStore):
    store.store("office", network())
    assert store.read("office") == network()
    assert store.names() == ("office",)


def test_the_same_network_may_be_joined_again_with_new_urls(store: NetworkStore):
    store.store("office", network())
    store.store("office", replace(network(), market_url="http://moved"))
    assert store.read("office").market_url == "http://moved"


def test_a_network_with_other_pins_does_not_take_a_name_in_use(store: NetworkStore):
    store.store("office", network())
    with pytest.raises(InputRefused, match=r"'office' was joined with other pins; .*sealgrid network leave office"):
        store.store("office", network(genesis=OTHER))
    assert store.read("office") == network()


@pytest.mark.parametrize("name", ["local", "", "-x", "a/b", "../x", "Office", "x" * 41])
def test_an_invalid_name_is_refused(store: NetworkStore, name: str):
    with pytest.raises(InputRefused, match="not a valid name of a joined network"):
        store.store(name, network())


def test_an_unknown_network_is_refused_with_those_that_were_joined(store: NetworkStore):
    store.store("office", network())
    with pytest.raises(NotFound, match=r"no network 'home' was joined \(joined: office\)"):
        store.read("home")


def test_a_network_that_was_left_is_gone(store: NetworkStore):
    store.store("office", network())
    store.remove("office")
    assert store.names() == ()
    with pytest.raises(NotFound):
        store.remove("office")


def write_local(folder: Path) -> None:
    (folder / "network.json").write_bytes(msgspec.json.encode(network(folder=str(folder))))


def test_the_running_local_network_is_the_default(tmp_path: Path, store: NetworkStore):
    write_local(tmp_path)
    store.store("office", network())
    assert choose_network(home(tmp_path)).folder == str(tmp_path)


def test_the_only_joined_network_is_the_default_where_no_local_one_was_started(tmp_path: Path, store: NetworkStore):
    store.store("office", network())
    assert choose_network(home(tmp_path)) == network()


def test_where_a_local_network_is_stopped_no_other_takes_its_place(tmp_path: Path, store: NetworkStore):
    (tmp_path / "supervisor.lock").touch()
    store.store("office", network())
    with pytest.raises(NetworkNotRunning, match="sealgrid up, or name one with --network: office"):
        choose_network(home(tmp_path))


def test_of_several_joined_networks_one_is_named(tmp_path: Path, store: NetworkStore):
    store.store("office", network())
    store.store("lab", network(genesis=OTHER))
    with pytest.raises(InputRefused, match="name one with --network: lab, office"):
        choose_network(home(tmp_path))
    assert choose_network(home(tmp_path), "lab").genesis == OTHER


def test_the_environment_names_the_network_unless_an_argument_does(
    tmp_path: Path, store: NetworkStore, monkeypatch: pytest.MonkeyPatch
):
    store.store("office", network())
    store.store("lab", network(genesis=OTHER))
    monkeypatch.setenv(ENVIRONMENT, "lab")
    assert choose_network(home(tmp_path)).genesis == OTHER
    assert choose_network(home(tmp_path), "office") == network()


def test_local_names_the_network_of_the_data_folder(tmp_path: Path, store: NetworkStore):
    write_local(tmp_path)
    store.store("office", network())
    assert choose_network(home(tmp_path), "local").folder == str(tmp_path)


def test_a_file_can_be_named(tmp_path: Path):
    write_local(tmp_path)
    file = tmp_path / "network.json"
    assert choose_network(home(tmp_path / "x"), file) == choose_network(home(tmp_path / "x"), str(file))
    with pytest.raises(InputRefused, match=r"the network file nowhere\.json does not exist"):
        choose_network(home(tmp_path), "nowhere.json")


def test_without_any_network_the_ways_to_one_are_said(tmp_path: Path):
    with pytest.raises(NetworkNotRunning, match=r"start one \(sealgrid up\)"):
        choose_network(home(tmp_path))
