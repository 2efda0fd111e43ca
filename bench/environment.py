"""Time to lay out and import an app's libraries, from wheels and from one environment archive."""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target
from sealgrid.bundle.build import APP_FILE, Bundle, build
from sealgrid.bundle.lock import lock
from sealgrid.errors import NotFound
from sealgrid.platform.simulated import PlatformConfig, SimulatedPlatform
from sealgrid.sdk.operations.environments import environment_of
from sealgrid.units import ZERO_ADDRESS, Digest, TaskId
from sealgrid.wire.platform import LaunchRequest
from sealgrid.wire.pool import Stage
from sealgrid.wire.relay import EnclaveFailure, RelayHello, RelayWelcome
from sealgrid.wire.vault import Authorization
from sealgrid.worker.relay import RelayServer
from sealgrid.worker.wheel_index import WheelIndex

WHEELS = Path(__file__).resolve().parents[1] / ".cache" / "wheels"
PACKAGES = ("numpy==2.4.6", "onnxruntime==1.32.0")
TARGET_SECONDS = 0.5
_APP = """
name = "imports-onnxruntime"
version = "1"
entrypoint = ["main.py"]
wheels = ["{}"]
environment = {}

[limits]
memory = 4294967296
"""


@dataclass
class TimedRequests:
    """Serves an enclave from memory and local folders, and records when it reaches each stage."""

    bundle: bytes
    wheels: WheelIndex
    at: dict[str, float] = field(default_factory=dict)

    async def authorise(self, hello: RelayHello) -> RelayWelcome:
        """Start the clock."""
        self.at["hello"] = time.perf_counter()
        authorization = Authorization(
            task=TaskId("0x" + "00" * 32), worker=ZERO_ADDRESS, enclave=hello.enclave, signature=b""
        )
        return RelayWelcome(authorization=authorization)

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return one piece of a file."""
        if name == "bundle":
            return self.bundle[offset : offset + length]
        path = await self.wheels.path(Digest(name))
        if path is None:
            raise NotFound(f"{name} is not here.")
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def report(self, stage: Stage) -> None:
        """Record the time."""
        self.at[stage] = time.perf_counter()

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        """Refuse: there are no vaults."""
        raise NotFound(f"no vault {index} answers {path} with {len(body)} bytes here.")

    async def begin(self) -> str:
        """Refuse: nothing is stored."""
        raise NotFound("nothing is stored here.")

    async def append(self, upload: str, piece: bytes) -> None:
        """Refuse."""
        raise NotFound(f"{upload} of {len(piece)} bytes is not stored here.")

    async def finish(self, upload: str) -> Digest:
        """Refuse."""
        raise NotFound(f"{upload} is not stored here.")


async def measure(context: Context) -> Figure:
    if not WHEELS.is_dir():
        raise NotMeasured("the wheels are not here; run `make setup`.")
    folder = Path(tempfile.mkdtemp(dir=context.folder))
    boot = Path(__file__).with_name("environment_boot.py")
    platform = SimulatedPlatform(PlatformConfig(folder=folder / "platform", boot=boot), lambda: int(time.time()))
    bundles = {kind: _bundle(folder, kind) for kind in ("wheels", "archive")}
    index = WheelIndex([WHEELS])
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in bundles}
    try:
        for round_ in range(1 + context.either(4, 12)):
            for kind, bundle in bundles.items():  # alternating, so that both have the same noise
                taken = await _one(platform, bundle, index)
                if round_:  # the first one warms the worker's index and the file cache
                    found[kind].append(taken)
    finally:
        await platform.close()
    return Figure("environment", tuple(_rows(found)))


def _bundle(folder: Path, kind: str) -> Bundle:
    app = folder / kind
    app.mkdir()
    (app / APP_FILE).write_text(_APP.format('", "'.join(PACKAGES), "true" if kind == "archive" else "false"))
    (app / "main.py").write_text("import onnxruntime\n")
    wheels = lock(PACKAGES, WHEELS)
    return build(app, wheels, environment_of(wheels, WHEELS)[0] if kind == "archive" else None)


async def _one(platform: SimulatedPlatform, bundle: Bundle, index: WheelIndex) -> tuple[float, float]:
    requests = TimedRequests(bundle.archive, index)
    server = RelayServer(requests)
    with tempfile.TemporaryDirectory(prefix="sg-bench-") as folder:
        relay = Path(folder, "relay")
        listener = await asyncio.start_unix_server(server.serve, relay, limit=1 << 20)
        reply = await platform.launch(_launch(bundle.app_digest, relay))
        try:
            async with asyncio.timeout(60):
                ended = await server.outcome()
        finally:
            await platform.stop(reply.instance)
            listener.close()
    if not isinstance(ended, EnclaveFailure) or ended.reason != "0":
        raise NotMeasured(f"the app did not run: {msgspec.json.encode(ended).decode()}")
    at = requests.at
    return at["running"] - at["hello"], at["sealed"] - at["running"]


def _launch(app: Digest, relay: Path) -> LaunchRequest:
    return LaunchRequest(
        app_digest=app,
        task=TaskId("0x" + "00" * 32),
        worker=ZERO_ADDRESS,
        chain=31337,
        hub=ZERO_ADDRESS,
        broker=ZERO_ADDRESS,
        vaults=(),
        threshold=1,
        relay=str(relay),
    )


def _rows(found: dict[str, list[tuple[float, float]]]) -> list[Row]:
    rows = []
    for step, label in enumerate(("laid out", "app that imports onnxruntime")):
        wheels, archive = ([pair[step] for pair in found[kind]] for kind in ("wheels", "archive"))
        target = Target("≤", TARGET_SECONDS) if step == 0 else None
        rows.append(Row(label=f"{label}, of wheels", unit="s", samples=tuple(wheels), temperature="warm"))
        rows.append(
            Row(label=f"{label}, of the archive", unit="s", samples=tuple(archive), temperature="warm", target=target)
        )
        ratios = tuple(after / before for before, after in zip(wheels, archive, strict=True))
        rows.append(Row(label=f"{label}, archive / wheels", unit="", samples=ratios, temperature="warm"))
    return rows
