"""Requests to one node travel in batches, and its errors have the types of ours."""

import asyncio
from typing import Any

import pytest

from sealgrid.chain.endpoint import MAX_BATCH, Endpoint, revert_reason
from sealgrid.errors import ChainError, ContractReverted, ServiceUnavailable
from tests.unit.chain.rpc_server import RpcError, rpc_server


def echo(method: str, parameters: list[Any]) -> Any:
    return [method, parameters]


async def test_requests_of_one_turn_are_one_batch_and_equal_ones_are_sent_once() -> None:
    async with rpc_server(echo) as server:
        endpoint = Endpoint(server.url)
        results = await asyncio.gather(*(endpoint.request("m", number % 2, action="Reading") for number in range(4)))
        assert [bytes(each) for each in results] == [b'["m", [0]]', b'["m", [1]]'] * 2
        assert [len(body) for body in server.bodies] == [2]
        await endpoint.close()


async def test_more_requests_than_a_batch_has_are_several_batches() -> None:
    async with rpc_server(echo) as server:
        endpoint = Endpoint(server.url)
        await asyncio.gather(*(endpoint.request("m", number, action="Reading") for number in range(MAX_BATCH + 2)))
        assert sorted(len(body) for body in server.bodies) == [2, MAX_BATCH]
        await endpoint.close()


@pytest.mark.parametrize(
    ("code", "message", "kind", "sentence"),
    [
        (3, "execution reverted: task-pending", ContractReverted, "Calling: The task has no result yet."),
        (-32000, "out of gas", ContractReverted, "Calling: The contract refused: out of gas."),
        (-32601, "no such method", ChainError, "Calling: the node refused: no such method."),
    ],
)
async def test_an_error_of_the_node_names_the_action(
    code: int, message: str, kind: type[ChainError], sentence: str
) -> None:
    def refuse(_: str, __: list[Any]) -> Any:
        raise RpcError(code, message)

    async with rpc_server(refuse) as server:
        endpoint = Endpoint(server.url)
        with pytest.raises(ChainError) as refused:
            await endpoint.request("m", action="Calling")
        assert (type(refused.value), refused.value.message) == (kind, sentence)
        await endpoint.close()


async def test_a_node_that_answers_without_end_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealgrid.chain.endpoint.MAX_REPLY_BYTES", 1000)
    async with rpc_server(lambda method, _: method * 1000) as server:
        endpoint = Endpoint(server.url)
        with pytest.raises(ServiceUnavailable, match="does not answer"):
            await endpoint.request("mm", action="Reading")
        await endpoint.close()


async def test_a_node_that_does_not_answer_is_unavailable_also_for_transactions() -> None:
    endpoint = Endpoint("http://127.0.0.1:9")
    for request in (endpoint.request("m", action="Reading"), endpoint.send_raw(b"\x02", action="Sending")):
        with pytest.raises(ServiceUnavailable, match="does not answer"):
            await request
    await endpoint.close()


@pytest.mark.parametrize("message", ["execution reverted", "execution reverted: no data", "execution reverted: "])
def test_a_revert_without_a_reason_has_none(message: str) -> None:
    assert revert_reason(message) == ""
