"""Two machines for a test: network namespaces, joined by a cable, each with a user and a home of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER_IP, CLIENT_IP = "10.213.77.1", "10.213.77.2"
USER = 43_021  #: of the second machine; it needs no entry in /etc/passwd
SECONDS = 240


@dataclass(frozen=True)
class Machine:
    """A network namespace, and how commands are started in it."""

    prefix: tuple[str, ...]
    python: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        packages = [str(ROOT / "src"), *(path for path in sys.path if path.endswith("-packages"))]
        base = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "LANG": "C.UTF-8", "COLUMNS": "200"}
        return base | {"HOME": str(self.home), "PYTHONPATH": ":".join(packages)}

    def sealgrid(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run one command of Sealgrid."""
        return self.program("from sealgrid.cli.main import main; main()", *words)

    def program(self, code: str, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a Python program in the machine's home."""
        with self.start(code, *words) as started:
            output, errors = started.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(started.args, started.returncode, output, errors)

    @contextmanager
    def start(self, code: str, *words: object) -> Iterator[subprocess.Popen[str]]:
        """Start a Python program in the machine's home; end it with the context."""
        started = subprocess.Popen(
            [*self.prefix, self.python, "-c", code, *map(str, words)],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield started
        finally:
            if started.poll() is None:
                started.kill()
                started.communicate()


def can_make_machines() -> bool:
    """Return whether this process may make namespaces, and another user may read the checkout."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nsenter", "setpriv"))):
        return False
    read = ("setpriv", "--reuid", str(USER), "--clear-groups", system_python(), "-c", "import msgspec, sealgrid")
    machine = Machine((), system_python(), Path("/"))
    return subprocess.run(read, env=machine.environment, cwd="/", capture_output=True, check=False).returncode == 0


@contextmanager
def two_machines() -> Iterator[tuple[Machine, Machine]]:
    """Yield the machine of root at SERVER_IP and that of USER at CLIENT_IP; remove both at the end."""
    names = [f"sg{os.getpid()}{end}" for end in "ab"]
    with ExitStack() as stack:
        for name in names:
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
        _ip("link", "add", names[0], "netns", names[0], "type", "veth", "peer", "name", names[1], "netns", names[1])
        machines = []
        for name, ip, user in zip(names, (SERVER_IP, CLIENT_IP), (0, USER), strict=True):
            for words in (
                ("addr", "add", f"{ip}/30", "dev", name),
                ("link", "set", name, "up"),
                ("link", "set", "lo", "up"),
            ):
                _ip("-n", name, *words)
            home = Path(tempfile.mkdtemp(prefix=f"sealgrid-{name}-"))
            stack.callback(shutil.rmtree, home, ignore_errors=True)
            os.chown(home, user, user)
            become = ("setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups") if user else ()
            prefix = ("nsenter", f"--net=/run/netns/{name}", *become)
            machines.append(Machine(prefix, system_python() if user else sys.executable, home))
        yield machines[0], machines[1]


def system_python() -> str:
    """Return an interpreter of this version that every user may run."""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    return system if Path(system).exists() else sys.executable


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
