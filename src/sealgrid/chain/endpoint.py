"""JSON-RPC client of one node (EIP-1474). Requests of one event-loop turn form one batch; equal requests are sent once.

Ours rather than web3's: its formatters, its checks and a new connection for each call cost more than all other work of
a vault (bench/vault_load.py), and web3 takes about a second to import.
"""

import asyncio
import os
from typing import Final

import aiohttp
import msgspec

from sealgrid.errors import DECODE_ERRORS, ChainError, ClientForked, ContractReverted, ServiceUnavailable
from sealgrid.poco.refusals import explain

MAX_BATCH: Final = 50  #: public nodes accept at most 100
MAX_IN_FLIGHT: Final = 4  #: batches; requests wait while as many are in flight, and then form the next batch
TIMEOUT_SECONDS: Final = 30.0

MAX_REPLY_BYTES: Final = 128 << 20  #: of a batch; a node that sends more counts as one that does not answer

#: Not compressed: a few kilobytes of a node could become gigabytes here.
_HEADERS: Final = {"content-type": "application/json", "accept-encoding": "identity"}
_JSON_NULL: Final = b"null"
_CONTRACT_FAILURES: Final = ("revert", "out of gas", "outofgas")  #: spellings of several nodes
_REVERT_PREFIX: Final = "execution reverted"


class _Error(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Reply(msgspec.Struct, frozen=True):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(_JSON_NULL)
    error: _Error | None = None


_Future = asyncio.Future[_Reply | None]  #: None: the node did not answer


class Endpoint:
    """A connection to one node. It opens with the first request; close it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._process = os.getpid()
        self._queued: dict[bytes, _Future] = {}
        self._in_flight: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connection; open requests raise ServiceUnavailable."""
        for task in tuple(self._in_flight):
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(self, method: str, *parameters: object, action: str) -> msgspec.Raw:
        """Return a method's result as JSON.

        Raises ContractReverted if a contract reverts, ServiceUnavailable if the node does not answer, ChainError for
        every other error.
        """
        if os.getpid() != self._process:
            raise ClientForked  # its sockets and its event loop are those of the other process
        request = msgspec.json.encode((method, parameters))
        future = self._queued.get(request)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._queued[request] = loop.create_future()
            if len(self._queued) == 1:
                loop.call_soon(self._send_batches)
        reply = await asyncio.shield(future)  # other callers may await the same future
        return _result(reply, action)

    async def send_raw(self, raw: bytes, *, action: str) -> str:
        """Send a signed transaction in a request of its own, once, and return its hash; raises like ``request``.

        Two equal transactions must not become one request, and a repeated one looks like a nonce in use.
        """
        body = _encode_batch((msgspec.json.encode(("eth_sendRawTransaction", ("0x" + raw.hex(),))),))
        try:
            reply = _decode_batch(await self._post(body), 1).get(0)
        except (aiohttp.ClientError, TimeoutError, OSError, *DECODE_ERRORS):
            reply = None
        return str(msgspec.json.decode(_result(reply, action)))

    def _send_batches(self) -> None:
        while self._queued and len(self._in_flight) < MAX_IN_FLIGHT:
            batch = {request: self._queued.pop(request) for request in list(self._queued)[:MAX_BATCH]}
            task = asyncio.get_running_loop().create_task(self._send(batch))
            self._in_flight.add(task)
            task.add_done_callback(self._on_sent)

    def _on_sent(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._send_batches()

    async def _send(self, batch: dict[bytes, _Future]) -> None:
        replies: dict[int | None, _Reply] = {}
        try:
            body = _encode_batch(tuple(batch))
            try:
                answer = await self._post(body)
            except aiohttp.ServerDisconnectedError:  # an idle connection closed; repeating a read has no side effect
                answer = await self._post(body)
            replies = _decode_batch(answer, len(batch))
        except (aiohttp.ClientError, TimeoutError, OSError, *DECODE_ERRORS):
            pass
        finally:
            for number, future in enumerate(batch.values()):
                future.set_result(replies.get(number))

    async def _post(self, body: bytes) -> bytes:
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=limit, auto_decompress=False)
        reply = bytearray()
        async with self._session.post(self._url, data=body, headers=_HEADERS) as response:
            async for piece in response.content.iter_any():
                reply += piece
                if len(reply) > MAX_REPLY_BYTES:
                    raise aiohttp.ClientPayloadError
        return bytes(reply)


def _encode_batch(requests: tuple[bytes, ...]) -> bytes:
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        for number, (method, parameters) in enumerate(map(msgspec.json.decode, requests))
    ]
    return msgspec.json.encode(calls[0] if len(calls) == 1 else calls)


def _decode_batch(body: bytes, size: int) -> dict[int | None, _Reply]:
    if body.lstrip()[:1] == b"[":
        return {reply.id: reply for reply in msgspec.json.decode(body, type=list[_Reply])}
    reply = msgspec.json.decode(body, type=_Reply)
    # A node that refuses a whole batch sends one error.
    return dict.fromkeys(range(size), reply) if size == 1 or reply.error is not None else {}


def _result(reply: _Reply | None, action: str) -> msgspec.Raw:
    if reply is None:
        raise ServiceUnavailable(f"{action}: the chain's node does not answer; try again.")
    if reply.error is not None:
        message = reply.error.message
        if reply.error.code == 3 or any(failure in message.lower() for failure in _CONTRACT_FAILURES):
            raise ContractReverted(f"{action}: {explain(revert_reason(message))}")
        raise ChainError(f"{action}: the node refused: {message[:200]}.")
    return reply.result


def revert_reason(message: str) -> str:
    """Return a contract's revert reason from a node's error message; empty if the contract gave none."""
    text = message.removeprefix(_REVERT_PREFIX).removeprefix(":").strip()
    return "" if text in ("no data", "custom error 0x:", "") else text
