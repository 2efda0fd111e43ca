"""A new vault's settings: written from the network file, read strictly, with keys that nobody else reads."""

import stat
from pathlib import Path

import msgspec
import pytest

from sealgrid.attestation.evidence import TcbVersion
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.errors import InputRefused
from sealgrid.machine.vault_file import create_vault_file
from sealgrid.sdk.network import Network, Root, VaultAddress
from sealgrid.units import to_address
from sealgrid.vault.config import read_config
from sealgrid.vault.keys import load_keys
from tests.unit.sdk.network_file import network

KEYS = SimulatedPlatformKeys.generate(1_800_000_000)
OTHER = VaultAddress(address=to_address(b"\x01" * 20), url="http://127.0.0.1:1")


def simulated() -> Network:
    root = Root(
        platform=Platform.SIMULATED,
        root_ca_der=KEYS.root_der,
        traits=("smt",),
        least_tcb=TcbVersion(snp=3),
    )
    return msgspec.structs.replace(network(), chain=31337, roots=(root,), vaults=(OTHER,), allow_simulated=True)


def test_a_new_vault_has_the_networks_settings_and_keys_of_its_own(tmp_path: Path) -> None:
    path, joined = tmp_path / "new" / "vault.toml", simulated()
    address = create_vault_file(path, joined)
    config, _ = read_config(path)
    assert (config.network.hub, config.network.broker) == (joined.hub, joined.broker)
    assert config.network.vaults == tuple(vault.address for vault in joined.vaults)
    assert config.roots == tuple(root.trusted() for root in joined.roots)
    assert config.peers == ((OTHER.address, OTHER.url),)
    assert (config.storage_url, config.insecure_allow_simulated) == (joined.storage_url, True)
    assert load_keys(config.key_source).address == address
    keys = sorted((path.parent / "vault-data" / "keys").iterdir())
    assert [each.name for each in keys] == ["at-rest.key", "deposit.key", "signing.key"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in keys} == {0o600}
    assert not any(each.read_bytes().hex() in path.read_text() for each in keys)


def test_settings_that_exist_stay(tmp_path: Path) -> None:
    path = tmp_path / "vault.toml"
    create_vault_file(path, simulated())
    before = path.read_text()
    with pytest.raises(InputRefused, match="exists"):
        create_vault_file(path, simulated())
    path.unlink()
    create_vault_file(path, simulated())
    assert path.read_text() == before, "the keys of the first call stay, and so the vault"


def test_two_vaults_in_one_folder_have_keys_and_roots_of_their_own(tmp_path: Path) -> None:
    first = create_vault_file(tmp_path / "one.toml", simulated())
    root = (tmp_path / "one-root-0.der").read_bytes()
    other = msgspec.structs.replace(simulated().roots[0], root_ca_der=b"another root")
    second = create_vault_file(tmp_path / "two.toml", msgspec.structs.replace(simulated(), roots=(other,)))
    assert first != second
    assert ((tmp_path / "one-root-0.der").read_bytes(), (tmp_path / "two-root-0.der").read_bytes()) == (
        root,
        b"another root",
    )
    config, _ = read_config(tmp_path / "one.toml")
    assert load_keys(config.key_source).address == first


def test_on_a_public_chain_a_second_node_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "vault.toml"
    create_vault_file(path, msgspec.structs.replace(simulated(), chain=1))
    assert "add a second node" in path.read_text()
    with pytest.raises(InputRefused, match="two nodes of different operators"):
        read_config(path)
