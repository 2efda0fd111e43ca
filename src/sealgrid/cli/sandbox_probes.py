"""Try on this machine what an app's sandbox promises, with small apps that break the promises."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.sandbox.bubblewrap import SandboxFolders
from sealgrid.enclave.sandbox.sandbox import AppEnded, AppExited, AppRun, HostInducible, run

_LIMITS = AppLimits(memory=256 << 20, cpu_seconds=5, wall_seconds=5, processes=2, output_bytes=1 << 20)
_SHORT = AppLimits(cpu_seconds=60, wall_seconds=1)

_CONNECT = "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)"
_HOST_FILE = "import os, sys\nopen(os.environ['HOST'] + '/planted')"
_WRITE = "open('/app/planted', 'w')"
_MEMORY = "b = []\nwhile True: b.append(bytearray(16 << 20))"
_TIME = "while True: pass"
_OUTPUT = (
    "import os\nfor n in range(64): open(os.environ['OUT'] + f'/{n}', 'wb').write(bytes(1 << 19))\n"
    "import time; time.sleep(4)"
)
_PROCESSES = "import os, time\nfor _ in range(20):\n    if os.fork() == 0: time.sleep(4); os._exit(0)\ntime.sleep(4)"


class ProbeResult(NamedTuple):
    """What was tried, whether the sandbox held, and how."""

    what: str
    held: bool
    detail: str


def tried() -> Iterator[ProbeResult]:
    """Run every probe; raise SetupMissing without bubblewrap."""
    begins = _run("pass")
    yield ProbeResult(
        "starts", isinstance(begins, AppExited), "own user, process, network and mount namespaces, seccomp"
    )
    if not isinstance(begins, AppExited):
        return
    yield _refused("no network", _CONNECT)
    yield _refused("no host files", _HOST_FILE)
    yield _refused("app is read-only", _WRITE)
    yield _ended("memory", _MEMORY, f"{_LIMITS.memory >> 20} MiB held")
    yield _ended("time", _TIME, f"{_SHORT.wall_seconds} s held", _SHORT)
    yield _ended("output", _OUTPUT, f"{_LIMITS.output_bytes >> 20} MiB held")
    yield _ended("processes", _PROCESSES, f"{_LIMITS.processes} held")


def _refused(what: str, source: str) -> ProbeResult:
    ended = _run(source)
    held = isinstance(ended, AppExited) and ended.code != 0
    return ProbeResult(what, held, "refused" if held else "it went through")


def _ended(what: str, source: str, detail: str, limits: AppLimits = _LIMITS) -> ProbeResult:
    ended = _run(source, limits)
    held = not isinstance(ended, AppExited) or ended.code != 0
    return ProbeResult(what, held, detail if held else "the limit did not hold")


def _run(source: str, limits: AppLimits = _LIMITS) -> AppExited | AppEnded | HostInducible:
    with tempfile.TemporaryDirectory(prefix="sealgrid-doctor-") as root:
        folders = SandboxFolders(*(Path(root, name) for name in ("app", "wheels", "datasets", "inputs", "outputs")))
        for folder in vars(folders).values():
            folder.mkdir()
        (folders.app / "main.py").write_text(source)
        Path(root, "planted").write_text("a file of this machine")
        environment = {"OUT": "/iexec_out", "HOST": root}
        return run(AppRun(folders, ("main.py",), environment=environment, limits=limits))
