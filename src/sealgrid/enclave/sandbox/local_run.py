"""Runs an app in the enclaves' sandbox for a person of this machine: ``python -m sealgrid.enclave.sandbox.local_run``.

Standard input is one ``LocalRun`` as JSON, standard output one ``LocalRunEnd``. No chain, no vault, no attestation.
"""

import sys
from pathlib import Path
from typing import Literal

import msgspec

from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.sandbox import sandbox
from sealgrid.enclave.sandbox.exit_cause import AppEnded, AppExited, PlatformProtection
from sealgrid.errors import SealgridError

_ATTRIBUTED = PlatformProtection(signals=True, memory=True, clock=True)  # a local run has no attacker


class LocalRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to run."""

    app: str  #: folder
    wheels: str  #: folder of the unpacked wheels
    datasets: str  #: folder
    inputs: str  #: folder
    outputs: str  #: folder, empty
    entrypoint: tuple[str, ...]
    environment: dict[str, str]
    limits: AppLimits


class LocalRunEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended."""

    end: Literal["exited", "stopped", "unattributed"]
    code: int = 0  #: of an app that exited
    reason: str = ""  #: why it was stopped, or why the machine may be the cause
    log: str = ""


def main() -> None:
    """Run the app of standard input."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=LocalRun)
    sys.stdout.buffer.write(msgspec.json.encode(run(request)))


def run(request: LocalRun) -> LocalRunEnd:
    """Run an app and return how it ended."""
    folders = sandbox.SandboxFolders(
        app=Path(request.app),
        wheels=Path(request.wheels),
        datasets=Path(request.datasets),
        inputs=Path(request.inputs),
        outputs=Path(request.outputs),
    )
    app = sandbox.AppRun(folders, request.entrypoint, environment=request.environment, limits=request.limits)
    try:
        end = sandbox.run(app, _ATTRIBUTED)
    except (SealgridError, OSError) as error:
        return LocalRunEnd(end="unattributed", reason=str(error))
    if isinstance(end, AppExited):
        return LocalRunEnd(end="exited", code=end.code, log=end.log.decode(errors="replace"))
    if isinstance(end, AppEnded):
        return LocalRunEnd(end="stopped", reason=end.reason, log=end.log.decode(errors="replace"))
    return LocalRunEnd(end="unattributed", reason=end.reason)


if __name__ == "__main__":
    main()
