"""A launched test runtime, and its worker's end of the relay."""

import asyncio
import base64
import contextlib
import json
import tempfile
from pathlib import Path

from sealgrid.attestation.evidence import Collateral, Quote
from sealgrid.platform.simulated import SimulatedPlatform
from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.platform import LaunchReply, LaunchRequest, StartRequest

APP = Digest("0x" + "a5" * 32)
DATA = bytes(range(64))  #: report data


class Enclave:
    """One launched test runtime, and the worker's end of its relay."""

    def __init__(self, platform: SimulatedPlatform) -> None:
        self._platform = platform
        self._folder = tempfile.TemporaryDirectory(prefix="sg-relay-")
        self.connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()
        self.reply: LaunchReply
        self.instance = ""

    async def launch(self, app: Digest = APP) -> "Enclave":
        await self._listen()
        self.reply = await self._platform.launch(request(app, self._path))
        self.instance = self.reply.instance
        self.reader, self.writer = await self.connected
        return self

    async def start(self) -> str:
        """Start an enclave without a task; return the name of the instance."""
        await self._listen()
        self.instance = (await self._platform.start(StartRequest(relay=self._path))).instance
        self.reader, self.writer = await self.connected
        return self.instance

    async def assign(self, app: Digest = APP) -> None:
        self.reply = await self._platform.assign(self.instance, request(app, self._path))

    async def _listen(self) -> None:
        self._path = str(Path(self._folder.name) / "relay")
        self._server = await asyncio.start_unix_server(lambda r, w: self.connected.set_result((r, w)), self._path)

    async def ask(self, *question: object) -> object:
        self.writer.write(json.dumps(question).encode() + b"\n")
        answer = json.loads(await asyncio.wait_for(self.reader.readline(), 60))
        assert "error" not in answer, answer["error"]
        return answer["ok"]

    async def fails(self, *question: object) -> str:
        self.writer.write(json.dumps(question).encode() + b"\n")
        return json.loads(await asyncio.wait_for(self.reader.readline(), 60))["error"]

    async def close(self) -> None:
        await self._platform.stop(self.instance)
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()
        self._server.close()
        await self._server.wait_closed()
        self._folder.cleanup()


def request(app: Digest, relay: str) -> LaunchRequest:
    return LaunchRequest(
        app_digest=app,
        task=TaskId("0x" + "11" * 32),
        worker=Address("0x" + "22" * 20),
        chain=31337,
        hub=Address("0x" + "33" * 20),
        broker=Address("0x" + "44" * 20),
        vaults=(Address("0x" + "55" * 20),),
        threshold=1,
        relay=relay,
    )


async def quote(enclave: Enclave, data: bytes = DATA) -> Quote | None:
    answer = await enclave.ask("quote", data.hex())
    if answer is None:
        return None
    return Quote(base64.b64decode(answer["quote"]), Collateral(base64.b64decode(answer["collateral"])))
