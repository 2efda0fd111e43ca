"""Sends an account's events to the URL that it chose, as JSON over HTTP POST, until the receiver accepts them.

Only accounts of a local network's built-in wallets have webhooks: their users own the machine that sends the requests.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from sealgrid.errors import InputRefused
from sealgrid.sdk.stores.private_files import write_private
from sealgrid.units import Address
from sealgrid.wire.server import log_unexpected_error

POLL_SECONDS: Final = 1.0
OVERLAP_SECONDS: Final = 10  #: events are read again for so long: a block may be indexed later than its time
TIMEOUT_SECONDS: Final = 5.0
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 2, 3600  #: each wait is twice the one before
MAX_URL: Final = 500
_log = logging.getLogger("sealgrid.web")
Documents = Callable[[Address, int, int], list[dict[str, Any]]]


class Webhook(msgspec.Struct, forbid_unknown_fields=True):
    """The webhook of one account, and how far it got."""

    url: str
    start: int  #: Unix seconds; no earlier event is sent
    since: int  #: the time of the newest event that was sent
    sent: list[str] = []  #: of the last seconds before ``since``
    failures: int = 0  #: one after the other
    due: int = 0  #: no request before that, Unix seconds


class Webhooks:
    """The webhooks of a site's accounts, in one file; ``documents`` returns the events of an account between times."""

    def __init__(
        self,
        file: Path,
        addresses: Mapping[str, Address],
        documents: Documents,
        clock: Callable[[], float],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._file, self._addresses, self._documents, self._clock = file, addresses, documents, clock
        self._transport = transport
        self._hooks = msgspec.json.decode(file.read_bytes(), type=dict[str, Webhook]) if file.exists() else {}

    def url(self, account: str) -> str:
        """Return an account's URL; empty for none."""
        hook = self._hooks.get(account)
        return hook.url if hook else ""

    def failures(self, account: str) -> int:
        """Return how many requests in a row the receiver has not accepted."""
        hook = self._hooks.get(account)
        return hook.failures if hook else 0

    async def set(self, account: str, url: str) -> None:
        """Send an account's events from now on to ``url``, none if it is empty; raise InputRefused for no HTTP URL."""
        now = int(self._clock())
        if account not in self._addresses:
            raise InputRefused("this site has no wallet of that name.", money="")
        if not url:
            self._hooks.pop(account, None)
        else:
            self._hooks[account] = Webhook(_checked(url), start=now, since=now)
        await asyncio.to_thread(self._save)

    async def run(self) -> None:
        """Send events until cancelled."""
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, transport=self._transport) as client:
            while True:
                try:
                    await self.step(client)
                except Exception as error:  # noqa: BLE001  a dead sender would stay silent
                    log_unexpected_error(error)
                await asyncio.sleep(POLL_SECONDS)

    async def step(self, client: httpx.AsyncClient) -> int:
        """Send what is due; return how many events were accepted."""
        now = int(self._clock())
        accepted = [await self._send(client, name, hook, now) for name, hook in list(self._hooks.items())]
        if any(accepted):
            await asyncio.to_thread(self._save)
        return sum(accepted)

    async def _send(self, client: httpx.AsyncClient, name: str, hook: Webhook, now: int) -> int:
        if now < hook.due:
            return 0
        since = max(hook.start, hook.since - OVERLAP_SECONDS)
        accepted = 0
        for event in await asyncio.to_thread(self._documents, self._addresses[name], since, now):
            key = f"{event['kind']} {event['id']} {event['asset']}"
            if key in hook.sent:
                continue
            if not await self._post(client, hook.url, {"account": self._addresses[name], **event}):
                hook.due = now + min(FIRST_RETRY_SECONDS << min(hook.failures, 20), LAST_RETRY_SECONDS)
                hook.failures += 1
                break
            accepted += 1
            hook.failures, hook.since = 0, max(hook.since, event["time"])
            hook.sent = [*hook.sent, key][-1000:]
        return accepted

    async def _post(self, client: httpx.AsyncClient, url: str, event: dict[str, Any]) -> bool:
        try:
            headers = {"content-type": "application/json"}
            # The body of the answer is not read: a receiver could send one without end.
            async with client.stream("POST", url, content=msgspec.json.encode(event), headers=headers) as response:
                return response.is_success
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _log.warning("a webhook cannot be called: %s", type(error).__name__)
            return False

    def _save(self) -> None:
        write_private(self._file, msgspec.json.encode(self._hooks))


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or len(url) > MAX_URL or not url.isprintable():
        raise InputRefused(f"{url[:80]!r} is not an HTTP URL; write it as http://127.0.0.1:9000/events.", money="")
    return url
