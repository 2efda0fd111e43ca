"""Several nodes of one chain must agree (chain.1 to chain.3)."""

from typing import Any

import pytest

from sealgrid.chain.node import Node
from sealgrid.errors import ContractReverted, NodesDisagree
from sealgrid.units import to_address
from tests.unit.chain.rpc_server import Answer, RpcError, rpc_server

CONTRACT = to_address(b"\x0c" * 20)


def answers(
    *, chain: int = 1, height: int = 5, safe: int = 0, branch: int = 0, result: str = "0x01", reverts: bool = False
) -> Answer:
    def answer(method: str, parameters: list[Any]) -> Any:
        if method == "eth_chainId":
            return hex(chain)
        if method == "eth_call":
            if reverts:
                raise RpcError(3, f"execution reverted: text of branch {branch}")
            return result
        tags = {"latest": height, "safe": safe}
        number = tags[parameters[0]] if parameters[0] in tags else int(parameters[0], 16)
        hashes = [f"0x{branch:02x}{each:062x}" for each in (number, number - 1 if number else 0)]
        return {"number": hex(number), "hash": hashes[0], "parentHash": hashes[1], "timestamp": hex(100 + number)}

    return answer


async def disagreement(first: Answer, second: Answer, read: Any) -> str:
    async with rpc_server(first) as one, rpc_server(second) as two, Node(one.url, two.url) as node:
        with pytest.raises(NodesDisagree) as refused:
            await read(node)
        assert one.url not in refused.value.message
        return refused.value.check


async def test_nodes_of_two_chains_are_refused_by_number_1() -> None:
    assert await disagreement(answers(), answers(chain=2), lambda node: node.chain()) == "chain.1"


@pytest.mark.parametrize("which", [3, "latest"])
async def test_nodes_with_other_blocks_at_a_height_are_refused_by_number_2(which: int | str) -> None:
    other = answers(branch=1, height=4)
    assert await disagreement(answers(), other, lambda node: node.block(which)) == "chain.2"


@pytest.mark.parametrize("other", [answers(result="0x02"), answers(reverts=True)])
async def test_nodes_with_other_results_are_refused_by_number_3(other: Answer) -> None:
    assert await disagreement(answers(), other, lambda node: node.call(CONTRACT, b"")) == "chain.3"


async def test_nodes_that_agree_answer_as_one() -> None:
    async with rpc_server(answers()) as one, rpc_server(answers(height=4)) as two, Node(one.url, two.url) as node:
        assert (await node.block()).number == 4
        assert await node.call(CONTRACT, b"") == b"\x01"


async def test_nodes_that_revert_with_different_texts_agree() -> None:
    first, second = answers(reverts=True), answers(reverts=True, branch=1)
    async with rpc_server(first) as one, rpc_server(second) as two, Node(one.url, two.url) as node:
        with pytest.raises(ContractReverted):
            await node.call(CONTRACT, b"")


@pytest.mark.parametrize(("depth", "safe", "confirmed"), [(3, 1, 3), (3, 4, 4), (1, 4, 5), (99, 2, 2)])
async def test_a_block_is_confirmed_by_its_depth_or_by_the_nodes_tag(depth: int, safe: int, confirmed: int) -> None:
    async with rpc_server(answers(safe=safe)) as server, Node(server.url) as node:
        assert (await node.confirmed_block(depth, "safe")).number == confirmed
