"""Serves the authority of a network's simulated machines, and the archive of its runtime."""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.crypto.signing import Domain
from sealgrid.errors import InputRefused
from sealgrid.platform.authority import AdmittingPool, Authority, MachineRegistry
from sealgrid.platform.image import measure, mrtd
from sealgrid.platform.image_archive import pack_image
from sealgrid.platform.quoters import load_or_create_keys
from sealgrid.units import Digest
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.authority import PIECE_BYTES, EnrolmentRequest, MachineCollateral, RuntimeArchive
from sealgrid.wire.message import parse
from sealgrid.wire.server import AnyRequest, create_app, json_response
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess
from sealgrid.wire.service_monitor import ServiceMonitor

OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class AuthorityConfig:
    """Settings of an authority."""

    folder: Path  #: the registry of machines, and the archive of the runtime
    platform: Path  #: the simulated platform's folder, with the root keys and the image
    pool: AdmittingPool
    domain: Domain
    access: ServiceAccess = DEFAULT_ACCESS


def registry_file(folder: Path) -> Path:
    """Return the file of an authority's certified machines."""
    return folder / "machines.sqlite"


class _ServedRuntime:
    """The image's archive, made at the first request."""

    def __init__(self, image: Path, folder: Path) -> None:
        self._image, self._folder, self._lock = image, folder, asyncio.Lock()
        self._runtime: Digest | None = None
        self._file = folder

    async def archive(self) -> RuntimeArchive:
        """Return identity and size of the archive."""
        async with self._lock:
            if self._runtime is None:
                self._runtime = await asyncio.to_thread(self._pack)
        return RuntimeArchive(runtime=self._runtime, size=self._file.stat().st_size)

    async def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the archive; raise InputRefused for an invalid range."""
        size = (await self.archive()).size
        if not 0 <= offset < size or not 0 < length <= PIECE_BYTES:
            raise InputRefused(f"ask for 1 to {PIECE_BYTES} bytes from an offset below {size}.")
        return await asyncio.to_thread(self._read, offset, length)

    def _pack(self) -> Digest:
        files = measure(self._image)
        runtime = runtime_identity(Platform.SIMULATED, [mrtd(files)])
        self._file = self._folder / f"runtime-{runtime[2:18]}.tar.gz"
        if not self._file.exists():
            for old in self._folder.glob("runtime-*.tar.gz"):
                old.unlink()
            pack_image(self._image, files, self._file)
        return runtime

    def _read(self, offset: int, length: int) -> bytes:
        with self._file.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def handlers(authority: Authority, runtime: _ServedRuntime) -> list[HTTPRouteHandler]:
    """Return the handlers of one authority."""

    @post("/machines")
    async def enrol(request: AnyRequest) -> Response[bytes]:
        return json_response(authority.enrol(parse(await request.body(), EnrolmentRequest)))

    @get("/collateral")
    async def collateral() -> Response[bytes]:
        return json_response(MachineCollateral(collateral=authority.collateral()))

    @get("/runtime")
    async def archive() -> Response[bytes]:
        return json_response(await runtime.archive())

    @get("/runtime/{offset:int}/{length:int}")
    async def read(offset: FromPath[int], length: FromPath[int]) -> Response[bytes]:
        return Response(await runtime.read(offset, length), status_code=200, media_type=OCTETS)

    return [enrol, collateral, archive, read]


async def run(config: AuthorityConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    config.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    registry = MachineRegistry(registry_file(config.folder))
    try:
        keys = load_or_create_keys(config.platform, int(time.time()))
        authority = Authority(keys, registry, config.pool, config.domain, time.time)
        served = _ServedRuntime(config.platform / "image", config.folder)
        app = create_app(handlers(authority, served), access=config.access)
        await serve_monitored(app, sock, ready, config.access, ServiceMonitor("authority"))
    finally:
        registry.close()
