"""Tests the sandbox of this machine with small apps that try to escape its limits."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.sandbox.bubblewrap import SandboxFolders
from sealgrid.enclave.sandbox.sandbox import AppEnded, AppExited, AppRun, HostInducible, run
from sealgrid.platform.sandbox_remedy import sandbox_remedy

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
    """Outcome of one test."""

    what: str
    ok: bool
    detail: str


def run_probes() -> Iterator[ProbeResult]:
    """Run every probe; raise SetupMissing without bubblewrap."""
    start = _run("pass")
    if not isinstance(start, AppExited):
        yield ProbeResult("starts", False, f"{start.reason.rstrip('.')}; {sandbox_remedy(start.reason)}")
        return
    yield ProbeResult("starts", True, "own user, process, network and mount namespaces, seccomp")
    yield _expect_refusal("no network", _CONNECT)
    yield _expect_refusal("no host files", _HOST_FILE)
    yield _expect_refusal("app is read-only", _WRITE)
    yield _expect_end("memory", _MEMORY, f"{_LIMITS.memory >> 20} MiB enforced")
    yield _expect_end("time", _TIME, f"{_SHORT.wall_seconds} s enforced", _SHORT)
    yield _expect_end("output", _OUTPUT, f"{_LIMITS.output_bytes >> 20} MiB enforced")
    yield _expect_end("processes", _PROCESSES, f"{_LIMITS.processes} enforced")


def _expect_refusal(what: str, source: str) -> ProbeResult:
    ended = _run(source)
    ok = isinstance(ended, AppExited) and ended.code != 0
    return ProbeResult(what, ok, "refused" if ok else "not refused")


def _expect_end(what: str, source: str, detail: str, limits: AppLimits = _LIMITS) -> ProbeResult:
    ended = _run(source, limits)
    ok = not isinstance(ended, AppExited) or ended.code != 0
    return ProbeResult(what, ok, detail if ok else "the limit was exceeded")


def _run(source: str, limits: AppLimits = _LIMITS) -> AppExited | AppEnded | HostInducible:
    with tempfile.TemporaryDirectory(prefix="sealgrid-doctor-") as root:
        folders = SandboxFolders(*(Path(root, name) for name in ("app", "wheels", "datasets", "inputs", "outputs")))
        for folder in vars(folders).values():
            folder.mkdir()
        (folders.app / "main.py").write_text(source)
        Path(root, "planted").write_text("a file of this machine")
        environment = {"OUT": "/iexec_out", "HOST": root}
        return run(AppRun(folders, ("main.py",), environment=environment, limits=limits))
