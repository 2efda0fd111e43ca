"""Files of a market, a storage node and pages: written with their defaults, read strictly, with the network beside."""

import stat
import tomllib
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.machine.service_files import KEY, NETWORK, MarketFile, ServiceFile, StorageFile, WebFile, create_file
from sealgrid.sdk.network import load_network
from sealgrid.wire.settings_file import read_settings
from tests.unit.cli.cli_runner import run_cli
from tests.unit.sdk.network_file import network

KINDS = pytest.mark.parametrize("kind", [MarketFile, StorageFile, WebFile])


@KINDS
def test_a_new_file_has_the_defaults_of_its_kind_and_can_be_read(tmp_path: Path, kind: type[ServiceFile]):
    path = tmp_path / "new" / "CONFIG.toml"
    create_file(path, kind, network())
    assert read_settings(path, kind, "it") == kind()  # type: ignore[call-arg]
    assert {"network", "folder", "host", "port", "public_url", "admin"} <= tomllib.loads(path.read_text()).keys()
    assert load_network(path.parent / NETWORK).hub == network().hub
    assert (path.parent / KEY).exists() == (kind is WebFile)
    with pytest.raises(InputRefused, match="exists"):
        create_file(path, kind, network())


def test_the_settings_of_each_service_are_those_of_its_file(tmp_path: Path):
    path = tmp_path / "CONFIG.toml"
    create_file(path, WebFile, network())
    account = "0x" + "AB" * 20
    market = MarketFile(orders_per_signer=5, admin="127.0.0.1:9100").config(tmp_path)
    storage = StorageFile(services=(account,), public_url="https://files.example").config(tmp_path)
    web = WebFile(certificate="chain.pem", certificate_key="key.pem").config(tmp_path, tmp_path / "scripts")
    assert (market.network, market.orders_per_signer) == (network().identity, 5)
    assert market.access.admin_address == ("127.0.0.1", 9100)
    assert (storage.url, storage.services) == ("https://files.example", frozenset({account.lower()}))
    assert (storage.domain, storage.access.requests_per_minute) == (network().identity.domain, 3000)
    assert (web.network.hub, web.data, web.access.certificate) == (network().hub, None, str(tmp_path / "chain.pem"))
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600


def test_a_malformed_account_of_a_storage_node_is_refused(tmp_path: Path):
    create_file(tmp_path / "CONFIG.toml", StorageFile, network())
    with pytest.raises(InputRefused, match="services"):
        StorageFile(services=("0x12",)).config(tmp_path)


@pytest.mark.parametrize("line", ["port = 'x'", "unknown = 1", "admin = '9100'", "listeners = ["])
def test_a_file_that_does_not_describe_a_service_is_refused(tmp_path: Path, line: str):
    path = tmp_path / "CONFIG.toml"
    path.write_text(line)
    refused = run_cli("market", "run", path, home=tmp_path)
    assert (refused.code, "does not describe a market" in refused.err) == (1, True)
