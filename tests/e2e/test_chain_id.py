"""A local network under the id of a test network, for libraries that know only iExec's chains."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealgrid.localnet.layout import ARBITRUM_SEPOLIA
from tests.e2e.running_network import SEALGRID, RunningNetwork, start_network
from tests.e2e.shell import Shell

HASH_FILE = Path(__file__).resolve().parents[2] / "src/sealgrid/shipped_apps/hash_file"

pytestmark = [pytest.mark.localnet, pytest.mark.long]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sepolia")


@pytest.fixture(scope="module")
def network(folder: Path) -> Iterator[RunningNetwork]:
    started = start_network(folder, "--chain-id", str(ARBITRUM_SEPOLIA))
    yield started
    if started.process.poll() is None:
        started.stop()


def test_a_run_completes_on_a_chain_with_the_id_of_a_test_network(network: RunningNetwork, tmp_path: Path) -> None:
    shell = Shell(tmp_path, network.layout.root)
    assert network.network.chain == ARBITRUM_SEPOLIA
    (tmp_path / "letter.txt").write_text("a letter")
    shell.output("app", "deploy", HASH_FILE, "--as", "developer")
    assert "letter.txt" in shell.output("run", "hash-file", "--file", tmp_path / "letter.txt", "--as", "requester")


@pytest.mark.long
def test_a_network_keeps_the_id_and_the_judge_that_it_was_made_with(network: RunningNetwork, folder: Path) -> None:
    network.stop()
    for option, reason in (
        (("--chain-id", "31337"), "made with chain id 421614"),
        (("--gate",), "made without a gate"),
    ):
        command = [SEALGRID, "up", "--bare", "--port", "0", "--home", folder, *option]
        refused = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert (refused.returncode, reason in refused.stderr) == (1, True)
    again = start_network(folder)
    assert again.network.chain == ARBITRUM_SEPOLIA
    again.stop()


def test_the_id_of_a_chain_with_real_money_is_refused(tmp_path: Path) -> None:
    command = [SEALGRID, "up", "--bare", "--port", "0", "--home", tmp_path, "--chain-id", "42161"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (refused.returncode, "one of these ids: 31337, 421614" in refused.stderr) == (1, True)
