"""Wakes the reader of a chain at each new block, by a subscription of its node (eth_subscribe "newHeads")."""

import asyncio
from contextlib import suppress
from typing import Final, NoReturn

import aiohttp
import msgspec

from sealgrid.errors import DECODE_ERRORS

QUIET_SECONDS: Final = 1.0  #: longest wait for a block by a reader whose node announces blocks
BURST_SECONDS: Final = 0.01  #: blocks of so much time are read together
HEARTBEAT_SECONDS: Final = 20.0
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 300.0  #: each wait is twice the one before
_MAX_MESSAGE: Final = 1 << 20  #: bytes
_SUBSCRIBE: Final = '{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}'


class _Message(msgspec.Struct, frozen=True):
    """The confirmation or refusal of the subscription, or the announcement of a block."""

    error: msgspec.Raw | None = None


class NewBlocks:
    """Announces the blocks of one node to one reader. Run it beside the reader.

    An announcement is a hint without content: the reader asks for the block as before. A node that has no
    subscriptions, at the address of its HTTP interface, is polled.
    """

    def __init__(self, url: str) -> None:
        self._url = url.replace("http", "ws", 1)
        self._announced = asyncio.Event()
        self._is_subscribed = False

    async def run(self) -> NoReturn:
        """Hold a subscription until cancelled."""
        pause = FIRST_RETRY_SECONDS
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                await self._listen()
            if self._is_subscribed:
                self._is_subscribed, pause = False, FIRST_RETRY_SECONDS
            self._announced.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_RETRY_SECONDS)

    async def wait(self, every: float) -> None:
        """Return after a new block, or else after ``every`` seconds, with a subscription at least QUIET_SECONDS."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(every, QUIET_SECONDS) if self._is_subscribed else every):
                await self._announced.wait()
                await asyncio.sleep(BURST_SECONDS)
        self._announced.clear()

    async def _listen(self) -> None:
        limit = aiohttp.ClientWSTimeout(ws_close=1.0)
        async with aiohttp.ClientSession() as session:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                socket = await session.ws_connect(
                    self._url, heartbeat=HEARTBEAT_SECONDS, max_msg_size=_MAX_MESSAGE, timeout=limit
                )
            await socket.send_str(_SUBSCRIBE)
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT or _is_error(message.data):
                    return
                self._is_subscribed = True
                self._announced.set()


def _is_error(text: str) -> bool:
    try:
        return msgspec.json.decode(text, type=_Message).error is not None
    except DECODE_ERRORS:
        return True
