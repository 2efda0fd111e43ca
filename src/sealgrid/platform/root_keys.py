"""Root keys of a simulated platform, kept over restarts in a file that its user alone reads."""

import os
from pathlib import Path

from sealgrid.attestation.simulated import SimulatedPlatformKeys

FILE = "simulated-root-keys.json"


def load_or_make(folder: Path, now: int) -> SimulatedPlatformKeys:
    """Return the platform's keys, made at the first call; ``now`` in Unix seconds."""
    path = folder / FILE
    if path.exists():
        return SimulatedPlatformKeys.load(path.read_bytes())
    keys = SimulatedPlatformKeys.generate(now)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, keys.save())
    finally:
        os.close(file)
    return keys
