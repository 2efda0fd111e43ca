"""One node's JSON-RPC (EIP-1474). What is asked in one turn of the event loop travels as one batch, each question once.

Ours rather than web3's: with its formatters and checks, and a new connection for each request, reading costs more than
all else that a vault does (bench/vault_load.py), and web3 takes about a second to import.
"""

import asyncio
from typing import Final

import aiohttp
import msgspec

from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import ChainError, ContractReverted, ServiceUnavailable
from sealgrid.poco.refusals import explain

MOST_IN_BATCH: Final = 50  #: public nodes take no more than 100
MOST_AT_ONCE: Final = 4  #: batches under way; what is asked meanwhile waits and travels together
SECONDS: Final = 30.0

_JSON: Final = {"content-type": "application/json"}
_JSON_NULL: Final = b"null"
_REVERTED: Final = "execution reverted"
_OF_A_CONTRACT: Final = ("revert", "out of gas", "outofgas")  #: in the nodes' several words


class _Error(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct, frozen=True):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(_JSON_NULL)
    error: _Error | None = None


_Future = asyncio.Future[_Answer | None]  #: None: the node did not answer


class Endpoint:
    """A connection to one node; it opens when something is asked. Close it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: dict[bytes, _Future] = {}
        self._flying: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connection; whoever still waits is told that there is no answer."""
        for task in tuple(self._flying):
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, method: str, *parameters: object, doing: str) -> msgspec.Raw:
        """Return a method's result as JSON.

        Raises ContractReverted for a contract's no, ServiceUnavailable for a silent node, ChainError for the rest.
        """
        question = msgspec.json.encode((method, parameters))
        future = self._waiting.get(question)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._waiting[question] = loop.create_future()
            if len(self._waiting) == 1:
                loop.call_soon(self._depart)
        answer = await asyncio.shield(future)  # others may wait for the same
        return _result(answer, doing)

    async def send_raw(self, raw: bytes, *, doing: str) -> str:
        """Send a signed transaction in a request of its own, once, and return its hash; raises like ``ask``.

        Two equal transactions must not become one request, and a repeated one looks like a nonce in use.
        """
        body = _written((msgspec.json.encode(("eth_sendRawTransaction", ("0x" + raw.hex(),))),))
        try:
            answer = _read(await self._post_once(body), 1).get(0)
        except (aiohttp.ClientError, TimeoutError, OSError, *UNREADABLE):
            answer = None
        return str(msgspec.json.decode(_result(answer, doing)))

    def _depart(self) -> None:
        while self._waiting and len(self._flying) < MOST_AT_ONCE:
            batch = {question: self._waiting.pop(question) for question in list(self._waiting)[:MOST_IN_BATCH]}
            task = asyncio.get_running_loop().create_task(self._travel(batch))
            self._flying.add(task)
            task.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        self._depart()

    async def _travel(self, batch: dict[bytes, _Future]) -> None:
        answers: dict[int | None, _Answer] = {}
        try:
            answers = _read(await self._post(_written(tuple(batch))), len(batch))
        except (aiohttp.ClientError, TimeoutError, OSError, *UNREADABLE):
            pass
        finally:
            for number, future in enumerate(batch.values()):
                future.set_result(answers.get(number))

    async def _post(self, body: bytes) -> bytes:
        try:
            return await self._post_once(body)
        except aiohttp.ServerDisconnectedError:  # a connection that had stood idle; reading again changes nothing
            return await self._post_once(body)

    async def _post_once(self, body: bytes) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        async with self._session.post(self._url, data=body, headers=_JSON) as response:
            return await response.read()


def _written(questions: tuple[bytes, ...]) -> bytes:
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        for number, (method, parameters) in enumerate(map(msgspec.json.decode, questions))
    ]
    return msgspec.json.encode(calls[0] if len(calls) == 1 else calls)


def _read(body: bytes, asked: int) -> dict[int | None, _Answer]:
    if body.lstrip()[:1] == b"[":
        return {answer.id: answer for answer in msgspec.json.decode(body, type=list[_Answer])}
    answer = msgspec.json.decode(body, type=_Answer)
    # A node that refuses a whole batch says so once.
    return dict.fromkeys(range(asked), answer) if asked == 1 or answer.error is not None else {}


def _result(answer: _Answer | None, doing: str) -> msgspec.Raw:
    if answer is None:
        raise ServiceUnavailable(f"{doing}: the chain's node does not answer; try again.")
    if answer.error is not None:
        raise _refusal(answer.error, doing)
    return answer.result


def _refusal(error: _Error, doing: str) -> ChainError:
    if error.code == 3 or any(word in error.message.lower() for word in _OF_A_CONTRACT):
        return ContractReverted(f"{doing}: {explain(reason_of(error.message))}")
    return ChainError(f"{doing}: the node refused: {error.message[:200]}.")


def reason_of(message: str) -> str:
    """Return the text of a revert, without the node's own words; empty when the contract gave none."""
    text = message.removeprefix(_REVERTED).removeprefix(":").strip()
    return "" if text in ("no data", "custom error 0x:", "") else text
