"""Real directories that behave as the kernel's and Gramine's do: they answer what is written into them."""

import contextlib
import os
import threading
from pathlib import Path

from sealgrid.platform import hardware_quotes


class KernelAttributes(hardware_quotes.KernelAttributes):
    """``Attributes`` over a real directory, with the kernel's side played after each call.

    configfs-tsm: a new directory is filled at once; each write of ``inblob`` counts the generation up and makes
    ``outblob`` the quote over it; a read before the first write fails; removal takes the attributes along.
    """

    provider = b"tdx_guest\n"
    certificates = None
    meddler = False  #: another process writes between our write and our read

    def __init__(self, root, quote_over):
        super().__init__(root)
        self._quote_over = quote_over
        self.requests = []

    def make(self, name):
        super().make(name)
        place = self.root / name
        (place / "provider").write_bytes(self.provider)
        (place / "generation").write_bytes(b"0\n")
        (place / "inblob").touch(mode=0o200)
        if self.certificates is not None:
            (place / "auxblob").write_bytes(self.certificates)

    def write(self, name, value):
        if len(value) > 64:
            raise OSError(22, "Invalid argument")
        super().write(name, value)
        place = (self.root / name).parent
        self.requests.append(value)
        self._count(place)
        (place / "outblob").write_bytes(self._quote_over(value))
        if self.meddler:
            self._count(place)

    def remove(self, name):
        place = self.root / name
        for file in place.iterdir():
            file.unlink()
        super().remove(name)

    @staticmethod
    def _count(place):
        (place / "generation").write_bytes(b"%d\n" % (int((place / "generation").read_bytes()) + 1))


def configfs(monkeypatch, root, quote_over, **how):
    """A ``ConfigfsTsm`` whose directory is answered by a kernel."""
    kernel = KernelAttributes(root, quote_over)
    for name, value in how.items():
        setattr(kernel, name, value)
    monkeypatch.setattr(hardware_quotes, "KernelAttributes", lambda _: kernel)
    return hardware_quotes.ConfigfsTsm(root, lambda: "1"), kernel


@contextlib.contextmanager
def gramine(root: Path, quote_over, kind=b"dcap"):
    """Gramine's pseudo-files as named pipes, served by a thread as Gramine serves them."""
    (root / "attestation_type").write_bytes(kind)
    for name in ("user_report_data", "quote"):
        os.mkfifo(root / name)

    def serve():
        report_data = (root / "user_report_data").read_bytes()
        (root / "quote").write_bytes(quote_over(report_data))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield root
    thread.join(5)
