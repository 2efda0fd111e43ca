"""One pool in its own process: ``python -m tests.integration.pool_process CONFIG.json PORT``, ended by a signal."""

import asyncio
import logging
import sys
from pathlib import Path

import msgspec

from sealgrid.pool.config import PoolConfig
from sealgrid.pool.runner import run
from sealgrid.wire.server import listen


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    config = msgspec.json.decode(
        Path(sys.argv[1]).read_bytes(), type=PoolConfig, dec_hook=lambda kind, text: kind(text)
    )
    asyncio.run(run(config, listen(int(sys.argv[2])), lambda: print("ready", flush=True)))  # noqa: T201


if __name__ == "__main__":
    main()
