"""Messages and client of the platform service, which launches and measures enclaves."""

from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.message import Message, Transport, call


class LaunchRequest(Message, frozen=True, kw_only=True):
    """Request to launch one enclave for one task."""

    app_digest: Digest  #: locked into the evidence before launch
    task: TaskId
    worker: Address
    chain: int
    hub: Address
    broker: Address
    vaults: tuple[Address, ...]  #: ascending
    threshold: int
    relay: str  #: path of the listening Unix socket that the worker serves the enclave on


class StartRequest(Message, frozen=True, kw_only=True):
    """Request to start one enclave that waits for its task."""

    relay: str  #: as in LaunchRequest


class StartReply(Message, frozen=True, kw_only=True):
    """A started enclave."""

    instance: str  #: empty if this platform cannot start an enclave before its app is known


class LaunchReply(Message, frozen=True, kw_only=True):
    """A launched enclave."""

    instance: str
    platform: int
    runtime: Digest


class QuoteAnswer(Message, frozen=True, kw_only=True):
    """Reply of the quoting interface to 64 bytes of report data."""

    quote: bytes
    collateral: bytes
    platform: int  #: claimed; verifiers derive it from the root that signed
    runtime: Digest


class RuntimeMeasurement(Message, frozen=True, kw_only=True):
    """The runtime that this platform launches."""

    platform: int
    runtime: Digest
    root_ca_der: bytes
    files: int  #: how many files the measurement covers
    python: str  #: Python version of the runtime, as "3.13"


class PlatformClient:
    """Client of the platform service of this machine."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def measurement(self) -> RuntimeMeasurement:
        """Return the identity of the current runtime."""
        return await call(self._transport, "GET", "/measurement", None, RuntimeMeasurement)

    async def launch(self, request: LaunchRequest) -> LaunchReply:
        """Measure the runtime, lock the app, launch."""
        return await call(self._transport, "POST", "/instances", request, LaunchReply)

    async def start(self, relay: str) -> StartReply:
        """Measure the runtime and start an enclave that waits for its task."""
        return await call(self._transport, "POST", "/waiting-instances", StartRequest(relay=relay), StartReply)

    async def assign(self, instance: str, request: LaunchRequest) -> LaunchReply:
        """Lock the app into a waiting enclave and give it its task.

        Raises NotFound if it has ended, had a task, or if the runtime on the disk has changed since its start.
        """
        return await call(self._transport, "POST", f"/waiting-instances/{instance}", request, LaunchReply)

    async def stop(self, instance: str) -> None:
        """Stop an enclave; no error if it has ended."""
        await self._transport.request("DELETE", f"/instances/{instance}")
