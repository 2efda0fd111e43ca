"""``python -m bench.web_process NETWORK_FILE FOLDER``: a web process; prints its address."""

import asyncio
import sys
from pathlib import Path

from sealgrid.localnet.layout import cache_folder
from sealgrid.sdk.network import load_network
from sealgrid.web.runner import WebConfig, run
from sealgrid.wire.server import listen
from sealgrid.wire.service_access import ONE_MACHINE


def main() -> None:
    network, folder = load_network(Path(sys.argv[1])), Path(sys.argv[2])
    sock = listen()
    address = f"http://127.0.0.1:{sock.getsockname()[1]}"
    # Limits for each client would stand in the way of a load.
    config = WebConfig(folder=folder, network=network, libraries=cache_folder(), data=folder, access=ONE_MACHINE)
    asyncio.run(run(config, sock, lambda: print(address, flush=True)))


if __name__ == "__main__":
    main()
