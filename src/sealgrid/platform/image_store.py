"""Keep a copy of the runtime that is launched from, with its bytecode, and hash it before every launch."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sealgrid.platform.image import MeasuredFile, measure, mrtd
from sealgrid.platform.image_contents import Plan
from sealgrid.storage.atomic_file import write_file

CompileImage = Callable[["RuntimeImage"], None]


@dataclass(frozen=True)
class RuntimeImage:
    """A runtime on this machine's disk."""

    files: Path  #: what is measured
    bytecode: Path  #: what the interpreter compiled from it; made and checked by the platform alone
    loader: str  #: where the kernel looks for the dynamic loader


@dataclass(frozen=True)
class ImageMeasurement:
    """What an image measured at one moment."""

    mrtd: bytes
    files: tuple[MeasuredFile, ...]


def lay_out(plan: Plan, folder: Path) -> None:
    """Make a folder hold exactly the planned files; a file that is there, of the same size and time, stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or (not path.is_dir() and name not in plan):
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    for name, source in plan.items():
        _copy(source, folder / name)


def _copy(source: Path, target: Path) -> None:
    ours, theirs = target.stat() if target.exists() else None, source.stat()
    if ours is not None and (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    shutil.copystat(source, target)
    target.chmod(0o755 if theirs.st_mode & 0o100 else 0o644)


def measure_image(image: RuntimeImage) -> ImageMeasurement:
    """Hash the files of an image as they are now."""
    files = measure(image.files)
    return ImageMeasurement(mrtd=mrtd(files), files=tuple(files))


class BytecodeCache:
    """Compiled code is no part of the measurement, so it is trusted only as this platform itself wrote it.

    Its digest is kept beside the platform's root keys: who can write there can forge every quote anyway.
    """

    def __init__(self, note: Path, compile_image: CompileImage) -> None:
        self._note, self._compile = note, compile_image

    def refresh(self, image: RuntimeImage, runtime: bytes) -> bool:
        """Make the bytecode anew unless it is what was written for this runtime; return whether it was made."""
        if self._noted() == self._state(image, runtime):
            return False
        shutil.rmtree(image.bytecode, ignore_errors=True)
        image.bytecode.mkdir(parents=True)
        self._compile(image)
        write_file(self._note, self._state(image, runtime).encode())
        return True

    def _noted(self) -> str:
        return self._note.read_text() if self._note.exists() else ""

    def _state(self, image: RuntimeImage, runtime: bytes) -> str:
        compiled = measure(image.bytecode) if image.bytecode.exists() else []
        return hashlib.sha384(runtime + mrtd(compiled)).hexdigest()
