"""Public address of a local chain: passes listed JSON-RPC 2.0 methods to anvil; its other methods stay on loopback.

The listed methods read the chain or send a transaction that its account signed. Every other method of anvil moves
money of unlocked accounts, changes the chain's state or its clock, or costs much time.

A simulation gets at most the gas of a block: anvil has no limit of its own, goes on when its client is gone, and
includes no block meanwhile, so that one call of an endless loop would stop the chain.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx
import msgspec
from litestar import MediaType, Response, post
from litestar.handlers import HTTPRouteHandler

from sealgrid.errors import DECODE_ERRORS
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.server import AnyRequest, allow_every_site, cors_config, create_app
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess
from sealgrid.wire.service_monitor import ServiceMonitor

#: EIP-1474 and later additions; no filters and no subscriptions, which hold memory of the node.
METHODS: Final = frozenset(
    {
        "eth_blobBaseFee",
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_createAccessList",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getProof",
        "eth_getStorageAt",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "eth_sendRawTransaction",
        "eth_syncing",
        "net_listening",
        "net_version",
        "web3_clientVersion",
        "web3_sha3",
    }
)
#: Methods that run code.
SIMULATIONS: Final = frozenset({"eth_call", "eth_createAccessList", "eth_estimateGas"})
MAX_GAS: Final = 30_000_000  #: of a simulation; anvil's gas limit of a block, which is its default
_MAX_SIMULATION_PARAMS: Final = 3  #: call, block, state; a fourth replaces the gas limit of the block
MAX_CALLS: Final = 50  #: in one batch, as of ``chain.endpoint``
MAX_BODY_BYTES: Final = 2 << 20  #: a contract of the largest size (EIP-3860) is a tenth of it, as hex text
ANSWER_SECONDS: Final = 30.0

#: codes of JSON-RPC 2.0
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, NODE_ERROR = -32700, -32600, -32601, -32602, -32000
_NULL: Final = msgspec.Raw(b"null")


class JsonRpcCall(msgspec.Struct, frozen=True):
    """One call. Only these members are passed on, so the node reads what was checked."""

    method: str
    id: msgspec.Raw = _NULL
    params: msgspec.Raw = msgspec.Raw(b"[]")
    jsonrpc: str = "2.0"


class _SimulatedCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """The transaction of a simulation (EIP-1474). Any other member is refused: it may be another name of the gas."""

    from_: msgspec.Raw | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="from")
    to: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    gas: str | msgspec.UnsetType | None = msgspec.UNSET
    gas_price: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    max_fee_per_gas: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    max_priority_fee_per_gas: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    input: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    nonce: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    chain_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    type: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    access_list: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _RpcError(msgspec.Struct, frozen=True):
    code: int
    message: str


class _ErrorReply(msgspec.Struct, frozen=True):
    error: _RpcError
    id: msgspec.Raw = _NULL
    jsonrpc: str = "2.0"


@dataclass(frozen=True, slots=True)
class CheckedCalls:
    """The calls of one request: those to pass on, and the replies to the others."""

    allowed: tuple[JsonRpcCall, ...]
    refused: tuple[msgspec.Raw, ...]
    is_batch: bool


@dataclass(frozen=True, slots=True)
class ChainProxyConfig:
    """The chain's node, and the settings of the service."""

    node_url: str
    access: ServiceAccess = DEFAULT_ACCESS


def check_calls(body: bytes) -> CheckedCalls:
    """Divide a request or a batch into calls to pass on and error replies to all others.

    (1) It is a JSON-RPC request, or a batch of at most MAX_CALLS. (2) The method is one of ``METHODS``. (3) A
    simulation has at most MAX_GAS, no other member than EIP-1474 lists, and replaces no value of the block.
    """
    is_batch = body.lstrip()[:1] == b"["
    try:
        calls = (
            msgspec.json.decode(body, type=list[JsonRpcCall])
            if is_batch
            else [msgspec.json.decode(body, type=JsonRpcCall)]
        )
    except DECODE_ERRORS:
        return CheckedCalls((), (_error_reply(PARSE_ERROR, "this is not a JSON-RPC 2.0 request."),), False)
    if not calls or len(calls) > MAX_CALLS:  # (1)
        refusal = _error_reply(INVALID_REQUEST, f"a batch has 1 to {MAX_CALLS} calls.")
        return CheckedCalls((), (refusal,), False)
    checked = [_checked(each) for each in calls]
    allowed = tuple(each for each in checked if isinstance(each, JsonRpcCall))
    return CheckedCalls(allowed, tuple(each for each in checked if isinstance(each, msgspec.Raw)), is_batch)


def _checked(call: JsonRpcCall) -> JsonRpcCall | msgspec.Raw:
    """Return the call to pass on, or the error reply."""
    if call.method not in METHODS:  # (2)
        return _method_refusal(call)
    if call.method not in SIMULATIONS:
        return call
    try:
        transaction, *others = msgspec.json.decode(call.params, type=list[msgspec.Raw])
        simulated = msgspec.json.decode(transaction, type=_SimulatedCall)
        gas = 0 if simulated.gas in {None, msgspec.UNSET} else int(str(simulated.gas), 16)
    except (ValueError, *DECODE_ERRORS):
        return _error_reply(INVALID_PARAMS, "the params are not those of a simulated transaction (EIP-1474).", call.id)
    if not 0 <= gas <= MAX_GAS or len(others) >= _MAX_SIMULATION_PARAMS:  # (3)
        refusal = f"a simulation has at most {MAX_GAS} gas here, and replaces no value of the block."
        return _error_reply(INVALID_PARAMS, refusal, call.id)
    # As it was read: of a repeated member anvil may use the other.
    return msgspec.structs.replace(call, params=msgspec.Raw(msgspec.json.encode([simulated, *others])))


def _method_refusal(call: JsonRpcCall) -> msgspec.Raw:
    # ethers recognises a missing method by the words "the method … does not exist".
    sentence = f"the method {call.method[:80]} does not exist at this address."
    return _error_reply(METHOD_NOT_FOUND, sentence, call.id)


def _error_reply(code: int, message: str, number: msgspec.Raw = _NULL) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(_ErrorReply(_RpcError(code, message), number)))


async def answer(checked: CheckedCalls, node: httpx.AsyncClient) -> bytes:
    """Send the allowed calls to the node; return its replies and the refusals as one body."""
    if not checked.allowed:
        return msgspec.json.encode(checked.refused if checked.is_batch else checked.refused[0])
    request = list(checked.allowed) if checked.is_batch else checked.allowed[0]
    try:
        reply = await node.post("/", content=msgspec.json.encode(request), headers={"content-type": "application/json"})
        if not checked.is_batch:
            return reply.content
        replies = msgspec.json.decode(reply.content, type=list[msgspec.Raw])
    except (httpx.HTTPError, *DECODE_ERRORS):
        sentence = "the chain's node does not answer; try again."
        replies = [_error_reply(NODE_ERROR, sentence, each.id) for each in checked.allowed]
        if not checked.is_batch:
            return bytes(replies[0])
    return msgspec.json.encode([*replies, *checked.refused])


def handlers(node: httpx.AsyncClient) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @post("/", status_code=200)
    async def call(request: AnyRequest) -> Response[bytes]:
        content = await answer(check_calls(await request.body()), node)
        return Response(content, media_type=MediaType.JSON)

    return [call]


async def run(config: ChainProxyConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with httpx.AsyncClient(base_url=config.node_url, timeout=ANSWER_SECONDS, trust_env=False) as node:
        app = create_app(
            handlers(node),
            access=config.access,
            max_body=MAX_BODY_BYTES,
            origin_check=allow_every_site,
            cors=cors_config("POST"),
        )
        await serve_monitored(app, sock, ready, config.access, ServiceMonitor("chain-proxy"))
