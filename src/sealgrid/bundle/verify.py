"""Verify a bundle against the app digest that the chain and the evidence name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from sealgrid.bundle.archive import BROKEN, find_collision, is_regular, open_archive, path_fault
from sealgrid.bundle.input_spec import check_spec
from sealgrid.bundle.interpreter import runs_on
from sealgrid.bundle.manifest import MANIFEST, SCHEMA_WITH_INPUTS, AppLimits, Manifest, package_name
from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, BundleRefused, InterpreterMismatch
from sealgrid.units import Digest, to_digest

MAX_MANIFEST_BYTES = 4 << 20
MAX_FILES = 10_000
MAX_WHEELS = 500
MAX_BYTES = 256 << 20  #: of all files together
MAX_ENVIRONMENT_BYTES = 4 << 30

#: upper limits of every app (memory, CPU and wall seconds, processes, output bytes)
CEILING = AppLimits(memory=1 << 37, cpu_seconds=86_400, wall_seconds=86_400, processes=4096, output_bytes=1 << 32)


@dataclass(frozen=True)
class VerifiedBundle:
    """An app whose bytes are verified against its digest. Only ``verify_bundle`` creates it."""

    app_digest: Digest
    manifest: Manifest
    files: Mapping[str, bytes] = field(repr=False)  #: path -> content


def verify_bundle(archive: bytes, app_digest: Digest) -> VerifiedBundle:
    """Return the app in a bundle.

    A bundle is the app ``app_digest`` when
    (1) it is a readable archive of a bounded number of plain files: no links, folders, encryption, no name twice;
    (2) its manifest's SHA-256 is the app digest;
    (3) the manifest is a canonical document of the schema ``sealgrid/app/2``, or ``/1`` if it has no ``inputs``;
    (4) every path is relative, without ``..``, and means the same on every system;
    (5) no two paths are equal ignoring case, and none is both a file and a folder;
    (6) it has the manifest's files and no others;
    (7) each has the size and the SHA-256 that the manifest names;
    (8) each package has one wheel, whose file name states that package and version;
    (9) the entry point is a Python file of the app;
    (10) the limits are at most the ceiling;
    (11) an environment is built from wheels by the manifest's Python, and of a bounded size;
    (12) each wheel runs on the manifest's Python, by the tags of its file name;
    (14) a run can meet the input specification (``input_spec.check_spec``).

    Raises BundleRefused with the number of the first check that fails.
    """
    try:
        with open_archive(archive, MAX_FILES + 1) as source:
            entries = source.infolist()
            if len(entries) > MAX_FILES + 1 or sum(entry.file_size for entry in entries) > MAX_BYTES:  # (1)
                raise BundleRefused("1", f"a bundle holds at most {MAX_FILES} files and {MAX_BYTES} bytes.")
            for entry in entries:
                # zipfile truncates a name at a NUL; the original name counts.
                if not is_regular(entry) or entry.orig_filename != entry.filename or entry.compress_type:  # (1)
                    raise BundleRefused("1", f"{entry.filename!r} is not a plain, uncompressed file.")
            if len({entry.filename for entry in entries}) != len(entries):  # (1)
                raise BundleRefused("1", "the bundle has two files with the same name.")
            members = {entry.filename: source.read(entry) for entry in entries}
    except BROKEN as error:  # (1)
        raise BundleRefused("1", f"the bundle is not a readable archive ({type(error).__name__}).") from error
    manifest = read_manifest(members.pop(MANIFEST, b""), app_digest)  # (2) to (5), (8) to (12), (14)
    if set(members) != {file.path for file in manifest.files}:  # (6)
        differing = min(set(members) ^ {file.path for file in manifest.files})
        raise BundleRefused("6", f"the bundle and its manifest differ in {differing!r}.")
    for file in manifest.files:  # (7)
        content = members[file.path]
        if len(content) != file.size or to_digest(sha256(content)) != file.sha256:
            raise BundleRefused("7", f"{file.path!r} is not the file that the manifest names.")
    return VerifiedBundle(app_digest=app_digest, manifest=manifest, files=members)


def read_manifest(document: bytes, app_digest: Digest) -> Manifest:
    """Return a manifest that passes the checks of ``verify_bundle`` that need the manifest alone."""
    if to_digest(sha256(document)) != app_digest:  # (2)
        raise BundleRefused("2", f"the bundle is not the app {app_digest}.")
    if len(document) > MAX_MANIFEST_BYTES:  # (3)
        raise BundleRefused("3", f"a manifest has at most {MAX_MANIFEST_BYTES} bytes.")
    try:
        manifest = msgspec.json.decode(document, type=Manifest)
        canonical = manifest.encode() == document
    except (ValueError, *DECODE_ERRORS) as error:  # (3)
        raise BundleRefused("3", f"the manifest is not a valid sealgrid/app document: {error}.") from error
    if (manifest.schema == SCHEMA_WITH_INPUTS) is (manifest.inputs is UNSET):  # (3)
        raise BundleRefused("3", f"a manifest has inputs exactly in the schema {SCHEMA_WITH_INPUTS}.")
    if not canonical:  # (3)
        raise BundleRefused("3", "the manifest is not in its canonical form (RFC 8785, every field written).")
    check_manifest(manifest)
    return manifest


def check_manifest(manifest: Manifest) -> None:
    """Apply checks (4), (5), (8) to (12) and (14) of ``verify_bundle``; raise BundleRefused."""
    paths = [file.path for file in manifest.files]
    _check_paths(paths)  # (4), (5)
    _check_wheels(manifest)  # (8)
    entry = manifest.entrypoint[0] if manifest.entrypoint else ""
    if entry not in paths or not entry.endswith(".py"):  # (9)
        raise BundleRefused("9", f"the entry point {entry!r} is not a Python file of the app.")
    for name in AppLimits.__struct_fields__:  # (10)
        if getattr(manifest.limits, name) > getattr(CEILING, name):
            raise BundleRefused("10", f"the app requests more than {getattr(CEILING, name)} of {name}.")
    environment = manifest.environment
    if environment is not None:
        of_wheels = bool(manifest.wheels) and environment.python.rpartition(".")[0] == manifest.python
        if not of_wheels or environment.size > MAX_ENVIRONMENT_BYTES:  # (11)
            raise BundleRefused("11", "the environment is not one of the app's wheels and Python, or it is too large.")
    for wheel in manifest.wheels:  # (12)
        if not runs_on(wheel.filename, manifest.python):
            raise InterpreterMismatch("12", f"the wheel {wheel.filename} is not for Python {manifest.python}.")
    if manifest.inputs is not UNSET:
        check_spec(manifest.inputs, set(paths))  # (14)


def check_interpreter(manifest: Manifest, python: str) -> None:
    """Check an app against the network where it is deployed or bought; raise InterpreterMismatch.

    (13) The manifest's Python is ``python``, that of the network's runtime.
    """
    if manifest.python != python:  # (13)
        raise InterpreterMismatch(
            "13",
            f"the app is built for Python {manifest.python}, and this network runs apps on Python {python}; "
            f"its developer can deploy it for {python}.",
        )


def _check_paths(paths: list[str]) -> None:
    if len(paths) > MAX_FILES:
        raise BundleRefused("4", f"an app has at most {MAX_FILES} files.")
    for path in paths:
        fault = path_fault(path)
        if fault is not None:
            raise BundleRefused("4", f"the path {path!r} {fault}.")
    collision = find_collision([MANIFEST, *paths])
    if collision is not None:
        raise BundleRefused("5", f"the path {collision!r} collides with another.")
    if paths != sorted(paths):
        raise BundleRefused("5", "the files are not in the order of their paths.")


def _check_wheels(manifest: Manifest) -> None:
    names = [package_name(wheel.name) for wheel in manifest.wheels]
    if len(names) > MAX_WHEELS or names != sorted(set(names)):
        raise BundleRefused("8", "wheels must be in the order of their packages, one per package.")
    for wheel in manifest.wheels:
        parts = wheel.filename.removesuffix(".whl").split("-")  # name-version(-build)?-python-abi-platform
        if len(parts) not in {5, 6} or package_name(parts[0]) != package_name(wheel.name) or parts[1] != wheel.version:
            raise BundleRefused("8", f"{wheel.filename!r} does not name {wheel.name} {wheel.version}.")
