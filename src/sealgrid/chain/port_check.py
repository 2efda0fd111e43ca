"""Which process listens on a port of this machine, as the kernel shows it (proc(5))."""

from pathlib import Path

_LISTENING = "0A"


def listens(pid: int, port: int) -> bool:
    """Return whether this very process listens on a port; another may have taken it first."""
    return not _listeners(port).isdisjoint(_sockets(pid))


def _listeners(port: int) -> set[str]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port}


def _sockets(pid: int) -> set[str]:
    found = set()
    try:
        for each in Path(f"/proc/{pid}/fd").iterdir():
            kind, _, inode = str(each.readlink()).partition(":")
            if kind == "socket":
                found.add(inode.strip("[]"))
    except OSError:  # the process has ended, or a descriptor was closed meanwhile: whoever asks, asks again
        return found
    return found
