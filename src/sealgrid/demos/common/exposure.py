"""Data of a job that its host had: the worker's exposure log, and a search of the host's files for secrets."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from sealgrid.demos.common.leak_search import search
from sealgrid.units import TaskId
from sealgrid.worker.exposure_log import Exposure, exposure_file

LOG_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class HostExposure:
    """What a host had of a job, as lines of text."""

    lines: tuple[str, ...]
    clean: bool  #: the search found no secret, and found the planted window


def inspect_host(network: Path, task: TaskId, secrets: dict[str, bytes]) -> HostExposure:
    """List the worker's exposure log, and search all files of the host for byte windows of the secrets.

    A known window is planted as a control: a search that does not find it proves nothing and counts as failed.
    """
    folders = [network / name for name in ("worker", "storage", "platform", "pool", "logs", "market")]
    exposures = _exposures(exposure_file(network / "worker" / "jobs", task))
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
    files = [each for each in exposures if each.what.startswith("file")]
    messages = [each for each in exposures if not each.what.startswith("file")]
    lines = []
    for each in files:
        what = re.sub(r"([0-9a-f]{12})[0-9a-f]{52}", r"\1…", re.sub(r"-cp\d+\S*\.whl", "….whl", each.what))
        lines.append(f"{what}: begins {each.head}")
    lines.append(
        f"{len(messages)} messages between enclave and vaults, {sum(m.size for m in messages)} bytes, encrypted"
    )
    lines.append(
        f"searched {searched.files} files, {searched.bytes / 1e6:.0f} MB, on its disk and the storage node: "
        + (f"FOUND {', '.join(found)}" if found else f"no byte window of {sought}")
        + (" (a planted one was found)" if planted_found else " (BUT the planted one was not found either)")
    )
    return HostExposure(tuple(lines), clean=not found and planted_found)


def _exposures(file: Path) -> list[Exposure]:
    """Return the log of a job, which the worker writes just after the chain has completed its task."""
    deadline = time.monotonic() + LOG_SECONDS
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return msgspec.json.decode(file.read_bytes(), type=list[Exposure])
