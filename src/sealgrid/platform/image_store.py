"""Local copy of the runtime for launches, with its bytecode; measured before every launch."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sealgrid.platform.image import MeasuredFile, file_states, measure, mrtd
from sealgrid.platform.image_contents import Plan
from sealgrid.storage.atomic_file import write_file

CompileImage = Callable[["RuntimeImage"], None]


@dataclass(frozen=True)
class RuntimeImage:
    """A runtime on disk."""

    files: Path  #: measured files
    bytecode: Path  #: compiled code; written and checked only by the platform
    loader: str  #: path where the kernel expects the dynamic loader


@dataclass(frozen=True)
class ImageMeasurement:
    """Measurement of an image at one time."""

    mrtd: bytes
    files: tuple[MeasuredFile, ...]
    states: bytes  #: of the files just before they were read (``file_states``)


def lay_out(plan: Plan, folder: Path) -> None:
    """Make a folder contain exactly the planned files; files of equal size and time are not copied again."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or (not path.is_dir() and name not in plan):
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    for name, source in plan.items():
        target, original = folder / name, source.stat()
        copied = target.stat() if target.exists() else None
        if copied is not None and (copied.st_size, copied.st_mtime_ns) == (original.st_size, original.st_mtime_ns):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copystat(source, target)
        target.chmod(0o755 if original.st_mode & 0o100 else 0o644)


def measure_image(image: RuntimeImage) -> ImageMeasurement:
    """Measure the current files of an image."""
    states = file_states(image.files)
    files = measure(image.files)
    return ImageMeasurement(mrtd=mrtd(files), files=tuple(files), states=states)


class BytecodeCache:
    """Compiled code of a runtime. It is not measured, so only code that this platform wrote is used.

    Its digest is stored beside the platform's root keys: write access there already allows forging quotes.
    """

    def __init__(self, state_file: Path, compile_image: CompileImage) -> None:
        self._state_file, self._compile = state_file, compile_image

    def refresh(self, image: RuntimeImage, runtime: bytes) -> bytes:
        """Compile again unless the bytecode belongs to this runtime and is unchanged.

        Returns the states of its files just before they were read (``file_states``).
        """
        states = file_states(image.bytecode) if image.bytecode.exists() else b""
        stored = self._state_file.read_text() if self._state_file.exists() else ""
        if stored == self._state(image, runtime):
            return states
        shutil.rmtree(image.bytecode, ignore_errors=True)
        image.bytecode.mkdir(parents=True)
        self._compile(image)
        states = file_states(image.bytecode)
        write_file(self._state_file, self._state(image, runtime).encode())
        return states

    def _state(self, image: RuntimeImage, runtime: bytes) -> str:
        compiled = measure(image.bytecode) if image.bytecode.exists() else []
        return hashlib.sha384(runtime + mrtd(compiled)).hexdigest()
