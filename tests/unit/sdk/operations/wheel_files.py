"""Small wheels, as a package index would give them."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from sealgrid.bundle.manifest import WheelEntry
from sealgrid.crypto.digests import sha256
from sealgrid.units import to_digest


def write_wheel(
    folder: Path, name: str, version: str = "1.0", needs: Sequence[str] = (), tag: str = "py3-none-any"
) -> WheelEntry:
    """Write a wheel with one module that has its name and version."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {n}" for n in needs),
    ]
    wheel = ["Wheel-Version: 1.0", "Generator: test", "Root-Is-Purelib: true", f"Tag: {tag}"]
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", "\n".join(metadata) + "\n")
        archive.writestr(f"{info}/WHEEL", "\n".join(wheel) + "\n")
        archive.writestr(f"{info}/RECORD", "")
    return WheelEntry(name=name, version=version, filename=path.name, sha256=to_digest(sha256(path.read_bytes())))
