"""A data feed on a real hub, its registered stations, and answers of the app as PoCo delivers them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.poco import ids
from sealgrid.receipts.deferred_callback import DeferredCallback, deferred_digest
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId, to_address, to_bytes, to_digest
from tests.contracts.scene import Attempt, Market

FEED = interface("DataFeed")
WINDOW, STALE = 3600, 7200
STATIONS = tuple(SigningKey.from_bytes(bytes([number]) * 32).address for number in (0x71, 0x72))
CALLBACK_GAS_SLOT = 0x5862653C6982C162832160CF30593645E8487B257E44D77CDD6B51EEE2651B00 + 20  #: PocoStorage's 21st field
COVERED = to_digest(b"\x0c" * 32)  #: digest of sealed result and receipt
_SALTS = count(1)


@dataclass(frozen=True)
class Answer:
    """What the app says about one window of a station; ``packed`` is the callback data."""

    window: int
    dqf: int = 97
    reason: int = 0
    station: Address = STATIONS[0]
    signed: bytes = b"\xda" * 32  #: the digest that the station signed
    roster: bytes | None = None  #: instead of the feed's
    version: int = 1
    deal: DealId | None = None  #: instead of the task's
    index: int | None = None

    def packed(self, deal: DealId, index: int, roster: bytes) -> bytes:
        word = self.version
        for value, bits in (
            (index if self.index is None else self.index, 32),
            (int(self.station, 16), 160),
            (self.window, 40),
            (self.dqf, 8),
            (self.reason, 8),
        ):
            word = word << bits | value
        head = to_bytes(self.deal or deal, 32) + self.signed + (self.roster or roster)
        return head + word.to_bytes(32, "big")


@dataclass(frozen=True)
class Feed:
    """A deployed feed with two stations."""

    market: Market
    address: Address

    async def read(self, function: str, *arguments: object) -> object:
        answer = await self.market.node.call(self.address, FEED.call_data(function, *arguments))
        return FEED.decode(function, answer)

    async def send(self, who: str, function: str, *arguments: object) -> TransactionReceipt:
        return await self.market.wallet(who).call(self.address, "DataFeed", function, *arguments)

    async def round(self, window: int, station: Address = STATIONS[0]) -> tuple[object, ...]:
        values = await self.read("round_of", station, window)
        assert isinstance(values, tuple)
        return values

    async def last_window(self) -> int:
        """The newest window that has ended."""
        return (await self.market.node.block()).timestamp // WINDOW - 1

    async def task(self, index: int = 0, **changes: object) -> Attempt:
        """A deal that calls this feed back, with one of its tasks."""
        fields = {"callback": self.address, "salt": to_digest(next(_SALTS).to_bytes(32, "big"))} | changes
        deal = await self.market.deal(**fields)
        task = await self.market.hub.initialize(self.market.wallet("pool"), deal, index)
        deadline = (await self.market.hub.view_task(task)).contribution_deadline
        return Attempt(market=self.market, deal=deal, task=task, index=index, expiry=deadline)

    async def data(self, attempt: Attempt, answer: Answer) -> bytes:
        roster = await self.read("roster")
        assert isinstance(roster, bytes)
        return answer.packed(attempt.deal, attempt.index, roster)

    async def accept(self, answer: Answer, **changes: object) -> TaskId:
        """Buy a run whose callback gives this answer."""
        attempt = await self.task(**changes)
        await publish(attempt, await self.data(attempt, answer))
        return attempt.task

    async def accept_with_gas(self, answer: Answer, gas: int, **changes: object) -> tuple[TaskId, int]:
        """The same with this callback gas of the hub; return what the callback used as well."""
        await set_callback_gas(self.market, gas)
        attempt = await self.task(**changes)
        receipt = await publish(attempt, await self.data(attempt, answer))
        return attempt.task, await callback_gas_used(self.market, receipt, self.address)

    async def has(self, window: int) -> bool:
        """Whether the first station's window has its round."""
        latest = await self.read("station_at", 1)
        data = FEED.call_data("round_of", latest, window)
        return bool(await self.market.node.call_succeeds(self.address, data, gas=1_000_000, action="Reading a round"))


async def open_feed(market: Market, **trusted: object) -> Feed:
    """Deploy a feed of the market's app and dataset, and register two stations."""
    values = {
        "hub": market.hub.address,
        "broker": market.broker.address,
        "gate": ZERO_ADDRESS,
        "app": market.app,
        "dataset": market.dataset,
        "requester": ZERO_ADDRESS,
        "window": WINDOW,
        "stale": STALE,
    } | trusted
    code, abi = artifacts.bytecode("DataFeed"), artifacts.abi("DataFeed")
    feed = Feed(market, await market.wallet("developer").deploy(code, abi, *values.values()))
    for number, station in enumerate(STATIONS, 1):
        await feed.send("developer", "register", station, f"station-{number}")
    return feed


async def open_pretender(market: Market, code: bytes, topics: Sequence[bytes], data: bytes) -> Address:
    """Deploy any code with a constructor of a stranger's, which writes one event."""
    push = "".join(f"7f{topic.hex()}" for topic in reversed(topics))  # PUSH32
    data_size, code_size = (f"61{len(each):04x}" for each in (data, code))  # PUSH2
    steps_size = len(push) // 2 + 26
    copy_data = f"{data_size}61{steps_size:04x}5f39"  # PUSH0 CODECOPY
    copy_code = f"{code_size}61{steps_size + len(data):04x}5f39"
    steps = f"{copy_data}{push}{data_size}5f{0xA0 + len(topics):x}{copy_code}{code_size}5ff3"  # LOGn … RETURN
    assert len(steps) == 2 * steps_size
    return await market.wallet("stranger").deploy(bytes.fromhex(steps) + data + code, [])


async def publish(
    attempt: Attempt, callback: bytes, *, digest: Digest | None = None, results: bytes = b"{}"
) -> TransactionReceipt:
    """Contribute and finalise with this callback data, or with none and this result digest."""
    found = digest or to_digest(keccak256(callback))
    message = personal_digest(ids.enclave_message(attempt.worker, attempt.task, found))
    return await attempt.market.hub.contribute_and_finalize(
        attempt.market.wallet("worker"),
        task=attempt.task,
        result_digest=found,
        results=results,
        callback=callback,
        enclave=attempt.enclave.address,
        enclave_signature=attempt.enclave.sign(message),
        authorisation=attempt.proof(),
    )


async def publish_deferred(attempt: Attempt, data: bytes) -> DeferredCallback:
    """Finalise with a commitment to these data."""
    deferred = DeferredCallback(data, b"\x5a" * 32)
    await publish(attempt, b"", digest=deferred_digest(COVERED, deferred.commitment()))
    return deferred


async def finalise_deferred(feed: Feed, answer: Answer, **changes: object) -> tuple[TaskId, DeferredCallback]:
    """Have a new task of the feed finalised with a commitment to an answer."""
    attempt = await feed.task(**{"callback": ZERO_ADDRESS} | changes)
    return attempt.task, await publish_deferred(attempt, await feed.data(attempt, answer))


async def set_callback_gas(market: Market, gas: int) -> None:
    """Set what the hub's owner sets by ``setCallbackGas``, a function that iExec's package deploys on no local hub."""
    await market.node.rpc(
        "anvil_setStorageAt", market.hub.address, hex(CALLBACK_GAS_SLOT), "0x" + gas.to_bytes(32, "big").hex()
    )


async def callback_gas_used(market: Market, receipt: TransactionReceipt, target: Address) -> int:
    """Return the gas of PoCo's call of ``target`` in a transaction."""
    trace = await market.node.rpc("debug_traceTransaction", receipt.transaction, {"tracer": "callTracer"})
    calls = [trace]
    while calls:
        call = calls.pop()
        if to_address(to_bytes(call.get("to") or ZERO_ADDRESS, 20)) == target:
            return int(call["gasUsed"], 16)
        calls += call.get("calls", [])
    raise AssertionError("PoCo did not call back")
