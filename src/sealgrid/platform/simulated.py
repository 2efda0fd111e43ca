"""SIMULATED platform: measures and launches the real runtime, and quotes under its own root. NOT A TEE.

It gives no protection from this machine's root user. It runs the same code on every machine.
"""

import asyncio
import logging
import secrets
import socket
import subprocess
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sealgrid.attestation.binding import locked_config, runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.errors import SetupMissing
from sealgrid.platform.cgroups import Cgroups, EnclaveCgroup
from sealgrid.platform.enclave_sandbox import EnclaveSockets, enclave_command, first_app_command, warm_up_command
from sealgrid.platform.image_contents import LIBRARIES, find_loader, interpreter_version, plan_image
from sealgrid.platform.image_store import BytecodeCache, ImageMeasurement, RuntimeImage, lay_out, measure_image
from sealgrid.platform.instance import EnclaveInstance, connect_relay
from sealgrid.platform.quote_server import QuoteFunction, serve_one_quote
from sealgrid.platform.sandbox_remedy import sandbox_remedy
from sealgrid.storage.atomic_file import write_file
from sealgrid.units import Digest
from sealgrid.wire.platform import LaunchReply, LaunchRequest, QuoteAnswer, RuntimeMeasurement
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess


@dataclass(frozen=True, slots=True)
class PlatformConfig:
    """Folder of root keys and runtime image, and the limits of an enclave."""

    folder: Path
    boot: Path | None = None  #: boot file of enclaves; None for the runtime's own
    #: Of the memory-backed folders of an enclave; the whole enclave may use three times as much.
    memory_bytes: int = 4 << 30
    tasks: int = 1024  #: limit of processes and threads of an enclave, if control groups are available
    access: ServiceAccess = DEFAULT_ACCESS
    insecure_log: Path | None = None  #: file for the runtime's output, only for debugging


ROOT_KEYS_FILE = "simulated-root-keys.json"


def load_or_create_keys(folder: Path, now: int) -> SimulatedPlatformKeys:
    """Return the platform's keys; the first call generates them. ``now`` is Unix seconds."""
    path = folder / ROOT_KEYS_FILE
    if path.exists():
        return SimulatedPlatformKeys.load(path.read_bytes())
    keys = SimulatedPlatformKeys.generate(now)
    write_file(path, keys.save(), replace=False)
    return keys


_DAY = 24 * 3600
_CHECK_SECONDS = 120.0  #: for the warm-up and for the first app
_TRIES, _PAUSE_SECONDS = 40, 0.05
_TOTAL = 3  #: total memory of an enclave in multiples of its memory-backed folders
_log = logging.getLogger("sealgrid.platform")


class SimulatedPlatform:
    """Launches enclaves from one image; ``clock`` returns Unix seconds."""

    def __init__(self, config: PlatformConfig, clock: Callable[[], int]) -> None:
        config.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config, self._clock = config, clock
        self._keys = load_or_create_keys(config.folder, clock())
        self._quoter, self._quoter_day = SimulatedQuoter(self._keys, now=clock()), clock() // _DAY
        self._bytecode = BytecodeCache(config.folder / "bytecode.sha384", self._compile)
        self._instances: dict[str, EnclaveInstance] = {}
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
            root_ca_der=self._quoter.root_der,
            files=len(now.files),
            python=interpreter_version(now.files),
        )

    async def launch(self, request: LaunchRequest) -> LaunchReply:
        """Measure the image, launch it, and lock the app into its single quote.

        Raises InputRefused if no process listens at the relay.
        """
        now = await asyncio.to_thread(self._measure_for_launch)
        relay = connect_relay(request.relay)
        platform_end, enclave_end = socket.socketpair()
        name = secrets.token_hex(8)
        limits = {"memory": _TOTAL * self._config.memory_bytes, "pids": self._config.tasks}
        group = self._cgroups.group(name, limits)
        instance = EnclaveInstance(self._spawn(relay, enclave_end, group), relay)
        enclave_end.close()
        self._instances[name] = instance
        quoting = serve_one_quote(platform_end, request, self._quoting(request.app_digest, now))
        task = asyncio.create_task(self._supervise(name, instance, group, quoting))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return LaunchReply(instance=name, platform=Platform.SIMULATED, runtime=_identity(now))

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
        files, planned = self._config.folder / "image", plan_image(self._config.boot)
        lay_out(planned, files)
        library = find_loader(name.rpartition("/")[2] for name in planned if name.startswith(f"{LIBRARIES}/"))
        image = RuntimeImage(
            files=files, bytecode=self._config.folder / "bytecode", loader=str(planned[f"{LIBRARIES}/{library}"])
        )
        self._bytecode.refresh(image, measure_image(image).mrtd)
        self._run(first_app_command(image, self._config.memory_bytes))
        return image

    def _measure_for_launch(self) -> ImageMeasurement:
        now = measure_image(self.image)
        self._bytecode.refresh(self.image, now.mrtd)
        return now

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
            today = self._clock() // _DAY
            if today != self._quoter_day:  # collateral expires
                self._quoter, self._quoter_day = SimulatedQuoter(self._keys, now=self._clock()), today
            made = self._quoter.quote(launched.mrtd, locked_config(app), report_data)
            return QuoteAnswer(
                quote=made.raw, collateral=made.collateral.raw, platform=Platform.SIMULATED, runtime=_identity(launched)
            )

        return answer

    async def _supervise(
        self, name: str, instance: EnclaveInstance, group: EnclaveCgroup, quoting: Coroutine[None, None, None]
    ) -> None:
        answering = asyncio.create_task(quoting)
        try:
            await instance.wait()
        finally:
            # The kernel keeps a group shortly after its last process; remaining ones are removed at the next start.
            for _ in range(_TRIES):
                if group.remove():
                    break
                await asyncio.sleep(_PAUSE_SECONDS)
        answering.cancel()
        with suppress(asyncio.CancelledError):
            await answering
        del self._instances[name]


def _identity(now: ImageMeasurement) -> Digest:
    return runtime_identity(Platform.SIMULATED, [now.mrtd])
