"""App manifest: the files, wheels, entry point and limits that an app digest commits to (docs/protocol/bundle.md)."""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from sealgrid.bundle.input_spec import InputSpec
from sealgrid.bundle.interpreter import PYTHON_PATTERN
from sealgrid.crypto.digests import canonical, sha256
from sealgrid.units import Digest, to_digest

Schema = Literal["sealgrid/app/1", "sealgrid/app/2"]
SCHEMA: Final = "sealgrid/app/1"  #: of an app without an input specification
SCHEMA_WITH_INPUTS: Final = "sealgrid/app/2"
MANIFEST = "manifest.json"  #: file name in the bundle

HexDigest = Annotated[Digest, msgspec.Meta(pattern=r"^0x[0-9a-f]{64}$")]
Text = Annotated[str, msgspec.Meta(max_length=4096)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$")]
Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+!_-]{1,64}$")]
Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]


MIN_MEMORY = 32 << 20  #: bytes; with less, an interpreter may not start with the largest allowed input


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class AppFileEntry(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the app itself."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]  #: relative, with "/"
    size: Size  #: bytes
    sha256: HexDigest


class WheelEntry(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One wheel that the app imports, identified by its digest."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    version: Version
    filename: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.+!-]{1,200}\.whl$")]
    sha256: HexDigest


class EnvironmentEntry(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All wheels unpacked and compiled, as one archive that can be rebuilt from them (docs/protocol/bundle.md)."""

    sha256: HexDigest
    size: Size  #: bytes
    python: Annotated[str, msgspec.Meta(pattern=r"^3\.[0-9]{1,2}\.[0-9]{1,2}$")]  #: exact version that compiled it


class AppLimits(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one run; a platform may refuse more than it has."""

    memory: Positive = 1 << 30  #: bytes, of the address space of a process and the resident memory of all processes
    cpu_seconds: Positive = 300
    wall_seconds: Positive = 300
    processes: Positive = 32  #: at one time, without threads
    #: of all output files together; each doubling adds 32 possible padded lengths
    output_bytes: Positive = 8 << 20


class Manifest(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An app as its developer published it; not verified against a bundle."""

    schema: Schema = SCHEMA
    name: Name
    version: Version
    title: Text = ""
    description: Text = ""
    python: Annotated[str, msgspec.Meta(pattern=PYTHON_PATTERN)]  #: the interpreter that runs it, as "3.13"
    entrypoint: tuple[Text, ...]  #: path of a Python file of the app, then its first arguments
    files: tuple[AppFileEntry, ...]  #: in the order of their paths
    wheels: tuple[WheelEntry, ...] = ()  #: in the order of their names
    environment: EnvironmentEntry | None = (
        None  #: these wheels, ready to import; None: the enclave unpacks them in each run
    )
    limits: AppLimits = msgspec.field(default_factory=AppLimits)
    inputs: InputSpec | UnsetType = UNSET  #: what a run takes; exactly in schema sealgrid/app/2

    def encode(self) -> bytes:
        """Return the canonical document (RFC 8785)."""
        return canonical(self)

    def digest(self) -> Digest:
        """Return the app digest: SHA-256 of the canonical document, the app's checksum on the chain."""
        return to_digest(sha256(self.encode()))


def package_name(name: str) -> str:
    """Return the normalized name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
