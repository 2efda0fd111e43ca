"""Runs the API as one account of a network."""

import socket
import time
from collections.abc import Callable

import httpx

from sealgrid.ados.api.application import HourlyLimit, application
from sealgrid.ados.api.config import ApiConfig
from sealgrid.ados.api.keys import ApiKeyFolder
from sealgrid.ados.api.live_market import LiveMarket
from sealgrid.ados.api.references import DataReferences
from sealgrid.ados.api.seller import NetworkSeller
from sealgrid.ados.api.service import TransactionService
from sealgrid.ados.api.store import TransactionStore
from sealgrid.sdk.client import AsyncClient
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.service_monitor import ServiceMonitor


async def run(client: AsyncClient, config: ApiConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raise InputRefused while another process serves the same folder."""
    with TransactionStore.hold(config.transactions, config.limits) as store:
        await _serve(client, config, store, sock, ready)


async def _serve(
    client: AsyncClient, config: ApiConfig, store: TransactionStore, sock: socket.socket, ready: Callable[[], None]
) -> None:
    monitor = ServiceMonitor("ados")
    monitor.add_gauge("transactions", "Transactions without an end.", lambda: {"open": len(list(store.unfinished()))})

    async def balance() -> None:
        await client.account.balance()

    monitor.add_check("network", balance)
    async with httpx.AsyncClient(trust_env=False) as http:
        references = DataReferences(config.data_origins, config.largest_data, http)
        seller = NetworkSeller(client, config.app, config.pool)
        service = TransactionService(store, seller, references, clock=time.time)
        service.resume()
        keys, market = ApiKeyFolder(config.keys), LiveMarket(client, config.app)
        app = application(service, keys, market, config, HourlyLimit())
        try:
            await serve_monitored(app, sock, ready, config.access, monitor)
        finally:
            await service.close()
