"""Read and write a kernel's attribute files: each write is one call, and each read starts at the beginning."""

import os
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 1 << 20  #: of one attribute; the largest real one, a certificate table, has less than 32 KiB


class KernelAttributes:
    """The attribute files below one directory of a kernel's file system; ``root`` is a real one or a test's."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def there(self, name: str = ".") -> bool:
        """Return whether there is such a file or directory."""
        return (self.root / name).exists()

    def make(self, name: str) -> None:
        """Make a directory, which the kernel fills; raise OSError."""
        (self.root / name).mkdir(mode=0o700)

    def remove(self, name: str) -> None:
        """Remove a directory with what the kernel put into it; one that is gone is no error."""
        with suppress(FileNotFoundError):
            (self.root / name).rmdir()

    def write(self, name: str, value: bytes) -> None:
        """Write an attribute in one call; raise OSError, also when not all of it was taken."""
        file = os.open(self.root / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.write(file, value) != len(value):
                raise OSError(f"{name} took only a part of what was written")
        finally:
            os.close(file)

    def read(self, name: str) -> bytes:
        """Return a whole attribute; raise OSError."""
        file = os.open(self.root / name, os.O_RDONLY | os.O_CLOEXEC)
        parts = bytearray()
        try:
            while part := os.read(file, 1 << 16):
                parts += part
                if len(parts) > MOST_BYTES:
                    raise OSError(f"{name} does not end")
        finally:
            os.close(file)
        return bytes(parts)
