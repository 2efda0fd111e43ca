"""The HTTP API: ``POST /``, ``GET /transactions``, ``GET /transactions/<id>``, ``GET /marketplace``."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.params import FromPath

from sealgrid.ados.api.config import ApiConfig
from sealgrid.ados.api.keys import ApiKey, ApiKeyFolder
from sealgrid.ados.api.live_market import LiveMarket
from sealgrid.ados.api.messages import UNASSIGNED, ScoreRequest, TransactionSummary
from sealgrid.ados.api.openapi import JSON_LD, description
from sealgrid.ados.api.service import TransactionService
from sealgrid.errors import TooManyRequests
from sealgrid.wire.message import parse
from sealgrid.wire.rate_limit import RateLimit, TokenBuckets
from sealgrid.wire.server import create_app, json_response

_MINUTES = 60
ApiRequest = Request[Any, Any, Any]


class HourlyLimit:
    """Requests of each API key in an hour. ``clock`` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._buckets = clock, dict[int, TokenBuckets]()

    def acquire(self, key: ApiKey) -> None:
        """Count a request; raise TooManyRequests above the rate of its key."""
        most = key.requests_per_hour
        buckets = self._buckets.setdefault(most, TokenBuckets(RateLimit(most / _MINUTES, burst=most)))
        if wait := buckets.take(key.name, self._clock()):
            seconds = math.ceil(wait)
            raise TooManyRequests(f"your key has {most} requests an hour; ask again in {seconds} s.", seconds=seconds)


def application(
    service: TransactionService, keys: ApiKeyFolder, market: LiveMarket, config: ApiConfig, limit: HourlyLimit
) -> Litestar:
    """Return the application of the API."""

    def authenticated(request: ApiRequest) -> ApiKey:
        key = keys.authenticate(request.headers.get("authorization"))
        limit.acquire(key)
        return key

    @post("/")
    async def submit(request: ApiRequest) -> Response[bytes]:
        key = authenticated(request)
        wanted = parse(await request.body(), ScoreRequest)
        reply = await service.submit(key, wanted, request.headers.get("idempotency-key"))
        return json_response(reply, 201)

    @get("/transactions")
    async def transactions(request: ApiRequest) -> Response[bytes]:
        own = service.all(authenticated(request))
        return json_response(
            [
                TransactionSummary(
                    transaction_id=each.id,
                    task_id=each.task or UNASSIGNED,
                    last_update=datetime.fromtimestamp(each.updated, UTC).isoformat(),
                )
                for each in own
            ]
        )

    @get("/transactions/{transaction:str}")
    async def transaction_by_id(transaction: FromPath[str], request: ApiRequest) -> Response[bytes]:
        return json_response(await service.reply(service.find(authenticated(request), transaction)))

    @get("/marketplace")
    async def list_models() -> Response[bytes]:
        return Response(await market.listing(), media_type=JSON_LD)

    @get("/openapi.json")
    async def openapi() -> Response[bytes]:
        return json_response(description(version("sealgrid")))

    handlers = [submit, transactions, transaction_by_id, list_models, openapi]
    return create_app(handlers, access=config.access, max_body=config.largest_body)
