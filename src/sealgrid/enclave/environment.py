"""Lay out what an app consists of, for the interpreter that this runtime has."""

import sys
from pathlib import Path

from sealgrid.bundle.manifest import Manifest, Wheel
from sealgrid.bundle.verify import VerifiedBundle
from sealgrid.errors import HostFailed


def lay_out_app(bundle: VerifiedBundle, target: Path) -> None:
    """Write an app's files below ``target``, which must be empty and memory-backed."""
    for path, content in bundle.files.items():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def expect_interpreter(manifest: Manifest) -> None:
    """Raise HostFailed when this runtime's interpreter is not the one that the app's wheels are built for."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if manifest.python != ours:
        raise HostFailed(f"the app is built for Python {manifest.python}, this runtime has {ours}.")


def parts_of(manifest: Manifest) -> tuple[Wheel, ...]:
    """Return the archives that the app imports from: its one environment where it names one, else its wheels."""
    built = manifest.environment
    if built is None:
        return manifest.wheels
    return (Wheel(name="environment", version=built.python, filename="environment.zip", sha256=built.sha256),)
