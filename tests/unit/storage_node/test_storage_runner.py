import asyncio
import signal
import sys
from pathlib import Path

from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.storage import StorageClient

NODE = """
import asyncio, sys
from pathlib import Path
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import run
from sealgrid.wire.server import listen
assert not {"web3", "eth_account"} & set(sys.modules)
sock = listen()
ready = lambda: print("ready", sock.getsockname()[1], flush=True)
asyncio.run(run(StorageNodeConfig(folder=Path(sys.argv[1])), sock, ready))
"""


async def test_a_node_serves_over_http_without_web3_and_ends_at_a_signal(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", NODE, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    word, port = (await process.stdout.readline()).decode().split()
    assert word == "ready"
    async with HttpTransport(f"http://127.0.0.1:{port}") as transport:
        client = StorageClient(transport)
        stored = await client.put(b"over the wire")
        assert await client.read(stored.sha256, 0, 100) == b"over the wire"
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode in {0, -signal.SIGTERM}
