"""What an app's sandbox is made of: the command line of bubblewrap, and nothing from the host that is not named here.

It works directly on a Linux machine and nested inside the simulated platform's own sandbox, where a new ``/proc``
cannot be mounted: an app sees of ``/proc`` only what numeric libraries ask about the processor.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from sealgrid.bundle.bytecode import BYTECODE
from sealgrid.enclave.job.iexec_env import DATASETS_FOLDER, INPUTS_FOLDER, OUTPUT_FOLDER
from sealgrid.enclave.sandbox.app_start import APP, WHEELS
from sealgrid.errors import SetupMissing

NOBODY = 65534
SCRATCH_BYTES = 64 << 20  #: of /tmp, and of /dev/shm
_START = "/app_start.py"
_PREFIX = "/bytecode"  #: below which the app's interpreter looks for all bytecode
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64")

_APART = (
    "--unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try "
    f"--uid {NOBODY} --gid {NOBODY} --die-with-parent --new-session --cap-drop ALL --clearenv --hostname app"
).split()


@dataclass(frozen=True)
class SandboxFolders:
    """What of this machine an app sees."""

    app: Path  #: at /app, read-only
    wheels: Path  #: at /wheels, read-only
    datasets: Path  #: at /iexec_in, read-only
    inputs: Path  #: of the requester, at /iexec_inputs, read-only
    outputs: Path  #: at /iexec_out; the only place whose content outlives the app


@dataclass(frozen=True)
class SandboxChannels:
    """File descriptors that bubblewrap or the app's first code is given."""

    status: int  #: bubblewrap writes JSON about its child
    hold: int  #: bubblewrap waits for a byte before it starts the app
    seccomp: int  #: bubblewrap reads the filter
    started: int  #: the first code writes a byte once it hands over to the app

    def all(self) -> tuple[int, ...]:
        """Return the descriptors to inherit."""
        return (self.status, self.hold, self.seccomp, self.started)


def command(folders: SandboxFolders, channels: SandboxChannels) -> list[str]:
    """Return the command that runs one app; raise SetupMissing without bubblewrap."""
    return [
        bubblewrap(),
        *_APART,
        *_system(),
        *_interpreter_mounts(),
        *_bytecode_mounts(folders.wheels),
        *_devices(),
        *("--ro-bind", str(Path(__file__).with_name("app_start.py")), _START),
        *("--ro-bind", str(folders.app), APP),
        *("--ro-bind", str(folders.wheels), WHEELS),
        *("--ro-bind", str(folders.datasets), DATASETS_FOLDER),
        *("--ro-bind", str(folders.inputs), INPUTS_FOLDER),
        *("--bind", str(folders.outputs), OUTPUT_FOLDER),
        *("--remount-ro", "/", "--chdir", APP),
        *("--json-status-fd", str(channels.status), "--block-fd", str(channels.hold)),
        *("--seccomp", str(channels.seccomp)),
        *("--", str(interpreter()), "-I", "-S", "-B", "-X", "utf8", *_bytecode_prefix(folders.wheels)),
        *(_START, str(channels.started)),
    ]


def bubblewrap() -> str:
    """Return where bubblewrap lies; raise SetupMissing when it is not installed."""
    found = shutil.which("bwrap")
    if found is None:
        raise SetupMissing("bubblewrap is not installed; `apt-get install bubblewrap` brings it.")
    return found


def interpreter() -> Path:
    """Return the interpreter itself, not the one of a virtual environment."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(sys.base_prefix, "bin", name)


def _system() -> list[str]:
    mounts = []
    for place in map(Path, _SYSTEM):
        if place.is_symlink():
            mounts += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            mounts += ["--ro-bind", str(place), str(place)]
    return [*mounts, *_library_folder()]


def _library_folder() -> list[str]:
    # The simulated platform keeps the libraries that it measured in a folder of its own.
    folder = os.environ.get("LD_LIBRARY_PATH", "")
    return ["--ro-bind", folder, folder, "--setenv", "LD_LIBRARY_PATH", folder] if folder else []


def _interpreter_mounts() -> list[str]:
    prefix, program = Path(sys.base_prefix), interpreter()
    if prefix == Path("/usr"):  # its standard library lies in /usr/lib; nothing else of /usr/bin is the app's
        return ["--ro-bind", str(program.resolve()), str(program)]
    return ["--ro-bind", str(prefix), str(prefix)]


def _devices() -> list[str]:
    shown = (f"--ro-bind-try /proc/{name} /proc/{name}" for name in ("cpuinfo", "meminfo"))
    # Not /dev/zero: a shared map of it is memory that belongs to no process and no file system (syscalls.py).
    devices = (f"--dev-bind /dev/{name} /dev/{name}" for name in ("null", "full", "random", "urandom"))
    return (
        f"{' '.join(shown)} --tmpfs /dev {' '.join(devices)} "
        f"--size {SCRATCH_BYTES} --tmpfs /dev/shm --remount-ro /dev "
        f"--size {SCRATCH_BYTES} --tmpfs /tmp"
    ).split()


def _bytecode_prefix(wheels: Path) -> list[str]:
    # Without bytecode of its own, below this prefix or in an environment, an interpreter looks beside its sources.
    return ["-X", f"pycache_prefix={_PREFIX}"] if sys.pycache_prefix or (wheels / BYTECODE).is_dir() else []


def _bytecode_mounts(wheels: Path) -> list[str]:
    mounts = []
    if sys.pycache_prefix:  # of the standard library, as the platform compiled what it measured
        of_library = f"{sys.pycache_prefix}{sys.base_prefix}"
        mounts += ["--ro-bind-try", of_library, f"{_PREFIX}{sys.base_prefix}"]
    if (wheels / BYTECODE).is_dir():
        mounts += ["--ro-bind", str(wheels / BYTECODE), f"{_PREFIX}{WHEELS}"]
    return mounts
