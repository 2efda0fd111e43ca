"""``python -m bench.market_process RPC_URL CHAIN GENESIS HUB FOLDER``: a market process; prints its address."""

import asyncio
import sys
from pathlib import Path

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.market.config import MarketConfig
from sealgrid.market.runner import run
from sealgrid.units import Address, Digest
from sealgrid.wire.server import listen
from sealgrid.wire.service_access import ONE_MACHINE


def main() -> None:
    rpc_url, chain, genesis, hub, folder = sys.argv[1:]
    sock = listen()
    address = f"http://127.0.0.1:{sock.getsockname()[1]}"
    config = MarketConfig(
        folder=Path(folder),
        network=NetworkIdentity(rpc_urls=(rpc_url,), chain=int(chain), genesis=Digest(genesis), hub=Address(hub)),
        access=ONE_MACHINE,
        orders_per_signer=10**9,  # limits would stand in the way of a load
    )
    asyncio.run(run(config, sock, lambda: print(address, flush=True)))


if __name__ == "__main__":
    main()
