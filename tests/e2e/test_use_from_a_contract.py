"""The how-to for contracts, on a network: a feed of signed readings, and a contract that buys computing by itself."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from sealgrid.ados.generate import generate
from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.views import TaskStatus
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.operations import deploy
from sealgrid.units import ZERO_ADDRESS, TaskId, to_address
from tests.unit.cli.cli_runner import run_cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/howto/use-it-from-a-contract.md").read_text()
MODEL = ROOT / "src/sealgrid/shipped_apps/ados/stations.onnx"
STATIONS = ("station-001", "station-002")
PRIMES_BELOW_1000, PAYOUT, PRICE = 168, 10**15, 10**10
PAYEE = to_address(b"\x77" * 20)

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contracts")
    (folder / "model.onnx").write_bytes(MODEL.read_bytes())
    (folder / "day.csv").write_bytes(generate(1, 1, faults=True).readings)
    for number, station in enumerate(STATIONS, 1):
        (folder / f"{station}.key").write_text(f"{0x51515151 + number:064x}\n")
        (folder / f"{station}.key").chmod(0o600)
    (folder / "prime_count").mkdir()
    (folder / "prime_count/app.toml").write_text(blocks("toml")[0])
    (folder / "prime_count/main.py").write_text(blocks("python")[0])
    return folder


@pytest.fixture(scope="module")
def sealgrid(localnet, folder):
    """Return a function that runs a line of the page with these values and returns what it printed."""

    async def run(line: str, values: dict[str, str]) -> str:
        words = [values.get(word, word) for word in line.partition("#")[0].split()[1:]]
        ended = await asyncio.to_thread(run_cli, *words, home=localnet.layout.root, folder=folder)
        assert ended.code == 0, f"{line}\n{ended.err}"
        return ended.out

    return run


def lines(block: int) -> list[str]:
    return blocks("sh")[block].splitlines()


async def test_a_feed_gets_a_round_of_readings_that_stations_signed(people, sealgrid, folder):
    values = {"FEED": [await sealgrid(line, {}) for line in lines(0)][-1].split()[-1]}
    for number, line in enumerate(lines(1)[:2], 1):
        values[f"ADDRESS-{number}"] = (await sealgrid(line, values)).split()[-1]
    shown = [await sealgrid(line, values) for line in lines(1)[2:] + lines(2)][-1]
    [written] = (folder / "answer").rglob("result.json")
    result = json.loads(written.read_text())
    told = result["round"]
    assert told["station"] == values["ADDRESS-1"]
    assert f"{told['station']}  station-001  2026-02-26T20:00:00Z  DQF {told['dqf']}" in shown
    assert "station-002  no round yet" in shown
    abi = interface("DataFeed")
    answer = await people.stranger.node.call(values["FEED"], abi.call_data("latestRoundData"))
    assert abi.decode("latestRoundData", answer)[1:4] == (told["dqf"], told["start"], told["end"])


async def test_a_feed_gets_a_round_that_stays_sealed_until_it_is_delivered(sealgrid, folder, localnet):
    feed = json.loads((folder / "roster.json").read_text())["feed"]
    options = "--deferred-callback --arg=--station --arg=station-002 --out sealed"
    await sealgrid(f"sealgrid run ados --model stations --file day.json {options}", {})
    [receipt] = (folder / "sealed").rglob("receipt.json")
    task = json.loads(receipt.read_text())["receipt"]["body"]["task"]
    assert "station-002  no round yet" in await sealgrid(f"sealgrid ados feed show {feed}", {})
    await sealgrid(f"sealgrid task deliver {task} {feed}", {})
    assert "station-002  2026-02-26T20:00:00Z" in await sealgrid(f"sealgrid ados feed show {feed}", {})
    words = ("ados", "feed", "pull", feed)
    for subject, reason in ((task, "feed.2"), ("0x12", "is not a task")):
        ended = await asyncio.to_thread(run_cli, *words, subject, home=localnet.layout.root, folder=folder)
        assert ended.code != 0
        assert reason in ended.err


async def test_a_contract_buys_a_run_and_acts_on_the_answer(people, sealgrid, folder):
    conn = people.developer
    app = await deploy.deploy(conn, folder / "prime_count", price=0, any_pool=True)
    network = conn.network
    pool = network.pools[0].address if network.pools else ZERO_ADDRESS
    purchase = (app.address, ZERO_ADDRESS, pool, network.short_category, TEE_TAG, conn.address, PRICE, 3600)
    judged = (network.hub, network.broker)
    params = re.search(r"`(\{\"iexec_args.*?)`", PAGE)[1]
    contract = await conn.wallet.deploy(
        artifacts.bytecode("ComputeBuyer"),
        artifacts.abi("ComputeBuyer"),
        *judged,
        purchase,
        params,
        PRIMES_BELOW_1000,
        PAYOUT,
        PAYEE,
    )
    await conn.wallet.send(contract, b"", value=PAYOUT)
    await people.requester.hub.deposit_for(people.requester.wallet, PRICE, contract)
    # From here on nobody does anything but bring offers: a contract buys, an enclave computes, the contract pays.
    task = TaskId((await sealgrid(lines(4)[0], {"CONTRACT": contract})).split()[-1])
    async with asyncio.timeout(120):
        while (await conn.hub.view_task(task)).status != TaskStatus.COMPLETED:
            await asyncio.sleep(0.1)
    abi = interface("ComputeBuyer")
    assert abi.decode("answer", await conn.node.call(contract, abi.call_data("answer"))) == PRIMES_BELOW_1000
    assert int(await conn.node.rpc("eth_getBalance", PAYEE, "latest"), 16) == PAYOUT
