"""Settings of services, derived from the network file."""

import stat

import pytest

from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.chain.accounts import development_key
from sealgrid.chain.deploy import Deployment
from sealgrid.localnet.layout import Layout
from sealgrid.localnet.prepare import Foundation
from sealgrid.localnet.service_configs import (
    WORKERS,
    ServiceUrls,
    market_config,
    network_file,
    pool_config,
    vault_config,
    vault_names,
    worker_config,
)
from sealgrid.pool.config import read_key
from sealgrid.sdk.network import VaultAddress
from sealgrid.units import to_address, to_digest
from sealgrid.wire.platform import RuntimeMeasurement
from sealgrid.wire.service_access import ONE_MACHINE


def address(number: int):
    return to_address(number.to_bytes(20, "big"))


CONTRACTS = ("hub", "token", "app_registry", "dataset_registry", "workerpool_registry", "broker")
DEPLOYMENT = Deployment(
    chain=31337,
    genesis=to_digest(b"\1" * 32),
    categories={"Short": 4},
    **{name: address(number) for number, name in enumerate(CONTRACTS, 1)},
)
ROOT_DER = SimulatedQuoter(SimulatedPlatformKeys.generate(1_700_000_000), now=1_700_000_000).root_der
MEASURED = RuntimeMeasurement(platform=255, runtime=to_digest(b"\2" * 32), root_ca_der=ROOT_DER, files=9, python="3.12")


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


@pytest.fixture
def network(layout):
    urls = ServiceUrls(
        chain="http://chain",
        vaults=tuple(VaultAddress(each, f"http://{name}") for each, name in vault_names(layout, 3).items()),
        storage="http://storage",
        market="http://market",
        pool="http://pool",
        platform="http://platform",
    )
    return network_file(layout, Foundation(deployment=DEPLOYMENT, workerpool=address(9)), MEASURED, urls)


def test_vaults_keep_their_keys_and_are_listed_by_address(layout):
    names = vault_names(layout, 3)
    assert list(names) == sorted(names)
    assert set(names.values()) == {"vault-1", "vault-2", "vault-3"}
    assert vault_names(layout, 3) == names


def test_a_vault_watches_the_others_and_reads_the_chain_twice(layout, network):
    own = {name: each for each, name in vault_names(layout, 3).items()}["vault-2"]
    config = vault_config(layout, "vault-2", network, ONE_MACHINE)
    assert {peer for peer, _ in config.peers} == {each.address for each in network.vaults} - {own}
    assert config.network.rpc_urls == ("http://chain", "http://chain")
    assert [root.root_ca_der for root in config.roots] == [ROOT_DER]


def test_pool_and_worker_have_private_files_with_their_own_keys(layout, network):
    pool, worker = pool_config(layout, network, ONE_MACHINE), worker_config(layout, network, "worker2")
    assert read_key(pool.key_file).address == development_key("pool").address
    assert worker.key_file.read_text() == development_key("worker2").secret.hex()
    assert {stat.S_IMODE(file.stat().st_mode) for file in (pool.key_file, worker.key_file)} == {0o600}
    assert pool.workers == {development_key(name).address for name in WORKERS}
    assert [machine.runtime for machine in pool.machines] == [MEASURED.runtime]


def test_every_service_belongs_to_the_same_network(layout, network):
    configs = (market_config(layout, network, ONE_MACHINE), pool_config(layout, network, ONE_MACHINE))
    assert {config.network for config in configs} == {network.identity}
    assert (network.short_category, network.python, network.folder) == (4, "3.12", str(layout.root))
