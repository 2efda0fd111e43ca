"""A platform without a TEE, whose enclaves ask their worker what a real one asks before its task."""

import asyncio
import itertools

import msgspec

from sealgrid.errors import NotFound
from sealgrid.units import ZERO_DIGEST
from sealgrid.wire.platform import LaunchReply, LaunchRequest, StartReply
from sealgrid.wire.relay import EnclaveFailure, RelayClient


class Platform:
    """A platform whose enclaves ask for the app to prepare, and fail their task when they get one."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.relays: dict[str, RelayClient] = {}
        self.prepared: dict[str, str] = {}
        self.assigned: list[str] = []
        self.stopped: list[str] = []
        self.starts_early, self.assigns = True, True
        self.slow = asyncio.Event()  # starts after the first wait for it
        self.slow.set()

    async def start(self, relay: str) -> StartReply:
        if not self.starts_early:
            return StartReply(instance="")
        if self.relays:
            await self.slow.wait()
        name = await self._enclave(relay)
        self.prepared[name] = (await self.relays[name].call("prepare")).decode()
        return StartReply(instance=name)

    async def assign(self, instance: str, request: LaunchRequest) -> LaunchReply:
        if not self.assigns:
            raise NotFound("the runtime has changed since this enclave was started.")
        return await self._run(instance)

    async def launch(self, request: LaunchRequest) -> LaunchReply:
        return await self._run(await self._enclave(request.relay))

    async def stop(self, instance: str) -> None:
        self.stopped.append(instance)

    async def _enclave(self, relay: str) -> str:
        name = f"enclave-{next(self.numbers)}"
        self.relays[name] = RelayClient(*await asyncio.open_unix_connection(relay))
        return name

    async def _run(self, name: str) -> LaunchReply:
        self.assigned.append(name)
        failure = msgspec.msgpack.encode(EnclaveFailure(kind="host", reason=f"{name} ended."))
        await self.relays[name].call("fail", body=failure)
        return LaunchReply(instance=name, platform=0, runtime=ZERO_DIGEST)

    async def close(self) -> None:
        """Hang up on the worker."""
        for relay in self.relays.values():
            await relay.close()
        await asyncio.sleep(0)  # lets the transports close
