"""Vaults that read their chain through two nodes, one of which lies or lags: they refuse, with the check's number."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import Confirmation
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.errors import InputRefused, NodesDisagree
from sealgrid.units import to_digest
from sealgrid.vault.chain.reader import ChainReader
from sealgrid.vault.config import VaultConfig
from sealgrid.vault.runner import open_vault
from tests.contracts.lying_node import LyingNode, lying_node
from tests.contracts.scene import Market, local_market
from tests.integration.vault_federation import Federation, federation_over

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Scene:
    market: Market
    federation: Federation
    liar: LyingNode


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with (
        local_market() as market,
        lying_node(market.node.url) as liar,
        federation_over(market, tmp_path, second=liar.url) as federation,
    ):
        await federation.sell_model()
        yield Scene(market, federation, liar)


async def refused(call: Any) -> str:
    with pytest.raises(NodesDisagree) as caught:
        await call
    return caught.value.check


async def test_two_nodes_that_agree_serve_a_whole_release(scene: Scene) -> None:
    session = await (await scene.federation.begin(await scene.federation.order())).released()
    assert len(session.answers) == 3


async def test_a_node_that_invents_a_task_gets_nothing_out_of_a_vault(scene: Scene) -> None:
    enclave = await scene.federation.begin(await scene.federation.order())
    request = enclave.evidence(await enclave.nonces())
    view_call = "0x" + interface("Hub").call_data("viewTask", enclave.task).hex()
    settled = "0x" + (3).to_bytes(32, "big").hex()

    def invent(method: str, parameters: list[Any], result: Any) -> Any:
        return settled + result[66:] if method == "eth_call" and parameters[0]["data"] == view_call else result

    scene.liar.lie = invent
    await scene.market.node.rpc("evm_mine")
    assert await refused(scene.federation.clients[0].release(request)) == "chain.3"


async def test_a_node_on_a_fork_stops_nonces(scene: Scene) -> None:
    enclave = await scene.federation.begin(await scene.federation.order())
    scene.liar.lie = lambda method, _, result: (
        result | {"hash": "0x" + "ab" * 32} if method == "eth_getBlockByNumber" else result
    )
    assert await refused(enclave.nonces()) == "chain.2"


async def test_a_vault_does_not_start_over_nodes_of_two_chains(scene: Scene, tmp_path: Path) -> None:
    scene.liar.lie = lambda method, _, result: "0x1" if method == "eth_chainId" else result
    market, us = scene.market, scene.federation.addresses[0]
    config = VaultConfig(
        folder=tmp_path / us,
        network=replace(market.network(scene.federation.addresses), rpc_urls=(market.node.url, scene.liar.url)),
        storage_url="",
        roots=(),
    )
    with pytest.raises(NodesDisagree) as caught:
        async with open_vault(config, scene.federation.files):
            pass
    assert caught.value.check == "chain.1"


async def test_a_confirmed_block_of_long_ago_is_no_basis(scene: Scene) -> None:
    federation, market = scene.federation, scene.market
    enclave = await federation.begin(await federation.order())
    strict = Confirmation(1, max_age=60)
    reader = ChainReader(market.hub, market.broker.address, confirmation=strict, clock=federation.clock)
    federation.clock.now = (await market.node.block()).timestamp + 60
    assert (await reader.task(enclave.task)).task_id == enclave.task
    federation.clock.now += 1
    assert await refused(reader.task(enclave.task)) == "chain.4"


def test_one_node_is_enough_on_a_local_chain_only(tmp_path: Path) -> None:
    def config(chain: int, *urls: str) -> VaultConfig:
        return VaultConfig(
            folder=tmp_path,
            network=NetworkIdentity(rpc_urls=urls, chain=chain, genesis=to_digest(b"\1" * 32), hub=""),
            storage_url="",
            roots=(),
        )

    assert config(31337, "http://a").network.rpc_urls == ("http://a",)
    assert config(42161, "http://a", "http://b").network.chain == 42161
    for chain, urls in ((42161, ("http://a",)), (1, ("http://a", "http://a")), (31337, ())):
        with pytest.raises(InputRefused, match="two nodes"):
            config(chain, *urls)
