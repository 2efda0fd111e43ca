"""Publishes and reads orders on the scene's market, as its development accounts."""

from dataclasses import dataclass

from sealgrid.chain.accounts import development_key
from sealgrid.market.service import OrderService
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, WorkerpoolOrder, to_document
from sealgrid.units import Digest
from sealgrid.wire.market import Kind, MarketClient, OpenOrder
from tests.contracts.scene import Market

URL = "http://market.example"  #: the market accepts every host name
ANY = {"workerpool": "any", "requester": "any"}


@dataclass
class Traders:
    """Publishes as the development account that signs orders of a kind."""

    scene: Market
    client: MarketClient
    service: OrderService

    async def publish(self, order: Order, who: str = "") -> Digest:
        kind, signer = place_of(order)
        return await self.client.publish(kind, to_document(order), development_key(who or signer))

    async def unpublish(self, order: Order, order_hash: Digest, who: str = "") -> None:
        kind, signer = place_of(order)
        await self.client.unpublish(kind, order_hash, development_key(who or signer))

    async def apps(self, **filters: str) -> tuple[OpenOrder, ...]:
        return await self.client.orders("apporders", **({"app": "any", "dataset": "any"} | ANY | filters))

    async def datasets(self, **filters: str) -> tuple[OpenOrder, ...]:
        return await self.client.orders("datasetorders", **({"dataset": "any", "app": "any"} | ANY | filters))

    async def requests(self, **filters: str) -> tuple[OpenOrder, ...]:
        return await self.client.orders("requestorders", **({"workerpool": "any"} | filters))

    async def pools(self, **filters: str) -> tuple[OpenOrder, ...]:
        anyone = {"app": "any", "dataset": "any", "requester": "any"}
        return await self.client.orders("workerpoolorders", **(anyone | filters))

    async def status(self, order: Order, order_hash: Digest) -> str:
        return (await self.client.order(place_of(order)[0], order_hash)).status

    async def sync_with_chain(self) -> None:
        await self.service.chain.sync()


def place_of(order: Order) -> tuple[Kind, str]:
    """Return the kind of an order, and the account that signs such orders in the scene."""
    match order:
        case AppOrder():
            return "apporders", "developer"
        case DatasetOrder():
            return "datasetorders", "owner"
        case WorkerpoolOrder():
            return "workerpoolorders", "pool"
    return "requestorders", "requester"
