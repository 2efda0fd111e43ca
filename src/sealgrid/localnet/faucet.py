"""Faucet of a shared test network: gives test ether and RLC, within limits for each account and each client.

A request is refused if

1. the account is not an address, or the amount is not between 1 nRLC and the limit of a day;
2. the client asked more often than ``requests_per_hour``;
3. the account would have more than the limit of a day from this faucet, by the transfers on the chain.
"""

import asyncio
import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from sealgrid.chain.abi import interface
from sealgrid.chain.deploy import fund
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, TooManyRequests
from sealgrid.units import Address, to_address, to_bytes
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.faucet import FundingReply, FundingRequest
from sealgrid.wire.message import parse
from sealgrid.wire.rate_limit import RateLimit, TokenBuckets
from sealgrid.wire.server import AnyRequest, allow_every_site, cors_config, create_app, json_response
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess, client_address
from sealgrid.wire.service_monitor import ServiceMonitor

RLC: Final = 10**9  #: nRLC
DAY_SECONDS: Final = 86_400
MINUTES_PER_HOUR: Final = 60


@dataclass(frozen=True, slots=True)
class FaucetConfig:
    """Settings of the faucet."""

    key_file: Path  #: of the account that holds the test money
    node_url: str
    token: Address
    access: ServiceAccess = DEFAULT_ACCESS
    daily_limit: int = 1_000 * RLC  #: nRLC of one account in 24 hours
    requests_per_hour: int = 20  #: of one client
    gas: int = 10**18  #: wei that an account with less than a tenth of it gets


class Faucet:
    """Gives test money to accounts."""

    def __init__(self, config: FaucetConfig, wallet: Wallet, clock: Callable[[], float] = time.monotonic) -> None:
        self.config, self._wallet, self._clock = config, wallet, clock
        rate = RateLimit(config.requests_per_hour / MINUTES_PER_HOUR, burst=config.requests_per_hour)
        self._clients, self._lock = TokenBuckets(rate), asyncio.Lock()

    async def give(self, request: FundingRequest, client: str) -> FundingReply:
        """Send the requested credits, and ether if the account has too little; raise as the module says."""
        config = self.config
        account = _parse_account(request.account)  # (1)
        if not 0 < request.amount <= config.daily_limit:
            raise InputRefused(
                f"ask for more than 0 and at most {config.daily_limit // RLC} RLC; the faucet sent nothing."
            )
        if wait := self._clients.take(client, self._clock()):  # (2)
            raise TooManyRequests(
                f"the faucet answers {config.requests_per_hour} requests an hour; "
                f"ask again in {math.ceil(wait / 60)} min.",
                seconds=math.ceil(wait),
            )
        async with self._lock:  # two requests at once must not pass the same limit
            given = await self._given_today(account)
            if given + request.amount > config.daily_limit:  # (3)
                raise TooManyRequests(
                    f"the faucet gives an account {config.daily_limit // RLC} RLC a day; today it can still give "
                    f"{(config.daily_limit - given) / RLC:g} RLC to {account}."
                )
            wei = await self._gas_for(account)
            # In this order, a transfer of credits that fails means that nothing was sent.
            await fund(self._wallet, config.token, account, request.amount)
            if wei:
                await self._wallet.send(account, b"", value=wei, action="Sending test ether after the RLC")
        return FundingReply(amount=request.amount, wei=wei)

    async def _given_today(self, account: Address) -> int:
        node, sender = self._wallet.node, self._wallet.address
        topics = [interface("Token").topic("Transfer"), *(bytes(12) + to_bytes(each, 20) for each in (sender, account))]
        head = await node.block()
        given = 0
        for log in reversed(await node.logs(self.config.token, topics, first=0, last=head.number)):
            if (await node.block(log.block_number)).timestamp <= head.timestamp - DAY_SECONDS:
                break
            given += int.from_bytes(log.data, "big")
        return given

    async def _gas_for(self, account: Address) -> int:
        balance = int(await self._wallet.node.rpc("eth_getBalance", account, "latest"), 16)
        return self.config.gas if balance < self.config.gas // 10 else 0


def _parse_account(text: str) -> Address:
    try:
        return to_address(text.lower())
    except ValueError as error:
        raise InputRefused(f"{text[:80]!r} is not an account's address; the faucet sent nothing.") from error


def handlers(faucet: Faucet) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @post("/funds", status_code=200)
    async def funds(request: AnyRequest) -> Response[bytes]:
        given = await faucet.give(parse(await request.body(), FundingRequest), client_address(request.scope))
        return json_response(given)

    return [funds]


async def run(config: FaucetConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    key = SigningKey.from_bytes(bytes.fromhex(config.key_file.read_text()))
    async with Node(config.node_url) as node:
        faucet = Faucet(config, Wallet(node, key))
        app = create_app(
            handlers(faucet), access=config.access, origin_check=allow_every_site, cors=cors_config("POST")
        )
        await serve_monitored(app, sock, ready, config.access, ServiceMonitor("faucet"))
