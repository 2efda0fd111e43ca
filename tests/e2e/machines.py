"""Three machines for a test: namespaces of network and mounts, each with a user, a home and an installed wheel.

A fourth namespace is the network between them: a bridge, and a router that hides one machine behind its own address.
The machines see the locked packages of the checkout's environment, and nothing else of the checkout.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sealgrid.bundle.interpreter import running_python

ROOT = Path(__file__).resolve().parents[2]
SERVER_IP, WORKER_IP, ROUTER_IP = "10.213.77.1", "10.213.77.2", "10.213.77.3"
HIDDEN_IP, HIDDEN_ROUTER_IP = "192.168.213.2", "192.168.213.1"  #: behind the router
USERS = (43_021, 43_022, 43_023)  #: of the machines; they need no entry in /etc/passwd
SECONDS = 240
_PROGRAMS = ("ip", "nft", "nsenter", "unshare", "setpriv", "mount")
_MASQUERADE = f"""
table ip nat {{
    chain leave {{
        type nat hook postrouting priority 100
        ip saddr {HIDDEN_IP} masquerade
    }}
}}
"""
#: The locked packages appear beside the machine's environment, the fetched files of set-up in the home of a machine
#: that runs a network; then the checkout disappears.
_HIDE = """
set -e
checkout="$1" packages="$2" seen="$3" cache="$4"
shift 4
mount --bind "$packages" "$seen"
if [ -n "$cache" ]; then mount --bind "$checkout/.cache" "$cache" && mount -o remount,bind,ro "$cache"; fi
mount -t tmpfs none "$checkout"
exec "$@"
"""


@dataclass(frozen=True)
class Machine:
    """One machine: how commands are started in it, and its cable."""

    name: str
    prefix: tuple[str, ...]
    home: Path
    bin: Path  #: of the virtual environment with the wheel
    cable: tuple[str, ...] = field(repr=False)  #: the ``ip`` command of its end in the network between

    @property
    def environment(self) -> dict[str, str]:
        base = {"PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin", "LANG": "C.UTF-8", "COLUMNS": "200"}
        return base | {"HOME": str(self.home)}

    def sealgrid(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run one command of Sealgrid."""
        return self._run("sealgrid", *words)

    def program(self, code: str, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a Python program in the machine's home."""
        return self._run("python", "-c", code, *words)

    def _run(self, *words: object) -> subprocess.CompletedProcess[str]:
        with self.start(*words) as started:
            output, errors = started.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(started.args, started.returncode, output, errors)

    @contextmanager
    def start(self, *words: object) -> Iterator[subprocess.Popen[str]]:
        """Start a program in the machine's home; end it with the context, and with this process."""
        started = subprocess.Popen(
            [*self.prefix, *map(str, words)],
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

    def cut(self) -> None:
        """Pull the machine's cable: what it sends is lost."""
        _ip(*self.cable, "down")

    def reconnect(self) -> None:
        """Plug the cable in again."""
        _ip(*self.cable, "up")


def can_make_machines() -> bool:
    """Return whether this process may make namespaces and translate addresses, and others may run Python."""
    if os.geteuid() != 0 or not all(map(shutil.which, _PROGRAMS)):
        return False
    probe = ("unshare", "--net", "--mount", "sh", "-c", f"mount -t tmpfs none /mnt && echo '{_MASQUERADE}' | nft -f -")
    python = ("setpriv", "--reuid", str(USERS[0]), "--clear-groups", system_python(), "-c", "")
    return all(
        subprocess.run(each, cwd="/", capture_output=True, check=False).returncode == 0 for each in (probe, python)
    )


@contextmanager
def three_machines() -> Iterator[tuple[Machine, Machine, Machine]]:
    """Yield a machine at SERVER_IP that can run a network, one at WORKER_IP, and one behind the router.

    Removes processes, namespaces and files at the end.
    """
    folder = Path(tempfile.mkdtemp(prefix="sealgrid-machines-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        programs = _install_wheel(folder)
        between, names = f"sg{os.getpid()}", [f"sg{os.getpid()}{end}" for end in "abc"]
        for name in (between, *names):
            _ip("netns", "add", name)
            stack.callback(_remove_namespace, name)
        _lay_network(between, names)
        yield (
            _machine(folder, programs, between, names[0], USERS[0], runs_network=True),
            _machine(folder, programs, between, names[1], USERS[1]),
            _machine(folder, programs, between, names[2], USERS[2]),
        )


def _lay_network(between: str, names: list[str]) -> None:
    inside = ("-n", between)
    _ip(*inside, "link", "add", "bridge", "type", "bridge")
    for name in names:
        _ip("link", "add", name, "netns", between, "type", "veth", "peer", "name", "cable", "netns", name)
        _ip("-n", name, "link", "set", "lo", "up")
        _ip(*inside, "link", "set", name, "up")
    for name in names[:2]:
        _ip(*inside, "link", "set", name, "master", "bridge")
    _ip(*inside, "link", "set", "bridge", "up")
    _ip(*inside, "addr", "add", f"{ROUTER_IP}/24", "dev", "bridge")
    _ip(*inside, "addr", "add", f"{HIDDEN_ROUTER_IP}/24", "dev", names[2])
    for name, address in zip(names, (SERVER_IP, WORKER_IP, HIDDEN_IP), strict=True):
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", "cable")
        _ip("-n", name, "link", "set", "cable", "up")
    _ip("-n", names[2], "route", "add", "default", "via", HIDDEN_ROUTER_IP)
    enter = ("nsenter", f"--net=/run/netns/{between}")
    subprocess.run((*enter, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"), check=True)
    subprocess.run((*enter, "nft", "-f", "-"), input=_MASQUERADE.encode(), check=True)


def _machine(
    folder: Path, programs: Path, between: str, name: str, user: int, *, runs_network: bool = False
) -> Machine:
    home = folder / name
    home.mkdir(mode=0o700)
    cache = home / ".cache" / "sealgrid"
    if runs_network:
        cache.mkdir(parents=True)
    subprocess.run(("chown", "-R", f"{user}:{user}", str(home)), check=True)
    folders = (str(ROOT), sysconfig.get_path("platlib"), str(folder / "packages"), str(cache) if runs_network else "")
    hide = ("unshare", "--mount", "sh", "-c", _HIDE, "sh", *folders)
    become = ("setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--pdeathsig", "TERM")
    prefix = ("nsenter", f"--net=/run/netns/{name}", *hide, *become)
    return Machine(name, prefix, home, programs, ("-n", between, "link", "set", name))


def _install_wheel(folder: Path) -> Path:
    """Return the folder of the programs of a new virtual environment with the checkout's wheel."""
    uv, environment, packages = str(Path(sys.executable).with_name("uv")), folder / "venv", folder / "packages"
    python = str(environment / "bin" / "python")
    run = lambda *words: subprocess.run(words, cwd=ROOT, check=True, capture_output=True)  # noqa: E731
    run(sys.executable, "-m", "setup.shipped_digests", running_python())
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), ".")
    (wheel,) = folder.glob("*.whl")
    run(uv, "venv", "-q", "--python", system_python(), str(environment))
    run(uv, "pip", "install", "-q", "--no-deps", "--compile-bytecode", "--python", python, str(wheel))
    packages.mkdir()
    (site,) = (environment / "lib").glob("python*/site-packages")
    (site / "locked.pth").write_text(f"{packages}\n")
    return environment / "bin"


def _remove_namespace(name: str) -> None:
    inside = subprocess.run(("ip", "netns", "pids", name), capture_output=True, text=True, check=False).stdout.split()
    for pid in inside:
        subprocess.run(("kill", "-9", pid), check=False, capture_output=True)
    _ip("netns", "del", name)


def system_python() -> str:
    """Return an interpreter of this version that every user may run."""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    return system if Path(system).exists() else sys.executable


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
