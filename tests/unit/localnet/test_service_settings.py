"""Access settings of a local network's services are read from the file that the how-to shows."""

import re
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import Layout
from sealgrid.localnet.public_address import ON_LOOPBACK, PublicAddress
from sealgrid.localnet.service_settings import NAMES, ServiceSettings
from sealgrid.wire.service_access import ONE_MACHINE, ServiceAccess

HOW_TO = (Path(__file__).parents[3] / "docs" / "howto" / "behind-a-proxy.md").read_text()


def read_settings(folder: Path, text: str) -> ServiceSettings:
    (folder / "services.toml").write_text(text)
    return ServiceSettings(Layout(folder))


def test_without_the_file_every_service_is_on_one_machine(tmp_path: Path):
    assert {ServiceSettings(Layout(tmp_path)).of(name) for name in NAMES} == {ONE_MACHINE}


def test_the_file_that_the_howto_shows_is_read(tmp_path: Path):
    (block,) = re.findall(r"```toml\n(.*?)```", HOW_TO, re.DOTALL)
    services = read_settings(tmp_path, block)
    assert services.of("web") == ServiceAccess(public_url="https://app.example", trusted_proxies=("127.0.0.1",))
    assert services.of("vault-1").requests_per_minute == 120
    assert services.of("platform") == ONE_MACHINE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[vault-9]\n", "'vault-9'"),
        ("[web]\npublic_urls = ''\n", "public_urls"),
        ("[web", "services.toml"),
        ('[web]\npublic_url = "app.example"\n', "not a valid origin"),
    ],
)
def test_a_malformed_file_is_refused_with_the_reason(tmp_path: Path, text: str, message: str):
    with pytest.raises(InputRefused, match=message):
        read_settings(tmp_path, text)


def test_the_howto_gives_every_setting_and_its_default():
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \|", HOW_TO, re.MULTILINE)
    defaults = {name: getattr(ServiceAccess(), name) for name in ServiceAccess.__struct_fields__}
    assert {name: "none" if value in {"", ()} else f"{value:g}" for name, value in defaults.items()} == dict(rows)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path):
    services = read_settings(tmp_path, '\ufeff[web]\npublic_url = "https://app.example"\n')
    assert services.of("web").public_url == "https://app.example"


def test_a_file_in_another_encoding_is_refused(tmp_path: Path):
    (tmp_path / "services.toml").write_bytes('[web]\npublic_url = "https://m\xfcnchen.example"\n'.encode("latin-1"))
    with pytest.raises(InputRefused, match="cannot be used"):
        ServiceSettings(Layout(tmp_path))


ADDRESS = PublicAddress("grid.example", "192.0.2.1", Path("/c.pem"), Path("/k.pem"))


def test_a_shared_service_has_limits_its_public_name_and_its_certificate(tmp_path: Path):
    access = ServiceSettings(Layout(tmp_path), ADDRESS).of("web", "https://grid.example:8553")
    assert (access.requests_per_minute, access.connections_per_client) == (600, 64)
    assert access.public_url == "https://grid.example:8553"
    assert access.is_own_host("grid.example:8553")
    assert access.allows_origin("https://grid.example:8553", "grid.example:8553")
    assert (access.certificate, access.certificate_key) == ("/c.pem", "/k.pem")


def test_other_services_of_a_shared_network_are_not_limited(tmp_path: Path):
    assert ServiceSettings(Layout(tmp_path), ADDRESS).of("pool").is_trusted_proxy("192.0.2.1")


def test_a_shared_service_behind_a_proxy_keeps_its_own_settings(tmp_path: Path):
    (tmp_path / "services.toml").write_text('[pool]\npublic_url = "https://pool.example"\nrequests_per_minute = 7\n')
    access = ServiceSettings(Layout(tmp_path), ON_LOOPBACK).of("pool", "http://127.0.0.1:1")
    assert (access.public_url, access.requests_per_minute) == ("https://pool.example", 7)


def test_the_platform_of_a_shared_network_stays_on_one_machine(tmp_path: Path):
    assert ServiceSettings(Layout(tmp_path), ADDRESS).of("platform") == ONE_MACHINE
