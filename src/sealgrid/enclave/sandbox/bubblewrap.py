"""One run of an app, and the bubblewrap command line of its sandbox. Only the host files listed here are visible.

An app has what ordinary programs expect of a machine: a home below ``/tmp``, a user with an entry in ``/etc/passwd``,
and the time zones of the package ``tzdata``.

The sandbox works directly on a Linux machine and nested inside the simulated platform's own sandbox, where a new
``/proc`` cannot be mounted: an app sees only the two files of ``proc_files.py``.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sealgrid.bundle.bytecode import BYTECODE
from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.job.iexec_env import DATASETS_FOLDER, INPUTS_FOLDER, OUTPUT_FOLDER
from sealgrid.enclave.sandbox.app_start import APP, HOME, WHEELS
from sealgrid.errors import SetupMissing

NOBODY = 65534
MAX_LOG_BYTES = 1 << 20
SCRATCH_BYTES = 64 << 20  #: of /tmp, and of /dev/shm
_START = "/app_start.py"
_PREFIX = "/bytecode"  #: pycache prefix of the app's interpreter
_ZONES = "/usr/share/zoneinfo"  #: where the C library and Python's zoneinfo look
_ACCOUNTS = ("passwd", "group")  #: files of /etc, from the files beside this module
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64")

_ISOLATION = (
    "--unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try "
    f"--uid {NOBODY} --gid {NOBODY} --die-with-parent --new-session --cap-drop ALL --clearenv --hostname app"
).split()

# Not /dev/zero: a shared map of it is memory that no process and no file system accounts for (seccomp.py).
_DEVICES = (
    "--tmpfs /dev --dev-bind /dev/null /dev/null --dev-bind /dev/full /dev/full "
    "--dev-bind /dev/random /dev/random --dev-bind /dev/urandom /dev/urandom "
    f"--size {SCRATCH_BYTES} --tmpfs /dev/shm --remount-ro /dev --size {SCRATCH_BYTES} --tmpfs /tmp"
).split()


@dataclass(frozen=True)
class SandboxFolders:
    """Folders of this machine that an app sees."""

    app: Path  #: at /app, read-only
    wheels: Path  #: at /wheels, read-only
    datasets: Path  #: at /iexec_in, read-only
    inputs: Path  #: of the requester, at /iexec_inputs, read-only
    outputs: Path  #: at /iexec_out; the only content that remains after the app


@dataclass(frozen=True)
class AppRun:
    """One run of a verified app."""

    folders: SandboxFolders
    entrypoint: tuple[str, ...]  #: path below the app's folder, first arguments
    arguments: tuple[str, ...] = field(default=(), repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: AppLimits = field(default_factory=AppLimits)
    log_bytes: int = MAX_LOG_BYTES
    #: whether the app is the only writer to the outputs' file system, so that all growth of its usage is the app's
    outputs_alone: bool = False

    def start_parameters(self) -> bytes:
        """Return what ``app_start.py`` reads from standard input."""
        entry, *first = self.entrypoint
        return msgspec.json.encode(
            {
                "entry": entry,
                "arguments": [*first, *self.arguments],
                "environment": dict(self.environment),
                "limits": msgspec.to_builtins(self.limits),
            }
        )


@dataclass(frozen=True)
class SandboxChannels:
    """File descriptors that bubblewrap and ``app_start.py`` inherit."""

    status: int  #: bubblewrap writes JSON about its child
    start_gate: int  #: bubblewrap reads a byte before it starts the app
    seccomp: int  #: bubblewrap reads the filter
    cpuinfo: int  #: bubblewrap reads the app's ``/proc/cpuinfo``
    meminfo: int  #: and its ``/proc/meminfo``
    report: int  #: ``app_start.py`` writes when it runs the app, and the app's exit code

    def all(self) -> tuple[int, ...]:
        """Return the descriptors to inherit."""
        return (self.status, self.start_gate, self.seccomp, self.cpuinfo, self.meminfo, self.report)


def command(folders: SandboxFolders, channels: SandboxChannels) -> list[str]:
    """Return the command that runs one app; raise SetupMissing without bubblewrap or tzdata."""
    # Without compiled bytecode in the image or the environment, the interpreter reads bytecode beside its sources.
    has_bytecode = sys.pycache_prefix or (folders.wheels / BYTECODE).is_dir()
    bytecode_prefix = ["-X", f"pycache_prefix={_PREFIX}"] if has_bytecode else []
    return [
        bubblewrap(),
        *_ISOLATION,
        *_system_mounts(),
        *_bytecode_mounts(folders.wheels),
        *("--perms", "0444", "--ro-bind-data", str(channels.cpuinfo), "/proc/cpuinfo"),
        *("--perms", "0444", "--ro-bind-data", str(channels.meminfo), "/proc/meminfo"),
        *_DEVICES,
        *("--perms", "0700", "--dir", HOME),
        *_account_mounts(),
        *("--ro-bind", str(_zone_folder()), _ZONES),
        *("--ro-bind", str(Path(__file__).with_name("app_start.py")), _START),
        *("--ro-bind", str(folders.app), APP),
        *("--ro-bind", str(folders.wheels), WHEELS),
        *("--ro-bind", str(folders.datasets), DATASETS_FOLDER),
        *("--ro-bind", str(folders.inputs), INPUTS_FOLDER),
        *("--bind", str(folders.outputs), OUTPUT_FOLDER),
        *("--remount-ro", "/", "--chdir", APP),
        *("--json-status-fd", str(channels.status), "--block-fd", str(channels.start_gate)),
        *("--seccomp", str(channels.seccomp)),
        *("--", str(interpreter()), "-I", "-S", "-B", "-X", "utf8", *bytecode_prefix),
        *(_START, str(channels.report)),
    ]


def bubblewrap() -> str:
    """Return the path of bubblewrap; raise SetupMissing when it is not installed."""
    path = shutil.which("bwrap")
    if path is None:
        raise SetupMissing("bubblewrap is not installed; install it with: sudo apt-get install bubblewrap")
    return path


def interpreter() -> Path:
    """Return the interpreter itself, not the one of a virtual environment."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(sys.base_prefix, "bin", name)


def _system_mounts() -> list[str]:
    """Return the mounts of the system's libraries and of the interpreter."""
    mounts = []
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            mounts += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            mounts += ["--ro-bind", str(path), str(path)]
    # The simulated platform has the libraries that it measured in a separate folder.
    if folder := os.environ.get("LD_LIBRARY_PATH"):
        mounts += ["--ro-bind", folder, folder, "--setenv", "LD_LIBRARY_PATH", folder]
        mounts += ["--ro-bind-try", f"{folder}/locale", "/usr/lib/locale"]
    prefix, program = Path(sys.base_prefix), interpreter()
    if prefix == Path("/usr"):  # its standard library is in /usr/lib; the app sees no other program of /usr/bin
        return [*mounts, "--ro-bind", str(program.resolve()), str(program)]
    return [*mounts, "--ro-bind", str(prefix), str(prefix)]


def _account_mounts() -> list[str]:
    sources = {name: Path(__file__).with_name(f"{name}.txt") for name in _ACCOUNTS}
    return [word for name, source in sources.items() for word in ("--ro-bind", str(source), f"/etc/{name}")]


def _zone_folder() -> Path:
    spec = importlib.util.find_spec("tzdata")
    if spec is None or spec.origin is None:
        raise SetupMissing(
            "the Python package tzdata is not installed; apps need its time zones. Install it with: pip install tzdata"
        )
    return Path(spec.origin).parent / "zoneinfo"


def _bytecode_mounts(wheels: Path) -> list[str]:
    mounts = []
    if sys.pycache_prefix:  # the standard library's, which the platform compiled from measured sources
        of_library = f"{sys.pycache_prefix}{sys.base_prefix}"
        mounts += ["--ro-bind-try", of_library, f"{_PREFIX}{sys.base_prefix}"]
    if (wheels / BYTECODE).is_dir():
        mounts += ["--ro-bind", str(wheels / BYTECODE), f"{_PREFIX}{WHEELS}"]
    return mounts
