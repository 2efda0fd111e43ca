"""A network file of another machine is read without what concerns that machine, and checked."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.sdk.network import Network, VaultAddress
from sealgrid.sdk.operations.join_network import fetch_network, parse_network
from tests.unit.sdk.network_file import VAULTS, network

PUBLIC = "http://192.0.2.1:8553"


def public_network() -> Network:
    urls = dict.fromkeys(
        ("rpc_url", "market_url", "pool_url", "storage_url", "web_url", "sms_url", "faucet_url", "authority_url"),
        PUBLIC,
    )
    return replace(network(), vaults=tuple(VaultAddress(vault, PUBLIC) for vault in VAULTS), **urls)


def parse(made: Network, *, from_elsewhere: bool = True) -> Network:
    return parse_network(msgspec.json.encode(made), "the file", from_elsewhere=from_elsewhere)


def test_a_public_file_is_taken_as_it_is():
    assert parse(public_network()) == public_network()


def test_a_folder_and_a_platform_of_the_other_machine_are_dropped(tmp_path: Path):
    taken = parse(replace(public_network(), folder=str(tmp_path), platform_url=PUBLIC))
    assert (taken.folder, taken.platform_url) == ("", "")
    assert not taken.has_development_accounts


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", b"\xff", b"[" * 100_000])
def test_1_what_is_no_network_file_is_refused(content: bytes):
    with pytest.raises(InputRefused, match="the file is not a network file"):
        parse_network(content, "the file", from_elsewhere=True)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://192.0.2.1", "192.0.2.1:8545", "http://"])
@pytest.mark.parametrize(
    "field", ["rpc_url", "market_url", "pool_url", "storage_url", "faucet_url", "web_url", "authority_url"]
)
def test_2_a_url_of_another_kind_is_refused(field: str, url: str):
    with pytest.raises(InputRefused, match="not an http or https URL"):
        parse(replace(public_network(), **{field: url}))


def test_2_a_vaults_url_is_checked_too():
    with pytest.raises(InputRefused, match="not an http or https URL"):
        parse(replace(public_network(), vaults=(VaultAddress(VAULTS[0], "file:///x"),)))


@pytest.mark.parametrize("url", ["http://[x", "http://192.0.2.1:99999"])
async def test_2_a_url_that_is_not_valid_is_refused(url: str):
    with pytest.raises(InputRefused, match="is not a valid URL"):
        parse(replace(public_network(), rpc_url=url))
    with pytest.raises(InputRefused, match="is not a valid URL"):
        await fetch_network(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "wallet.localhost",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0",
    ],
)
def test_3_a_file_from_elsewhere_that_names_this_machine_is_refused(host: str):
    made = replace(public_network(), rpc_url=f"http://{host}:8545")
    with pytest.raises(InputRefused, match=r"which is this machine; .* sealgrid up --host ADDRESS"):
        parse(made)
    assert parse(made, from_elsewhere=False) == made


def test_2_a_mirror_of_an_object_store_is_accepted():
    made = replace(
        public_network(), storage_mirrors=("s3://models/sealed?region=eu-west-1", "https://ipfs.example/ipfs")
    )
    assert parse(made) == made


@pytest.mark.parametrize("url", ["ftp://files.example", "az://files", "s3://b?secret_access_key=hunter2"])
@pytest.mark.parametrize("from_elsewhere", [True, False])
def test_2_a_mirror_that_every_later_command_would_refuse_is_refused(url: str, from_elsewhere: bool):
    with pytest.raises(InputRefused, match="a mirror of the network file cannot be used here") as refused:
        parse(replace(public_network(), storage_mirrors=(url,)), from_elsewhere=from_elsewhere)
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(
    "url", ["file:///srv", "https://localhost/ipfs", "s3://m?endpoint=https://127.0.0.1", "http://files.example/ipfs"]
)
def test_3_a_mirror_on_this_machine_or_without_https_from_elsewhere_is_refused(url: str):
    made = replace(public_network(), storage_mirrors=(url,))
    with pytest.raises(InputRefused, match="mirror"):
        parse(made)
    assert parse(made, from_elsewhere=False) == made


async def test_4_a_chain_that_does_not_answer_is_named(tmp_path: Path):
    file = tmp_path / "network.json"
    file.write_bytes(msgspec.json.encode(network()))
    with pytest.raises(ServiceUnavailable, match="the chain's node does not answer"):
        await fetch_network(str(file))


async def test_a_source_that_is_neither_url_nor_file_is_refused():
    with pytest.raises(InputRefused, match="give a URL with http:// or https://, or a network file"):
        await fetch_network("grid.example")
