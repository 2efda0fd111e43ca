"""Files of this machine that make a runtime: our packages, their imports, interpreter, shared libraries, bubblewrap."""

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sealgrid.errors import HostFailed, SetupMissing
from sealgrid.platform.image import MeasuredFile

#: system libraries that wheels may require (PEP 600)
_MANYLINUX_LIBRARIES = (
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "libutil.so.1",
    "libresolv.so.2",
    "libz.so.1",
    "libexpat.so.1",
)
_LOADER = "ld-linux"
#: Where programs expect the loader, by its name: their ABIs say so; on other processors it is in /lib.
LOADER_PATHS = {"ld-linux-x86-64.so.2": "/lib64/ld-linux-x86-64.so.2"}
_C_UTF8 = Path("/usr/lib/locale/C.utf8")  #: the C library's locale for apps; Debian's package libc-bin brings it


def find_shared_libraries(files: Sequence[Path]) -> dict[str, Path]:
    """Return name -> file of all libraries that the files load, the loader, and the libraries of PEP 600."""
    libraries = _parse_ldd(_ldd(files))
    home = libraries["libc.so.6"].parent
    expected = [home / name for name in _MANYLINUX_LIBRARIES if (home / name).exists()]
    return libraries | {path.name: path for path in expected} | _parse_ldd(_ldd(expected))


def find_loader(names: Iterable[str]) -> str:
    """Return the name of the dynamic loader."""
    return next(name for name in names if name.startswith(_LOADER))


def _ldd(files: Sequence[Path]) -> str:
    program = shutil.which("ldd")
    if program is None:
        raise SetupMissing("ldd is not installed; Debian's package libc-bin brings it.")
    # ldd exits with 1 if one file is static; its output is still complete.
    command = [program, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  our own files


def _parse_ldd(listing: str) -> dict[str, Path]:
    libraries: dict[str, Path] = {}
    for line in listing.splitlines():
        words = line.split()
        if "=>" in words and len(words) > 2 and words[2].startswith("/"):
            libraries[words[0]] = Path(words[2])
        elif words and words[0].startswith("/") and _LOADER in words[0] and not words[0].endswith(":"):
            libraries[Path(words[0]).name] = Path(words[0])
    return libraries


OUR_PACKAGES = ("crypto", "attestation", "bundle", "poco", "receipts", "wire", "enclave")
OUR_FILES = ("__init__.py", "errors.py", "units.py")
EXTERNAL_PACKAGES = ("msgspec", "coincurve", "_cffi_backend", "cryptography", "Crypto", "rfc8785", "typing_extensions")

BOOT, PACKAGES, PYTHON, LIBRARIES, PROGRAMS = "boot.py", "packages", "python", "lib", "bin"

#: unused folders of the standard library and of packages
_EXCLUDED_FOLDERS = {
    "__pycache__",
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "lib2to3",
    "ensurepip",
    "pydoc_data",
    "SelfTest",
    "include",
}
_EXCLUDED_FILES = ("_tkinter.", "_test", "_xx", "xx", "_ctypes_test.", "nis.", "turtle.py")
_SUFFIXES = (".py", ".so", ".txt", ".json", ".typed")

Plan = dict[str, Path]


def plan_image(boot: Path | None = None) -> Plan:
    """Return path in the image -> file of this machine; raise SetupMissing if one is not installed."""
    root = _package_path("sealgrid")
    files = {BOOT: boot or root / "enclave" / "boot.py"}
    files |= {f"{PACKAGES}/sealgrid/{name}": root / name for name in OUR_FILES}
    for package in OUR_PACKAGES:
        files |= {f"{PACKAGES}/sealgrid/{package}/{name}": path for name, path in _walk(root / package)}
    for package in EXTERNAL_PACKAGES:
        source = _package_path(package)
        if source.is_dir():
            files |= {f"{PACKAGES}/{package}/{name}": path for name, path in _walk(source)}
        else:
            files[f"{PACKAGES}/{source.name}"] = source
    files |= {f"{PACKAGES}/tzdata/{name}": path for name, path in _files_below(_package_path("tzdata"))}
    files |= _interpreter()
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise SetupMissing("bubblewrap is not installed; install it with: sudo apt-get install bubblewrap")
    files[f"{PROGRAMS}/bwrap"] = Path(bubblewrap).resolve()
    native = [
        path for name, path in files.items() if ".so" in path.name or name.startswith((PROGRAMS, f"{PYTHON}/bin"))
    ]
    files |= {f"{LIBRARIES}/{name}": path for name, path in find_shared_libraries(native).items()}
    return files | {f"{LIBRARIES}/locale/C.utf8/{name}": path for name, path in _files_below(_C_UTF8)}


def _interpreter() -> Plan:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = {
        "base": sys.base_prefix,
        "installed_base": sys.base_prefix,
        "platbase": sys.base_exec_prefix,
        "installed_platbase": sys.base_exec_prefix,
    }
    library = Path(sysconfig.get_path("stdlib", vars=base))
    native = Path(sysconfig.get_path("platstdlib", vars=base)) / "lib-dynload"
    files = {f"{PYTHON}/lib/{version}/{name}": path for name, path in _walk(library) if "config-" not in name}
    files |= {f"{PYTHON}/{sys.platlibdir}/{version}/lib-dynload/{name}": path for name, path in _walk(native)}
    files[f"{PYTHON}/bin/{version}"] = Path(sys.base_prefix, "bin", version).resolve()
    return files


def _files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the data files below a folder, most of which have no suffix; none if there is no such folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent.name != "__pycache__":
            yield path.relative_to(folder).as_posix(), path


def interpreter_version(files: Iterable[MeasuredFile]) -> str:
    """Return the Python version of an image, as "3.13", from the names of its files.

    Raises HostFailed unless there is exactly one interpreter.
    """
    programs = f"{PYTHON}/bin/python"
    versions = [file.path.removeprefix(programs) for file in files if file.path.startswith(programs)]
    if len(versions) != 1:
        raise HostFailed(f"the runtime's image has {len(versions)} interpreters instead of one.")
    return versions[0]


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name not in _EXCLUDED_FOLDERS:
                yield from ((f"{path.name}/{name}", below) for name, below in _walk(path))
        elif (path.suffix in _SUFFIXES or ".so." in path.name) and not path.name.startswith(_EXCLUDED_FILES):
            yield path.name, path


def _package_path(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SetupMissing(f"the Python package {name} is not installed; the runtime of an enclave needs it.")
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin
