"""What the machine that ran a job saw: what its worker noted, and a search of all that it kept."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sealgrid.demos.common.leak_search import SearchResult, search
from sealgrid.units import TaskId
from sealgrid.worker.exposure_log import Exposure, exposure_file


@dataclass(frozen=True, slots=True)
class HostView:
    """What the machine that ran a job saw, in words."""

    lines: tuple[str, ...]
    clean: bool  #: nothing secret was found, and a planted window was


def look(network: Path, task: TaskId, secrets: dict[str, bytes]) -> HostView:
    """List what the worker noted, and search everything that the machine kept for windows of the secrets.

    A known window is planted first: a search that does not find it proves nothing and counts as failed.
    """
    folders = [network / name for name in ("worker", "storage", "platform", "pool", "logs", "market")]
    sights = msgspec.json.decode(exposure_file(network / "worker" / "jobs", task).read_bytes(), type=list[Exposure])
    planted = {"the planted window": os.urandom(4096)}
    control = network / "worker" / "planted"
    control.write_bytes(b"x" * 1000 + planted["the planted window"])
    try:
        searched = search(folders, secrets | planted)
    finally:
        control.unlink()
    found = [name for name in searched.found if not name.startswith("the planted window")]
    planted_found = len(found) < len(searched.found)
    sought = " or ".join(name.removeprefix("the ") for name in secrets)
    return HostView(tuple(_words(sights, searched, found, sought, planted_found)), clean=not found and planted_found)


def _words(
    sights: list[Exposure], searched: SearchResult, found: list[str], sought: str, planted_found: bool
) -> list[str]:
    files = [sight for sight in sights if sight.what.startswith("file")]
    asked = [sight for sight in sights if not sight.what.startswith("file")]
    lines = [f"{_short(sight.what)}: begins {sight.head}" for sight in files]
    lines.append(
        f"{len(asked)} messages between enclave and vaults, {sum(s.size for s in asked)} bytes, sealed to keys inside"
    )
    lines.append(
        f"searched {searched.files} files, {searched.bytes / 1e6:.0f} MB, on its disk and the storage node: "
        + (f"FOUND {', '.join(found)}" if found else f"no byte window of {sought}")
        + (" (a planted one was found)" if planted_found else " (BUT the planted one was not found either)")
    )
    return lines


def _short(what: str) -> str:
    return re.sub(r"([0-9a-f]{12})[0-9a-f]{52}", r"\1…", re.sub(r"-cp\d+\S*\.whl", "….whl", what))
