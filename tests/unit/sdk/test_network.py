"""A network file says on which terms its clients believe evidence, and which money and accounts the network has."""

import codecs

import msgspec
import pytest
from msgspec.structs import replace

from sealgrid.attestation.evidence import TcbVersion
from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused
from sealgrid.sdk.network import Root, fingerprint, load_network
from sealgrid.units import to_digest
from tests.unit.attestation.hardware_machines import machine
from tests.unit.sdk.network_file import VAULTS, network


def test_a_root_in_a_network_file_keeps_its_terms():
    der = machine(Platform.SNP).root_der
    root = Root(Platform.SNP, der, traits=("smt",), least_tcb=TcbVersion(snp=24))
    trusted = msgspec.json.decode(msgspec.json.encode(root), type=Root).trusted()
    assert (trusted.platform, trusted.traits, trusted.least_tcb) == (Platform.SNP, {"smt"}, TcbVersion(snp=24))


def test_a_root_without_terms_accepts_nothing_special():
    document = msgspec.json.encode({"platform": 2, "root_ca_der": machine(Platform.TDX).root_der})
    trusted = msgspec.json.decode(document, type=Root).trusted()
    assert (trusted.traits, trusted.statuses) == (frozenset(), frozenset())


def test_the_fingerprint_changes_with_each_pin_and_not_with_a_url():
    plain = network()
    assert fingerprint(replace(plain, market_url="http://elsewhere", name="other")) == fingerprint(plain)
    with_faucet = replace(plain, faucet_url="http://a")
    assert fingerprint(replace(with_faucet, faucet_url="http://b")) == fingerprint(with_faucet)
    for change in (
        {"chain": 1},
        {"genesis": to_digest(b"\7" * 32)},
        {"hub": VAULTS[0]},
        {"broker": VAULTS[0]},
        {"token": VAULTS[0]},
        {"vaults": plain.vaults[:2]},
        {"threshold": 1},
        {"allow_simulated": False},
        {"runtimes": (to_digest(b"\7" * 32),)},
        {"workerpool": VAULTS[0]},
        {"faucet_url": "http://a"},
    ):
        assert fingerprint(replace(plain, **change)) != fingerprint(plain), change


def test_a_shared_network_has_test_money_and_no_development_accounts(tmp_path):
    shared = replace(network(folder=str(tmp_path)), faucet_url="http://127.0.0.1:1")
    assert (shared.has_test_money, shared.has_development_accounts) == (True, False)
    assert (network().has_test_money, network(folder=str(tmp_path)).has_development_accounts) == (False, True)


def test_a_network_file_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "network.json").write_bytes(codecs.BOM_UTF8 + msgspec.json.encode(network()))
    assert load_network(tmp_path / "network.json") == network()


def test_a_network_file_that_cannot_be_read_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "network.json"):
        with pytest.raises(InputRefused, match="cannot be"):
            load_network(path)
