"""What a sandbox is told about one run of an app, and the three ways in which a run ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.sandbox.bubblewrap import SandboxFolders

MAX_LOG_BYTES = 1 << 20


@dataclass(frozen=True)
class AppRun:
    """One start of a verified app."""

    folders: SandboxFolders
    entrypoint: tuple[str, ...]  #: path below the app's folder, first arguments
    arguments: tuple[str, ...] = field(default=(), repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: AppLimits = field(default_factory=AppLimits)
    log_bytes: int = MAX_LOG_BYTES
    #: whether nobody else writes to the outputs' file system, so that all that becomes used on it is the app's
    outputs_alone: bool = False

    def order(self) -> bytes:
        """Return what the first code in the sandbox is told."""
        entry, *first = self.entrypoint
        return msgspec.json.encode(
            {
                "entry": entry,
                "arguments": [*first, *self.arguments],
                "environment": dict(self.environment),
                "limits": msgspec.to_builtins(self.limits),
            }
        )


@dataclass(frozen=True)
class AppExited:
    """The app ended by itself; a code other than 0 is its own failure and settled as such."""

    code: int
    log: bytes = field(repr=False)  #: standard output and error, cut at the cap


@dataclass(frozen=True)
class AppEnded:
    """The app was ended by its own doing, by a signal or a limit; settled as its failure (``verdict.py``)."""

    reason: str  #: a sentence of the runtime's
    code: int  #: 128 and the number of the signal; -1 where it was never known
    log: bytes = field(repr=False)


@dataclass(frozen=True)
class HostInducible:
    """The app ended in a way that the machine could have caused: never settled, and no log byte leaves."""

    reason: str
