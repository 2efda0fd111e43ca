"""A chain that is read through two nodes: a lie of one of them is refused."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sealgrid.chain.assets import Assets
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.errors import ChainError, ContractReverted, NodesDisagree, ServiceUnavailable
from tests.contracts.lying_node import LyingNode, lying_node
from tests.contracts.scene import Market


@pytest.fixture
async def liar(market: Market) -> AsyncIterator[LyingNode]:
    async with lying_node(market.node.url) as node:
        yield node


@pytest.fixture
async def both(market: Market, liar: LyingNode) -> AsyncIterator[Node]:
    async with Node(market.node.url, liar.url) as node:
        yield node


async def refused(reading: Any) -> str:
    with pytest.raises(NodesDisagree) as caught:
        await reading
    return caught.value.check


async def test_two_honest_nodes_answer_as_one(market: Market, both: Node) -> None:
    head = await market.node.block()
    assert await both.block() == head
    assert await both.genesis() == await market.node.genesis()
    assert await both.chain() == market.deployment.chain
    assert await Hub(both, market.hub.address).teebroker(at=head.hash) == market.broker.address
    where = {"first": 0, "last": head.number}
    assert await both.logs(market.hub.address, [], **where) == await market.node.logs(market.hub.address, [], **where)


async def test_another_chain_is_seen(both: Node, liar: LyingNode) -> None:
    liar.lie = lambda method, _, result: "0x1" if method == "eth_chainId" else result
    assert await refused(both.chain()) == "chain.1"


async def test_another_block_at_the_same_height_is_seen(both: Node, liar: LyingNode) -> None:
    liar.lie = lambda _method, _, result: result | {"hash": "0x" + "ab" * 32}
    assert await refused(both.block()) == "chain.2"
    assert await refused(both.genesis()) == "chain.2"


async def test_a_block_that_only_one_node_has_does_not_count(market: Market, both: Node, liar: LyingNode) -> None:
    before = await both.block()
    await market.node.rpc("evm_mine")

    def slow(method: str, parameters: list[Any], result: Any) -> Any:
        latest = method == "eth_getBlockByNumber" and parameters[0] == "latest"
        return result if not latest else _as_told(before)

    liar.lie = slow
    assert await both.block() == before
    assert (await market.node.block()).number == before.number + 1


async def test_a_node_that_is_behind_on_a_fork_is_seen(market: Market, both: Node, liar: LyingNode) -> None:
    before = await both.block()
    await market.node.rpc("evm_mine")
    forked = _as_told(before) | {"hash": "0x" + "ab" * 32}
    liar.lie = lambda _, parameters, result: forked if parameters[0] == "latest" else result
    assert await refused(both.block()) == "chain.2"


async def test_another_answer_at_one_block_is_seen(market: Market, both: Node, liar: LyingNode) -> None:
    at = (await both.block()).hash
    liar.lie = lambda method, _, result: "0x" + "00" * 31 + "01" if method == "eth_call" else result
    assert await refused(Hub(both, market.hub.address).teebroker(at=at)) == "chain.3"


async def test_code_that_one_node_invents_is_seen(market: Market, both: Node, liar: LyingNode) -> None:
    at = (await both.block()).hash
    liar.lie = lambda method, _, result: "0x60" if method == "eth_getCode" else result
    assert await refused(both.code(market.wallet("pool").address, at=at)) == "chain.3"


async def test_an_event_that_one_node_hides_is_seen(market: Market, both: Node, liar: LyingNode) -> None:
    liar.lie = lambda method, _, result: result[:-1] if method == "eth_getLogs" else result
    head = (await both.block()).number
    assert await refused(both.logs(market.hub.address, [], first=0, last=head)) == "chain.3"


async def test_a_contracts_no_that_both_nodes_tell_is_its_no(market: Market, both: Node) -> None:
    with pytest.raises(ContractReverted):
        await Hub(both, market.hub.address).view_category(10_000)


async def test_a_contracts_no_that_one_node_hides_is_seen(market: Market, both: Node, liar: LyingNode) -> None:
    honest = await market.node.rpc("eth_call", {"to": market.app, "data": "0x8da5cb5b"}, "latest")
    async with Node(liar.url, market.node.url) as other:
        liar.lie = lambda method, _, result: honest if method == "eth_call" else result
        assert await refused(Assets(Hub(other, market.hub.address)).checksum("App", market.app)) == "chain.3"


async def test_a_block_that_left_the_chain_answers_nothing(market: Market, both: Node) -> None:
    with pytest.raises(ChainError):
        await Hub(both, market.hub.address).teebroker(at="0x" + "ab" * 32)


async def test_two_nodes_of_which_one_is_silent_are_no_two_nodes(market: Market) -> None:
    async with Node(market.node.url, "http://127.0.0.1:9") as node:
        with pytest.raises(ServiceUnavailable):
            await node.block()


async def test_what_is_asked_at_once_travels_at_once(market: Market, liar: LyingNode) -> None:
    async with Node(liar.url) as node:
        at = (await node.block()).hash
        assets, before = Assets(Hub(node, market.hub.address)), len(liar.batches)
        same, other = [assets.owner(market.app, at=at) for _ in range(9)], assets.owner(market.dataset, at=at)
        owners = await asyncio.gather(*same, other)
    assert liar.batches[before:] == [2]
    assert [len(set(owners[:9])), len(set(owners))] == [1, 2]


async def test_a_node_that_answers_rubbish_is_named_as_such(market: Market, liar: LyingNode) -> None:
    async with Node(liar.url) as node:
        for rubbish in ({"number": "0xzz"}, [], "0x", 7, None):
            liar.lie = lambda _method, _, _result, value=rubbish: value
            with pytest.raises(ChainError):
                await node.block(1)


def _as_told(block: Any) -> dict[str, str]:
    return {
        "number": hex(block.number),
        "hash": block.hash,
        "parentHash": block.parent,
        "timestamp": hex(block.timestamp),
    }
