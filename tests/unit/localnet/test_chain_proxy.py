"""The proxy of a chain divides every request into listed calls and refusals, whatever its form."""

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.localnet.chain_proxy import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    MAX_CALLS,
    MAX_GAS,
    METHOD_NOT_FOUND,
    METHODS,
    NODE_ERROR,
    PARSE_ERROR,
    SIMULATIONS,
    answer,
    check_calls,
)

READ = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
CHANGE = {"jsonrpc": "2.0", "id": 2, "method": "anvil_setBalance", "params": ["0x00", "0x1"]}


def errors_of(checked):
    return [msgspec.json.decode(each)["error"]["code"] for each in checked.refused]


def test_a_listed_method_passes_with_its_parameters():
    (call,) = check_calls(msgspec.json.encode(READ)).allowed
    assert msgspec.json.decode(msgspec.json.encode(call)) == READ


def test_another_method_is_answered_with_the_standard_code_its_id_and_its_name():
    checked = check_calls(msgspec.json.encode(CHANGE))
    assert checked.allowed == ()
    reply = msgspec.json.decode(checked.refused[0])
    assert (reply["id"], reply["error"]["code"]) == (2, METHOD_NOT_FOUND)
    assert "the method anvil_setBalance does not exist" in reply["error"]["message"]


def test_a_batch_is_divided():
    checked = check_calls(msgspec.json.encode([READ, CHANGE, READ]))
    assert [call.method for call in checked.allowed] == ["eth_blockNumber", "eth_blockNumber"]
    assert errors_of(checked) == [METHOD_NOT_FOUND]
    assert checked.is_batch


@pytest.mark.parametrize(
    "body",
    [
        b'{"method":"\\u0061nvil_setBalance","id":1}',
        b'{"method":"eth_blockNumber","method":"anvil_setBalance","id":1}',
        b'{"method":"anvil_setBalance","METHOD":"eth_blockNumber","id":1}',
        b'{"method":"ETH_BLOCKNUMBER","id":1}',
        b'{"method":" eth_blockNumber","id":1}',
        b'\n\t {"method":"eth_sendTransaction","id":1}',
    ],
)
def test_a_method_in_another_spelling_is_refused(body):
    assert errors_of(check_calls(body)) == [METHOD_NOT_FOUND]


def test_of_a_repeated_member_the_node_gets_the_one_that_was_checked():
    (call,) = check_calls(b'{"method":"anvil_setBalance","method":"eth_chainId","id":1}').allowed
    assert b"anvil" not in msgspec.json.encode(call)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", PARSE_ERROR),
        (b"{", PARSE_ERROR),
        (b'{"id":1}', PARSE_ERROR),
        (b'{"method":["eth_chainId"]}', PARSE_ERROR),
        (b'[[{"method":"eth_chainId"}]]', PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"\xff", PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (msgspec.json.encode([READ] * (MAX_CALLS + 1)), INVALID_REQUEST),
    ],
    ids=["empty", "cut", "no method", "a list as method", "nested batch", "deep", "not UTF-8", "no calls", "too many"],
)
def test_a_malformed_request_reaches_no_node(body, code):
    checked = check_calls(body)
    assert (checked.allowed, errors_of(checked)) == ((), [code])


LOOP = {"to": "0x" + "aa" * 20, "data": "0x", "from": "0x" + "bb" * 20, "maxFeePerGas": "0x1"}
STATE = {LOOP["to"]: {"code": "0x5b600056"}}  # jumps to itself


def simulation(*params, method="eth_call"):
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


@pytest.mark.parametrize("method", sorted(SIMULATIONS))
@pytest.mark.parametrize(
    "params",
    [
        (LOOP | {"gas": hex(MAX_GAS + 1)}, "latest", STATE),
        (LOOP | {"gas": "0x" + "f" * 16}, "latest", STATE),
        (LOOP | {"gas": MAX_GAS + 1}, "latest"),
        (LOOP | {"gas": "-0x1"}, "latest"),
        (LOOP | {"gasLimit": "0xffffffffffff"}, "latest"),
        (LOOP, "latest", STATE, {"gasLimit": "0xffffffffffff"}),
        (LOOP, "latest", STATE, None, None),
        ([LOOP], "latest"),
        (),
    ],
)
def test_3_a_simulation_that_could_run_longer_than_a_block_reaches_no_node(method, params):
    checked = check_calls(simulation(*params, method=method))
    assert (checked.allowed, errors_of(checked)) == ((), [INVALID_PARAMS])


def test_3_of_a_repeated_amount_of_gas_the_node_gets_the_one_that_was_checked():
    body = simulation({"gas": "0xffffffffffff"}, "latest").replace(b'"}', b'","gas":"0x1"}', 1)
    (call,) = check_calls(body).allowed
    assert msgspec.json.decode(call.params) == [{"gas": "0x1"}, "latest"]


@pytest.mark.parametrize("gas", [{}, {"gas": None}, {"gas": hex(MAX_GAS)}])
def test_3_another_simulation_passes_unchanged(gas):
    params = [LOOP | gas, "latest", STATE]
    (call,) = check_calls(simulation(*params)).allowed
    assert msgspec.json.decode(call.params) == params


@given(
    st.lists(st.fixed_dictionaries({"method": st.text() | st.sampled_from(sorted(METHODS))}), min_size=1, max_size=9)
)
def test_only_listed_methods_ever_pass(calls):
    checked = check_calls(msgspec.json.encode(calls))
    assert {call.method for call in checked.allowed} <= METHODS
    assert len(checked.allowed) + len(checked.refused) == len(calls)


async def reply_through(node, request):
    async with httpx.AsyncClient(transport=httpx.MockTransport(node), base_url="http://node") as client:
        return msgspec.json.decode(await answer(check_calls(msgspec.json.encode(request)), client))


async def test_a_node_that_is_away_gives_an_error_for_each_call():
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    assert (await reply_through(away, READ))["error"]["code"] == NODE_ERROR
    codes = [each["error"]["code"] for each in await reply_through(away, [READ, CHANGE])]
    assert codes == [NODE_ERROR, METHOD_NOT_FOUND]


async def test_a_node_that_answers_a_batch_with_garbage_gives_an_error_for_each_call():
    replies = await reply_through(lambda _: httpx.Response(200, content=b"no list"), [READ, READ])
    assert [each["error"]["code"] for each in replies] == [NODE_ERROR, NODE_ERROR]


async def test_a_request_of_refused_calls_alone_is_not_sent_to_the_node():
    sent = []
    await reply_through(lambda request: sent.append(request) or httpx.Response(500), [CHANGE])
    assert sent == []


def test_no_listed_method_signs_with_a_key_of_the_node_or_changes_the_chain_by_command():
    assert {method.partition("_")[0] for method in METHODS} == {"eth", "net", "web3"}
    assert not [method for method in METHODS if "sign" in method.lower() or "filter" in method.lower()]
    assert [method for method in METHODS if "send" in method] == ["eth_sendRawTransaction"]
