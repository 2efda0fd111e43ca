"""SIMULATED platform: measures and launches the real runtime, and quotes under its own root. NOT A TEE.

It gives no protection from this machine's root user. It runs the same code on every machine.
"""

import asyncio
import logging
import secrets
import socket
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from sealgrid.attestation.binding import locked_config, runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.errors import NotFound, SetupMissing
from sealgrid.platform.cgroups import Cgroups, EnclaveCgroup
from sealgrid.platform.enclave_sandbox import EnclaveSockets, enclave_command, first_app_command, warm_up_command
from sealgrid.platform.image import file_states
from sealgrid.platform.image_contents import LIBRARIES, LOADER_PATHS, find_loader, interpreter_version, plan_image
from sealgrid.platform.image_store import BytecodeCache, ImageMeasurement, RuntimeImage, lay_out, measure_image
from sealgrid.platform.instance import EnclaveInstance, connect_relay
from sealgrid.platform.quote_server import QuoteFunction, serve_one_quote
from sealgrid.platform.quoters import AuthorityQuoters, Quoters
from sealgrid.platform.sandbox_remedy import sandbox_remedy
from sealgrid.units import Digest
from sealgrid.wire.platform import (
    LaunchReply,
    LaunchRequest,
    QuoteAnswer,
    RuntimeMeasurement,
    StartReply,
    StartRequest,
)
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess


@dataclass(frozen=True, slots=True)
class PlatformConfig:
    """Folder of root keys and runtime image, and the limits of an enclave."""

    folder: Path
    image: Path | None = None  #: folder with the files of a network's runtime; None makes one of this machine's files
    boot: Path | None = None  #: boot file of enclaves; None for the runtime's own
    #: Of the memory-backed folders of an enclave; the whole enclave may use three times as much.
    memory_bytes: int = 4 << 30
    tasks: int = 1024  #: limit of processes and threads of an enclave, if control groups are available
    access: ServiceAccess = DEFAULT_ACCESS
    insecure_log: Path | None = None  #: file for the runtime's output, only for debugging


_CHECK_SECONDS = 120.0  #: for the warm-up and for the first app
_TRIES, _PAUSE_SECONDS = 40, 0.05
_TOTAL = 3  #: total memory of an enclave in multiples of its memory-backed folders
_log = logging.getLogger("sealgrid.platform")


@dataclass
class WaitingEnclave:
    """A started enclave; it waits for its task until ``quoting`` serves it."""

    name: str
    instance: EnclaveInstance
    channel: socket.socket  #: the platform's end of its quoting interface
    measured: ImageMeasurement
    states: bytes  #: of the image's files and the bytecode's, just before they were measured
    quoting: "asyncio.Task[None] | None" = None


class SimulatedPlatform:
    """Launches enclaves from one image, each for one task.

    ``clock`` returns Unix seconds; ``quoters`` has the machine's key, by default that of an authority of its own.
    """

    def __init__(self, config: PlatformConfig, clock: Callable[[], int], quoters: Quoters | None = None) -> None:
        config.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config = config
        self._quoters = quoters or AuthorityQuoters(config.folder, clock)
        self._bytecode = BytecodeCache(config.folder / "bytecode.sha384", self._compile)
        self._instances: dict[str, EnclaveInstance] = {}
        self._waiting: dict[str, WaitingEnclave] = {}
        self._cgroups = Cgroups()
        self._cgroups.remove_stale()
        self._serving: set[asyncio.Task[None]] = set()
        self.image = self._prepare()

    def measurement(self) -> RuntimeMeasurement:
        """Return the identity of the current runtime."""
        now = measure_image(self.image)
        return RuntimeMeasurement(
            platform=Platform.SIMULATED,
            runtime=_identity(now),
            root_ca_der=self._quoters.root_der,
            files=len(now.files),
            python=interpreter_version(now.files),
        )

    async def launch(self, request: LaunchRequest) -> LaunchReply:
        """Start an enclave and give it its task.

        Raises InputRefused if no process listens at the relay.
        """
        return self._give(await self._start(request.relay), request)

    async def start(self, request: StartRequest) -> StartReply:
        """Start an enclave that waits for its task; raise InputRefused if no process listens at the relay."""
        waiting = await self._start(request.relay)
        self._waiting[waiting.name] = waiting
        return StartReply(instance=waiting.name)

    async def assign(self, name: str, request: LaunchRequest) -> LaunchReply:
        """Give a waiting enclave its task; it never gets a second one.

        Raises NotFound if it has ended or had a task, or if a file of image or bytecode has changed since they were
        measured for this enclave; such an enclave is stopped.
        """
        waiting = self._waiting.pop(name, None)
        if waiting is None:
            raise NotFound(f"no enclave {name!r} waits for a task.")
        try:
            has_changed = await asyncio.to_thread(self._file_states) != waiting.states
        except OSError:  # a file was removed
            has_changed = True
        if has_changed:
            await waiting.instance.stop()
            raise NotFound("the runtime has changed since this enclave was started; launch another one.")
        if not waiting.instance.is_running():
            raise NotFound(f"the enclave {name!r} has ended.")
        return self._give(waiting, request)

    async def stop(self, name: str) -> None:
        """Stop an instance; no error if it is unknown."""
        instance = self._instances.get(name)
        if instance is not None:
            await instance.stop()

    async def close(self) -> None:
        """Stop every instance."""
        await asyncio.gather(*(instance.stop() for instance in list(self._instances.values())))
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def running(self) -> tuple[str, ...]:
        """Return the names of the running instances."""
        return tuple(self._instances)

    def _prepare(self) -> RuntimeImage:
        files = self._config.image
        if files is None:
            files = self._config.folder / "image"
            lay_out(plan_image(self._config.boot), files)
        library = find_loader(path.name for path in (files / LIBRARIES).iterdir())
        image = RuntimeImage(
            files=files, bytecode=self._config.folder / "bytecode", loader=LOADER_PATHS.get(library, f"/lib/{library}")
        )
        self._bytecode.refresh(image, measure_image(image).mrtd)
        self._run(first_app_command(image, self._config.memory_bytes))
        return image

    async def _start(self, relay_path: str) -> WaitingEnclave:
        """Measure the image and start an enclave."""
        measured, states = await asyncio.to_thread(self._measure_for_launch)
        relay = connect_relay(relay_path)
        platform_end, enclave_end = socket.socketpair()
        name = secrets.token_hex(8)
        limits = {"memory": _TOTAL * self._config.memory_bytes, "pids": self._config.tasks}
        group = self._cgroups.group(name, limits)
        instance = EnclaveInstance(self._spawn(relay, enclave_end, group), relay)
        enclave_end.close()
        self._instances[name] = instance
        waiting = WaitingEnclave(name, instance, platform_end, measured, states)
        self._in_background(self._supervise(waiting, group))
        return waiting

    def _give(self, waiting: WaitingEnclave, request: LaunchRequest) -> LaunchReply:
        """Lock the app into the enclave's single quote, and send it its task."""
        measured = waiting.measured
        quote = self._quoting(request.app_digest, measured)
        waiting.quoting = self._in_background(serve_one_quote(waiting.channel, request, quote))
        return LaunchReply(instance=waiting.name, platform=Platform.SIMULATED, runtime=_identity(measured))

    def _in_background(self, work: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return task

    def _measure_for_launch(self) -> tuple[ImageMeasurement, bytes]:
        """Return the measurement, and the states of all measured files and of the bytecode just before it."""
        now = measure_image(self.image)
        return now, now.states + self._bytecode.refresh(self.image, now.mrtd)

    def _file_states(self) -> bytes:
        return file_states(self.image.files) + file_states(self.image.bytecode)

    def _compile(self, image: RuntimeImage) -> None:
        self._run(warm_up_command(image, self._config.memory_bytes))

    def _run(self, command: list[str]) -> None:
        """Run a command in the enclave's sandbox; raise SetupMissing, with the remedy, if it fails."""
        try:
            ended = subprocess.run(command, capture_output=True, check=False, timeout=_CHECK_SECONDS)  # noqa: S603
            words = ended.stderr.decode(errors="replace").strip()
            code = ended.returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            words, code = str(error), 1
        if code:
            _log.error("the sandbox ended with %d: %s", code, words[-2000:])
            last = words.splitlines()[-1][:400] if words else f"the sandbox ended with {code}"
            raise SetupMissing(f"no app can run on this machine ({last.rstrip('.')}): {sandbox_remedy(words)}.")

    def _spawn(self, relay: socket.socket, quoting: socket.socket, group: EnclaveCgroup) -> subprocess.Popen[bytes]:
        sockets = EnclaveSockets(relay=relay.fileno(), quoting=quoting.fileno())
        command = group.wrap_command(enclave_command(self.image, sockets, self._config.memory_bytes))
        log = self._config.insecure_log
        with log.open("ab") if log else open("/dev/null", "ab") as output:  # noqa: PTH123
            return subprocess.Popen(  # noqa: S603  no argument is untrusted
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={},
                pass_fds=(*vars(sockets).values(),),
            )

    def _quoting(self, app: Digest, launched: ImageMeasurement) -> QuoteFunction:
        def answer(report_data: bytes) -> QuoteAnswer:
            made = self._quoters.current().quote(launched.mrtd, locked_config(app), report_data)
            return QuoteAnswer(
                quote=made.raw, collateral=made.collateral.raw, platform=Platform.SIMULATED, runtime=_identity(launched)
            )

        return answer

    async def _supervise(self, enclave: WaitingEnclave, group: EnclaveCgroup) -> None:
        try:
            await enclave.instance.wait()
        finally:
            self._waiting.pop(enclave.name, None)
            if enclave.quoting is None:
                enclave.channel.close()
            else:
                enclave.quoting.cancel()
            # The kernel keeps a group shortly after its last process; remaining ones are removed at the next start.
            for _ in range(_TRIES):
                if group.remove():
                    break
                await asyncio.sleep(_PAUSE_SECONDS)
        del self._instances[enclave.name]


def _identity(now: ImageMeasurement) -> Digest:
    return runtime_identity(Platform.SIMULATED, [now.mrtd])
