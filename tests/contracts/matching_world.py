"""A hub with every circumstance that a match can meet, and the same circumstances as plain values."""

from dataclasses import dataclass

import httpx
import msgspec

from sealgrid.chain.abi import interface
from sealgrid.chain.access_policy import AccessPolicy
from sealgrid.chain.accounts import development_key
from sealgrid.chain.endpoint import revert_reason
from sealgrid.crypto.signing import ORDER
from sealgrid.poco.matching import OrderSet, Registry
from sealgrid.poco.orders import NO_DATASET_ORDER, AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.poco.typed_data import is_signed_by, order_hash
from sealgrid.units import Address, Digest, to_bytes, to_digest
from tests.contracts.mocks import Mock
from tests.contracts.scene import Market

KEYS = {name: development_key(name) for name in ("developer", "owner", "pool", "requester", "requester2", "thief")}
PRESIGNED, USED, CLOSED = (to_digest(bytes([number]) * 32) for number in (1, 2, 3))  #: salts
APPROVED = to_digest(b"\x04" * 32)  #: salt of the order that the contract which owns ``contract_app`` approved
USED_UP_TO = 3
POOR = "thief"  #: owns a pool and has nothing in escrow


@dataclass(frozen=True)
class World:
    """The hub, and what it knows, as ``MatchingState``."""

    market: Market
    group: Address
    odd_groups: dict[str, Address]  #: that give every account the same answer
    members: frozenset[Address]
    owners: dict[tuple[Registry, Address], Address]
    used: dict[Digest, int]
    presigned: dict[Digest, Address]
    contract: Address
    contract_app: Address
    poor_pool: Address
    stakes: dict[Address, int]

    def categories(self) -> int:
        return len(self.market.deployment.categories)

    def owner(self, registry: Registry, asset: Address) -> Address | None:
        return self.owners.get((registry, asset))

    def consumed(self, order: Digest) -> int:
        return self.used.get(order, 0)

    def authorised(self, account: Address, order: Digest, signature: bytes) -> bool:
        if self.presigned.get(order) == account:
            return True
        if account == self.contract:
            return order == order_hash(self.app_order(app=self.contract_app, salt=APPROVED), self.market.orders)
        return is_signed_by(account, order, signature)

    def in_group(self, group: Address, account: Address) -> bool:
        if group in (self.odd_groups["YES"], self.odd_groups["LONG"]):
            return account in parties(self.market)
        return group == self.group and account in self.members

    def stake(self, account: Address) -> int:
        return self.stakes.get(account, 0)

    # --- orders that match unless something is changed

    def app_order(self, **changes: object) -> AppOrder:
        return msgspec.structs.replace(AppOrder(app=self.market.app, appprice=3, volume=10), **changes)

    def dataset_order(self, **changes: object) -> DatasetOrder:
        base = DatasetOrder(dataset=self.market.dataset, datasetprice=10, volume=10)
        return msgspec.structs.replace(base, **changes)

    def pool_order(self, **changes: object) -> WorkerpoolOrder:
        base = WorkerpoolOrder(workerpool=self.market.pool, workerpoolprice=1000, volume=10)
        return msgspec.structs.replace(base, **changes)

    def request(self, **changes: object) -> RequestOrder:
        me = KEYS["requester"].address
        base = RequestOrder(
            app=self.market.app,
            dataset=self.market.dataset,
            requester=me,
            beneficiary=me,
            appmaxprice=3,
            datasetmaxprice=10,
            workerpoolmaxprice=1000,
            volume=10,
        )
        return msgspec.structs.replace(base, **changes)

    def signed(self, order: Order, how: str = "good") -> Order:
        """Sign as an account that may, or badly."""
        if order == NO_DATASET_ORDER:
            return order
        digest = to_bytes(order_hash(order, self.market.orders), 32)
        key = KEYS["thief"] if how == "thief" else self._key(order)
        return msgspec.structs.replace(order, sign=_SIGNATURES[how](key.sign(digest)))

    def _key(self, order: Order) -> object:
        match order:
            case RequestOrder():
                return next((key for key in KEYS.values() if key.address == order.requester), KEYS["requester"])
            case WorkerpoolOrder():
                return KEYS[POOR] if order.workerpool == self.poor_pool else KEYS["pool"]
            case DatasetOrder():
                return KEYS["owner"]
        return KEYS["developer"]

    async def refusal(self, four: OrderSet, sponsor: Address | None = None) -> str:
        """Return the chain's answer to a match that the requester, or a sponsor, pays: empty when it would match, else the revert's number, or its text."""
        values = [_values(order) for order in (four.app, four.dataset, four.workerpool, four.request)]
        data = interface("Hub").call_data("sponsorMatchOrders" if sponsor else "matchOrders", *values)
        call = {"to": self.market.hub.address, "data": "0x" + data.hex()} | ({"from": sponsor} if sponsor else {})
        request = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
        # Raw: our own calls raise an explained error.
        async with httpx.AsyncClient() as client:
            answer = (await client.post(self.market.node.url, json=request)).json()
        if "result" in answer:
            return ""
        reason = revert_reason(answer["error"]["message"])
        return reason.rpartition("iExecV5-matchOrders-0x")[2] if "matchOrders-0x" in reason else reason or "none"


def short(signature: bytes) -> bytes:
    """Return a signature in EIP-2098's 64 bytes."""
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return signature[:32] + s.to_bytes(32, "big")


def _high(signature: bytes) -> bytes:
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


_SIGNATURES = {
    "good": lambda made: made,
    "thief": lambda made: made,
    "short": short,
    "empty": lambda made: b"",
    "long": lambda made: made + b"\0",
    "junk": lambda made: b"\x01" * 65,
    "high s": _high,
    "v 0": lambda made: made[:64] + bytes([made[64] - 27]),
}
SIGNATURES = tuple(_SIGNATURES)


def _values(order: Order) -> tuple[object, ...]:
    return (*(getattr(order, name) for _, name in order.TYPES), order.sign)


#: In the order of OddGroup's flag.
GROUP_ANSWERS = ("YES", "REVERT", "TWO", "SHORT", "LONG", "WRITE")


def parties(market: Market) -> tuple[Address, ...]:
    """Return every account that may take part in a deal."""
    return (market.app, market.dataset, market.pool, KEYS["requester"].address)


async def open_odd_groups(market: Market) -> dict[str, Address]:
    """Deploy one group for each answer of answering."""
    made = {}
    for number, answer in enumerate(GROUP_ANSWERS):
        group = await Mock.deploy("OddGroup", market.wallet("owner"), market.hub.address)
        for party in parties(market):
            await group.call("set_answer", party, 1 << number)
        made[answer] = group.address
    return made


async def open_world(market: Market) -> World:
    """Bring a hub into every circumstance."""
    wallets = {name: market.wallet(name) for name in KEYS}
    policy = await AccessPolicy.deploy(wallets["owner"])
    members = frozenset({KEYS["requester"].address, market.app, market.pool})
    for member in sorted(members):
        await policy.grant(wallets["owner"], member)
    contract = await Mock.deploy("SigningOwner", wallets["thief"])
    contract_app = await market.assets.create_app(
        wallets["developer"], name="owned by a contract", multiaddr="/ipfs/x", checksum=to_digest(b"\x08" * 32)
    )
    await market.assets.transfer(wallets["developer"], "App", contract_app, contract.address)
    poor_pool = await market.assets.create_workerpool(wallets[POOR], description="poor")
    key = {name: each.address for name, each in KEYS.items()}
    world = World(
        market=market,
        group=policy.address,
        odd_groups=await open_odd_groups(market),
        members=members,
        owners={
            ("App", market.app): key["developer"],
            ("App", contract_app): contract.address,
            ("Dataset", market.dataset): key["owner"],
            ("Workerpool", market.pool): key["pool"],
            ("Workerpool", poor_pool): key[POOR],
        },
        used={},
        presigned={},
        contract=contract.address,
        contract_app=contract_app,
        poor_pool=poor_pool,
        stakes={},
    )
    await _make_history(world, contract)
    for address in {*key.values(), contract.address}:
        world.stakes[address] = (await market.hub.account(address)).stake
    return world


async def _make_history(world: World, contract: Mock) -> None:
    orders = {
        "developer": world.app_order,
        "owner": world.dataset_order,
        "pool": world.pool_order,
        "requester": world.request,
    }
    hub, domain = world.market.hub, world.market.orders
    for name, make in orders.items():
        order, wallet = make(salt=PRESIGNED), world.market.wallet(name)
        await hub.presign(wallet, order)
        world.presigned[order_hash(order, domain)] = wallet.address
        await hub.cancel(wallet, make(salt=CLOSED))
        world.used[order_hash(make(salt=CLOSED), domain)] = make().volume
    four = [world.signed(make(salt=USED)) for make in orders.values()]
    four[3] = world.signed(world.request(salt=USED, volume=USED_UP_TO))
    await hub.match_orders(world.market.wallet("requester"), *four)
    for order in four:
        world.used[order_hash(order, domain)] = USED_UP_TO
    approved = order_hash(world.app_order(app=world.contract_app, salt=APPROVED), domain)
    await contract.call("approve", to_bytes(approved, 32))
