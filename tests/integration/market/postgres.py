"""A PostgreSQL of the tests' own, from Debian's package; it listens on a Unix socket in its own folder and nowhere else."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_SECONDS = 30.0


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server; yield its SQLAlchemy URL."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="sealgrid-pg-", dir="/tmp"))
    account = _account()
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    try:
        data = folder / "data"
        _run([str(programs / "initdb"), "-D", str(data), "-U", "market", "--auth=trust", "--no-sync"], account)
        quiet = ["-c", "listen_addresses=", "-c", "fsync=off"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*_as(account), str(programs / "postgres"), "-D", str(data), "-k", str(folder), *quiet],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
            )
        try:
            _wait(programs, folder, server)
            yield f"postgresql+psycopg://market@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown: does not wait for clients
            server.wait(timeout=20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise RuntimeError("PostgreSQL is not installed; install it with: sudo apt-get install postgresql")
    return (found[-1] if found else Path(on_path or "")).parent


def _account() -> pwd.struct_passwd | None:
    # PostgreSQL refuses to run as root.
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as(account: pwd.struct_passwd | None) -> list[str]:
    if account is None:
        return []
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--pdeathsig=INT"]


def _run(command: list[str], account: pwd.struct_passwd | None) -> None:
    subprocess.run(_as(account) + command, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _wait(programs: Path, folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    ready = [str(programs / "pg_isready"), "-q", "-h", str(folder)]
    while subprocess.run(ready, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()[-500:]}")
        time.sleep(0.05)
