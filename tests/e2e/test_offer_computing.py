"""docs/howto/offer-computing.md: the commands that price computing and add a worker, on a local network."""

import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from sealgrid.poco.tags import TEE_TAG
from tests.e2e.running_network import SEALGRID
from tests.e2e.shell import Shell
from tests.unit.cli.cli_runner import run_cli

pytestmark = pytest.mark.localnet

HOW_TO = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "offer-computing.md").read_text()
HIGH_PRICE = 987  #: RLC; no run of another test buys at it


def test_the_offer_command_of_the_how_to_publishes_an_order_at_the_price(localnet, tmp_path):
    command, tasks = re.search(r"^sealgrid (pool offer --price) 1 --tasks (\d+)$", HOW_TO, re.MULTILINE).groups()
    shell = Shell(tmp_path, localnet.layout.root)
    printed = shell.output(*command.split(), HIGH_PRICE, "--tasks", tasks)
    assert f"{HIGH_PRICE} RLC for each of {tasks} tasks" in printed
    query = {"chainId": localnet.network.chain, "workerpool": localnet.network.workerpool}
    orders = httpx.get(f"{localnet.network.market_url}/workerpoolorders", params=query).json()["orders"]
    offered = [each["remaining"] for each in orders if each["order"]["workerpoolprice"] == HIGH_PRICE * 10**9]
    assert offered == [int(tasks)]


@pytest.mark.parametrize("category", [0, None], ids=["iexecs", "short"])
def test_a_local_network_offers_computing_in_the_category_of_iexecs_libraries_and_in_its_short_one(localnet, category):
    number = localnet.network.short_category if category is None else category
    query = {"chainId": localnet.network.chain, "category": number, "minTag": TEE_TAG}
    orders = httpx.get(f"{localnet.network.market_url}/workerpoolorders", params=query).json()["orders"]
    assert localnet.network.workerpool in {each["order"]["workerpool"].lower() for each in orders}


def active_workers(localnet) -> int:
    return httpx.get(f"{localnet.network.pool_url}/pool").json()["workers"]


def test_the_worker_command_of_the_how_to_starts_a_second_worker(localnet):
    command = re.search(r"^sealgrid (worker run worker2)$", HOW_TO, re.MULTILINE)[1].split()
    before = active_workers(localnet)
    worker = subprocess.Popen([SEALGRID, *command, "--home", localnet.layout.root], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while active_workers(localnet) == before:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        worker.send_signal(signal.SIGINT)
        _, printed = worker.communicate(timeout=30)
    assert b"worker2 requests jobs" in printed
    assert worker.returncode == 0


def test_a_worker_that_the_local_pool_does_not_admit_is_refused(tmp_path):
    refused = run_cli("worker", "run", "thief", home=tmp_path)
    assert (refused.code, refused.err.strip()) == (
        1,
        "sealgrid: the local pool does not admit 'thief' as a further worker; name worker2 or worker3.",
    )
