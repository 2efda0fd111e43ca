"""bubblewrap command of a simulated enclave: namespaces without network, with only the measured image."""

from dataclasses import dataclass

from sealgrid.platform.image_contents import BOOT, LIBRARIES, PACKAGES, PROGRAMS, PYTHON, find_loader
from sealgrid.platform.image_store import RuntimeImage

RUNTIME = "/runtime"
BYTECODE = "/bytecode"
WORK = "/job"  #: memory-backed, removed with the enclave
USER = 1000

_ISOLATION = (
    "--unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try "
    f"--uid {USER} --gid {USER} --die-with-parent --new-session --cap-drop ALL --clearenv --hostname enclave"
).split()

#: imports of the runtime and of an app's interpreter
_WARM_UP_SCRIPT = (
    "import sys; sys.path[:0] = [sys.argv[1]]\n"
    "import runpy, resource, json, ctypes, inspect, pickle, secrets, tempfile, platform, numbers, warnings\n"
    "import sealgrid.enclave.session\n"
)
_FIRST_APP_SCRIPT = (
    "import sys; sys.path[:0] = [sys.argv[1]]\nfrom sealgrid.enclave.sandbox.sandbox_check import main\nmain()\n"
)


@dataclass(frozen=True)
class EnclaveSockets:
    """The two file descriptors that an enclave inherits."""

    relay: int
    quoting: int


def enclave_command(image: RuntimeImage, sockets: EnclaveSockets, memory: int) -> list[str]:
    """Return the command that launches an enclave; ``memory`` caps its memory-backed folders, in bytes."""
    start = (f"{RUNTIME}/{BOOT}", str(sockets.relay), str(sockets.quoting), f"{RUNTIME}/{PACKAGES}")
    return [*_bwrap_command(image, memory, "--ro-bind"), *_interpreter_command(image), "-B", *start]


def warm_up_command(image: RuntimeImage, memory: int) -> list[str]:
    """Return the command that makes the measured interpreter write its bytecode."""
    return [
        *_bwrap_command(image, memory, "--bind"),
        *_interpreter_command(image),
        "-c",
        _WARM_UP_SCRIPT,
        f"{RUNTIME}/{PACKAGES}",
    ]


def first_app_command(image: RuntimeImage, memory: int) -> list[str]:
    """Return the command that runs a first app in the sandbox inside the enclave's."""
    return [
        *_bwrap_command(image, memory, "--ro-bind"),
        *_interpreter_command(image),
        "-B",
        "-c",
        _FIRST_APP_SCRIPT,
        f"{RUNTIME}/{PACKAGES}",
    ]


def _bwrap_command(image: RuntimeImage, memory: int, bytecode: str) -> list[str]:
    libraries = image.files / LIBRARIES
    dynamic = find_loader(path.name for path in libraries.iterdir())
    return [
        str(image.files / PROGRAMS / "bwrap"),
        *_ISOLATION,
        *("--setenv", "LD_LIBRARY_PATH", f"{RUNTIME}/{LIBRARIES}"),
        *("--setenv", "PATH", f"{RUNTIME}/{PROGRAMS}", "--setenv", "HOME", WORK, "--setenv", "LANG", "C.UTF-8"),
        *("--ro-bind", str(image.files), RUNTIME, bytecode, str(image.bytecode), BYTECODE),
        *("--ro-bind", str(libraries / dynamic), image.loader),
        *("--proc", "/proc", "--dev", "/dev", "--size", str(memory // 8), "--tmpfs", "/tmp"),  # noqa: S108
        *("--size", str(memory - memory // 8), "--tmpfs", WORK, "--remount-ro", "/", "--chdir", WORK, "--"),
    ]


def _interpreter_command(image: RuntimeImage) -> list[str]:
    (program,) = (image.files / PYTHON / "bin").iterdir()
    return [f"{RUNTIME}/{PYTHON}/bin/{program.name}", "-I", "-S", "-X", "utf8", "-X", f"pycache_prefix={BYTECODE}"]
