"""Anvil keeps its state, and ends with the process that started it."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig
from sealgrid.chain.deploy import deploy
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.poco_package import PocoPackage
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import SetupMissing
from tests.contracts.scene import TERMS

pytestmark = pytest.mark.chain


async def test_what_was_deployed_is_there_after_a_restart(
    anvil_binary: Path, poco_package: Path, tmp_path: Path
) -> None:
    config = AnvilConfig(binary=anvil_binary, state=tmp_path / "chain.json", log=tmp_path / "anvil.log")
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        steps: list[str] = []
        deployed = await deploy(
            Wallet(node, development_key("admin")), PocoPackage(poco_package), TERMS, on_progress=steps.append
        )
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        assert await Hub(node, deployed.hub).teebroker() == deployed.broker
        assert await node.genesis() == deployed.genesis
        assert await Wallet(node, development_key("admin")).deploy(b"\x60\x01\x60\x00\xf3", []) != deployed.broker
    assert "broker" in steps


async def test_a_written_state_survives_a_kill(anvil_binary: Path, tmp_path: Path) -> None:
    config = AnvilConfig(binary=anvil_binary, state=tmp_path / "chain.json")
    anvil = await Anvil.start(config)
    async with Node(anvil.url) as node:
        await node.rpc("anvil_mine", "0x3")
        async with asyncio.timeout(60):
            while stored_height(tmp_path / "chain.json") != 3:
                await asyncio.sleep(0.02)
    os.kill(anvil.pid, 9)
    await anvil.stop()
    async with await Anvil.start(config) as again, Node(again.url) as node:
        assert (await node.block()).number == 3


async def test_a_second_chain_on_one_port_ends_and_does_not_pass_for_the_first(anvil_binary: Path) -> None:
    async with await Anvil.start(AnvilConfig(binary=anvil_binary)) as first, Node(first.url) as node:
        before = await node.block()
        with pytest.raises(SetupMissing, match="ended at once"):
            await Anvil.start(AnvilConfig(binary=anvil_binary, port=int(first.url.rpartition(":")[2])))
        assert await node.block() == before


async def test_anvil_dies_with_a_parent_that_is_killed(anvil_binary: Path) -> None:
    program = (
        "import asyncio, pathlib, sys\n"
        "from sealgrid.chain.anvil import Anvil, AnvilConfig\n"
        "async def main():\n"
        "    chain = await Anvil.start(AnvilConfig(binary=pathlib.Path(sys.argv[1])))\n"
        "    print(chain.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(anvil_binary), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(60):
        while running(pid):
            await asyncio.sleep(0.05)


async def test_a_missing_anvil_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupMissing, match="anvil is not installed"):
        await Anvil.start(AnvilConfig(binary=tmp_path / "anvil"))


async def test_anvil_that_cannot_start_is_named(anvil_binary: Path, tmp_path: Path) -> None:
    broken = tmp_path / "chain.json"
    broken.write_text("no state")
    with pytest.raises(SetupMissing, match="ended at once"):
        await Anvil.start(AnvilConfig(binary=anvil_binary, state=broken))


async def test_a_missing_poco_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupMissing, match="PoCo package is not at"):
        PocoPackage(tmp_path).artifact("Diamond.sol/Diamond")


async def test_every_development_account_has_money_for_gas(anvil_binary: Path) -> None:
    async with await Anvil.start(AnvilConfig(binary=anvil_binary)) as anvil, Node(anvil.url) as node:
        funded = {account.lower() for account in await node.rpc("eth_accounts")}
        assert funded == {development_key(name).address for name in NAMES}


def stored_height(state: Path) -> int | None:
    """Return the height of the chain in anvil's state file; None while there is no complete file."""
    try:
        return int(json.loads(state.read_text())["best_block_number"])
    except (FileNotFoundError, ValueError):
        return None


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
