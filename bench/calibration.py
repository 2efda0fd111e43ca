"""Calibration of absolute figures: speed of plain Python and of the bare chain in the same run."""

import statistics
import time

from sealgrid.chain.accounts import development_key
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet

LOOPS = 1_000_000
REPEATS = 5
TRANSACTIONS = 20
ACCOUNT = "publisher"  #: a development account that nothing else here uses


def cpu() -> str:
    """Time a fixed loop of pure Python on one core."""
    return f"CPU loop {1000 * statistics.median(_loop() for _ in range(REPEATS)):.0f} ms"


async def cpu_and_chain(rpc_url: str) -> str:
    """Time the loop, and 20 empty transactions one after the other, each waited for as the SDK does."""
    loop = cpu()
    async with Node(rpc_url) as node:
        wallet = Wallet(node, development_key(ACCOUNT))
        begun = time.perf_counter()
        for _ in range(TRANSACTIONS):
            await wallet.send(wallet.address, b"")
        return f"{loop}; {TRANSACTIONS} transactions {1000 * (time.perf_counter() - begun):.0f} ms"


def _loop() -> float:
    begun, total = time.perf_counter(), 0
    for number in range(LOOPS):
        total += number * number & 7
    return time.perf_counter() - begun
