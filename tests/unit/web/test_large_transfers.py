"""Memory for large bodies at the pages is bounded, for each client and in total."""

import asyncio
from typing import Any

import pytest

from sealgrid.errors import TooManyRequests
from sealgrid.web.large_transfers import SMALL, LargeTransfers, limit_large_bodies, reserve
from sealgrid.web.site import MAX_UPLOAD

LARGE = SMALL + 1


def test_a_client_and_all_together_hold_at_most_their_limits() -> None:
    transfers = LargeTransfers(per_client=2 * LARGE, total=3 * LARGE)
    with transfers.reservation("one") as one, transfers.reservation("other") as other:
        one.add(LARGE)
        one.add(LARGE)
        with pytest.raises(TooManyRequests):
            one.add(LARGE)
        other.add(LARGE)
        with pytest.raises(TooManyRequests):
            other.add(LARGE)
        other.add(SMALL)  # is not counted
    with transfers.reservation("one") as again:
        again.add(2 * LARGE)


class Held:
    """An application that holds each request until it is let go."""

    def __init__(self) -> None:
        self.begun, self.goes_on = 0, asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun += 1
        await self.goes_on.wait()


def request(**headers: str) -> Any:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": raw, "client": ("192.0.2.1", 5)}


@pytest.mark.parametrize("headers", [{"content_length": str(MAX_UPLOAD)}, {"transfer_encoding": "chunked"}])
async def test_a_third_body_of_the_largest_size_of_one_client_waits(headers: dict[str, str]) -> None:
    held = Held()
    app = limit_large_bodies(held)
    running = [asyncio.create_task(app(request(**headers), None, None)) for _ in range(2)]  # type: ignore[arg-type]
    while held.begun < len(running):
        await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await app(request(**headers), None, None)  # type: ignore[arg-type]
    held.goes_on.set()
    await asyncio.gather(*running)
    await app(request(**headers), None, None)  # type: ignore[arg-type]
    assert held.begun == 3


async def test_a_large_file_that_is_fetched_counts_until_its_answer_is_sent() -> None:
    async def fetch(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(3):
            reserve(scope, MAX_UPLOAD)

    with pytest.raises(TooManyRequests):
        await limit_large_bodies(fetch)(request(), None, None)  # type: ignore[arg-type]
