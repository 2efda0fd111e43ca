"""The market of scene.py on a hub without a teebroker, with a PoolGate that owns the pool."""

from dataclasses import replace

from sealgrid.chain.accounts import development_key
from sealgrid.chain.deploy import BrokerConfig, deploy_gate
from sealgrid.chain.pool_gate import PoolGate
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.units import ZERO_ADDRESS, DealId
from tests.contracts.scene import FUNDS, POOL_PRICE, TERMS, Market

OPERATOR = "pool"


class GatedMarket(Market):
    """A market whose pool orders are presigned on chain by the gate's operator."""

    @property
    def gate(self) -> PoolGate:
        return PoolGate(self.node, self.broker.address)

    def pool_order(self, **changes: object) -> WorkerpoolOrder:
        fields = {"workerpool": self.pool, "workerpoolprice": POOL_PRICE, "volume": 1000, "tag": TEE_TAG}
        return WorkerpoolOrder(**fields | changes)

    async def deal(self, *, category: str = "XS", **changes: object) -> DealId:
        tags = {"tag": changes["tag"]} if "tag" in changes else {}
        number = self.deployment.categories[category]
        order = self.pool_order(category=number, **tags)
        await self.gate.sign_order(self.wallet(OPERATOR), order)
        return await self.hub.match_orders(
            self.wallet("requester"),
            self.app_order(**tags),
            self.dataset_order(**tags),
            order,
            self.request(category=number, **changes),
        )


async def gated(market: Market, terms: BrokerConfig = TERMS) -> GatedMarket:
    """Unset the teebroker, deploy a gate, register its pool and deposit its stake."""
    admin, operator = market.wallet("admin"), market.wallet(OPERATOR)
    await admin.call(market.hub.address, "Hub", "setTeeBroker", ZERO_ADDRESS)
    gate = PoolGate(market.node, await deploy_gate(admin, market.hub.address, terms, operator.address))
    pool = await market.assets.create_workerpool(operator, description="gated", owner=gate.address)
    await market.hub.deposit_for(operator, FUNDS, gate.address)
    same = replace(market, broker=gate, domain=await gate.domain(), vault_set=await gate.vault_set(), pool=pool)
    return GatedMarket(**vars(same))


async def judged_by(who: str, market: Market) -> Market:
    """The market with its broker, or with a gate."""
    return market if who == "broker" else await gated(market)


def operator_signs(digest: bytes) -> bytes:
    return development_key(OPERATOR).sign(digest)
