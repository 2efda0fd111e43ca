"""What a simulated platform is told at its start."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess


@dataclass(frozen=True, slots=True)
class PlatformConfig:
    """Where a platform keeps its root keys and the image of the runtime, and what an enclave may use."""

    folder: Path
    boot: Path | None = None  #: file that an enclave starts with; None for the runtime's own
    memory_bytes: int = 4 << 30  #: of an enclave's memory-backed folders, together; all of it may take three times that
    tasks: int = 1024  #: processes and threads of an enclave with its app, where control groups can count them
    access: ServiceAccess = DEFAULT_ACCESS
    insecure_log: Path | None = None  #: where the runtime's own output goes, for looking into a broken runtime only
