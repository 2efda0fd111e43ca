"""The file of a pool of one's own: made once, read strictly, and its key stays private."""

import stat
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.machine.pool_file import KEY, PoolCosts, count_open_tasks, create_pool, read_pool
from sealgrid.pool.config import PoolConfig
from sealgrid.units import ZERO_ADDRESS, to_address
from tests.unit.cli.cli_runner import run_cli
from tests.unit.sdk.network_file import network

POOL = to_address(b"\x0c" * 20)


def registered(folder: Path) -> Path:
    """Return the file of a pool, as its registration leaves it."""
    path = folder / "mine.toml"
    create_pool(path, network())
    path.write_text(path.read_text().replace(str(ZERO_ADDRESS), POOL))
    return path


def test_a_new_pool_has_a_private_key_that_a_second_start_keeps(tmp_path: Path):
    path = tmp_path / "own" / "pool.toml"
    made = create_pool(path, network())
    assert stat.S_IMODE((path.parent / KEY).stat().st_mode) == 0o600
    assert create_pool(path, network()).key.address == made.key.address
    assert made.key.secret.hex() not in path.read_text() + repr(made)


def test_a_pool_that_is_not_registered_does_not_run(tmp_path: Path):
    pool = create_pool(tmp_path / "pool.toml", network())
    with pytest.raises(InputRefused, match="sealgrid pool init"):
        _ = pool.config


def test_the_settings_of_the_service_are_those_of_the_file(tmp_path: Path):
    path = registered(tmp_path)
    text = path.read_text().replace("workers = []", f'workers = ["{POOL.upper().replace("X", "x")}"]')
    path.write_text(text.replace("open_admission = false", "open_admission = true").replace("8560", "9000"))
    pool = read_pool(path)
    config = pool.config
    assert isinstance(config, PoolConfig)
    assert (config.workerpool, config.workers, config.open_admission) == (POOL, frozenset({POOL}), True)
    assert (config.confirmations, config.depth) == (0, 1)  # a local chain
    assert (pool.network.workerpool, pool.network.pool_url) == (POOL, "http://127.0.0.1:9000")
    assert config.access.requests_per_minute == 1800
    config.folder.mkdir()
    assert count_open_tasks(pool) == 0


def test_a_pool_serves_all_worker_accounts_unless_its_file_lists_some_or_none(tmp_path: Path):
    path = registered(tmp_path)
    assert read_pool(path).config.worker_accounts is None
    text = path.read_text()
    assert "# worker_accounts = []" in text
    path.write_text(text.replace("# worker_accounts = []", f'worker_accounts = ["{POOL.upper().replace("X", "x")}"]'))
    assert read_pool(path).config.worker_accounts == frozenset({POOL})
    path.write_text(text.replace("# worker_accounts = []", "worker_accounts = []"))
    assert read_pool(path).config.worker_accounts == frozenset()


@pytest.mark.parametrize(
    "line", ["worker_accounts = ['0x12']", "port = 'x'", "unknown = 1", 'workerpool = "0x12"', "workers = ["]
)
def test_a_file_that_does_not_describe_a_pool_is_refused(tmp_path: Path, line: str):
    path = registered(tmp_path)
    name = line.partition("=")[0].strip()
    kept = [each for each in path.read_text().splitlines() if each.partition("=")[0].strip() != name]
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(InputRefused, match="does not describe a pool"):
        read_pool(path)
    with pytest.raises(InputRefused, match="cannot be read"):
        read_pool(tmp_path / "none.toml")


def test_what_is_missing_is_twice_the_gas_and_the_rest_of_the_stake():
    costs = PoolCosts(gas=10, stake=100, ether=15, escrow=40)
    assert (costs.missing_ether, costs.missing_stake) == (5, 60)
    assert PoolCosts(gas=10, stake=100, ether=20, escrow=100).missing_stake == 0


def test_its_owner_invites_lists_and_removes_workers(tmp_path: Path):
    config = ("--config", str(registered(tmp_path)))
    invited = run_cli("pool", "invite", *config, home=tmp_path)
    assert invited.out.startswith("sealgrid-invitation-")
    removed = run_cli("pool", "remove", POOL, *config, home=tmp_path)
    assert removed.out.strip() == f"{POOL}  removed"
    listed = run_cli("pool", "workers", *config, home=tmp_path).out
    assert listed.startswith(f"{POOL}  removed ")
    assert "joined" not in listed


def test_an_open_pool_may_demand_a_bond_and_another_one_may_not(tmp_path: Path):
    path = registered(tmp_path)
    text = path.read_text().replace('bond = "0"', 'bond = "2.5"')
    path.write_text(text)
    with pytest.raises(InputRefused, match="only an open pool can require a bond"):
        read_pool(path)
    path.write_text(text.replace("open_admission = false", "open_admission = true"))
    assert read_pool(path).config.bond == 25 * 10**8


def test_a_negative_number_of_confirmations_is_refused(tmp_path: Path):
    path = registered(tmp_path)
    path.write_text(path.read_text().replace("confirmations = 0", "confirmations = -1"))
    with pytest.raises(InputRefused, match="number of blocks"):
        read_pool(path)
