"""What a worker says to the platform that launches and measures enclaves."""

from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.message import Message, Transport, call


class LaunchRequest(Message, frozen=True, kw_only=True):
    """Start one enclave for one task."""

    app_digest: Digest  #: locked into the evidence before anything runs
    task: TaskId
    worker: Address
    chain: int
    hub: Address
    broker: Address
    vaults: tuple[Address, ...]  #: ascending
    threshold: int
    relay: str  #: path of the listening Unix socket that the worker serves the enclave on


class LaunchReply(Message, frozen=True, kw_only=True):
    """A running enclave."""

    instance: str
    platform: int
    runtime: Digest


class QuoteAnswer(Message, frozen=True, kw_only=True):
    """What the quoting interface answers to 64 bytes of report data."""

    quote: bytes
    collateral: bytes
    platform: int  #: what the platform calls itself; whoever verifies takes it from the root that signed
    runtime: Digest


class RuntimeMeasurement(Message, frozen=True, kw_only=True):
    """What this platform would launch now."""

    platform: int
    runtime: Digest
    root_ca_der: bytes
    files: int  #: how many files the measurement covers
    python: str  #: the interpreter of that runtime, as "3.13": the only one that apps run on


class PlatformClient:
    """Speak to the platform of this machine."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def measurement(self) -> RuntimeMeasurement:
        """Return the identity of the runtime that would be launched."""
        return await call(self._transport, "GET", "/measurement", None, RuntimeMeasurement)

    async def launch(self, request: LaunchRequest) -> LaunchReply:
        """Measure the runtime, lock the app, launch."""
        return await call(self._transport, "POST", "/instances", request, LaunchReply)

    async def stop(self, instance: str) -> None:
        """End an enclave; ending one that has ended is no error."""
        await self._transport.request("DELETE", f"/instances/{instance}")
