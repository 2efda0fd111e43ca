"""Parsers of archives: bundles, inputs, wheels, environments, runtime images."""

import io
import json
import tempfile
import zipfile
from pathlib import Path

import msgspec

from sealgrid.bundle import job_input
from sealgrid.bundle.archive import pack
from sealgrid.bundle.environment_writer import END_BYTES, EnvironmentWriter, directory_start
from sealgrid.bundle.manifest import EnvironmentEntry, Manifest, WheelEntry
from sealgrid.bundle.verify import read_manifest, verify_bundle
from sealgrid.bundle.wheel_unpacker import PrivateCopy, unpack_wheels
from sealgrid.crypto.digests import sha256
from sealgrid.enclave.job.iexec_env import read_computed
from sealgrid.platform.image import measure
from sealgrid.platform.image_archive import pack_image, unpack_image
from sealgrid.units import to_digest
from tests.fuzz.parser import MIB, ROOT, Parser


def _zipped(*entries, compression=zipfile.ZIP_DEFLATED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return target.getvalue()


def _overlapping(first, names, content):
    """A zip that lists ``first`` and then one entry under many names."""
    raw = _zipped(first, (names[0], content), compression=zipfile.ZIP_STORED)
    end = raw.index(b"PK\x05\x06")
    start = raw.rindex(b"PK\x01\x02", 0, end)
    again = b"".join(raw[start:end].replace(names[0].encode(), name.encode()) for name in names[1:])
    count = (len(names) + 1).to_bytes(2, "little")
    directory = raw[raw.index(b"PK\x01\x02") : end] + again
    where = raw.index(b"PK\x01\x02").to_bytes(4, "little")
    return (
        raw[:end] + again + raw[end : end + 8] + count + count + len(directory).to_bytes(4, "little") + where + bytes(2)
    )


def archive_parsers() -> tuple[Parser, ...]:
    """Return the parsers of archives."""
    app = {"main.py": b"print('hello')\n", "data/model.txt": bytes(200)}
    manifest = json.loads((ROOT / "tests" / "fuzz" / "manifest.json").read_bytes())
    for file in manifest["files"]:
        file |= {"size": len(app[file["path"]]), "sha256": to_digest(sha256(app[file["path"]]))}
    document = msgspec.convert(manifest, Manifest).encode()
    archive = pack({**app, "manifest.json": document})
    given = job_input.JobInput(("a", "b"), (("one.txt", b"one"), ("two.bin", bytes(50))), {"1": "secret"}).pack()
    names = [f"files/{number:03}" for number in range(999)]
    bomb = _zipped(
        ("input.json", json.dumps({"schema": "sealgrid/input/1", "args": [], "files": ["zeros"], "secrets": {}})),
        ("files/zeros", bytes(64 * MIB)),
    )
    listed = {"schema": "sealgrid/input/1", "args": [], "files": [name[6:] for name in names], "secrets": {}}
    overlapping = _overlapping(("input.json", json.dumps(listed)), names, bytes(MIB))
    return (
        Parser("manifest", lambda raw: read_manifest(raw, to_digest(sha256(raw))), (document,), 4 * MIB, 64 * MIB),
        Parser(
            "bundle",
            lambda raw: verify_bundle(raw, to_digest(sha256(document))),
            (archive,),
            4 * MIB,
            32 * MIB,
            hostile=(_zipped(("manifest.json", bytes(64 * MIB))), overlapping),
        ),
        Parser(
            "sealed input",
            job_input.unpack,
            (given, _zipped(("input.json", b"{}"))),
            4 * MIB,
            32 * MIB,
            hostile=(bomb, overlapping),
        ),
        Parser(
            "wheel",
            _unpack_wheel,
            (_zipped(("pkg/__init__.py", b"x = 1\n"), ("pkg-1.dist-info/RECORD", b"")),),
            MIB,
            64 * MIB,
            hostile=(_zipped(("pkg/zeros", bytes(16 * MIB))),),
        ),
        Parser(
            "environment",
            _lay_out,
            (pack({"pkg/__init__.py": b"x = 1\n", "pkg/empty": b"", "top.py": b"y"}),),
            MIB,
            64 * MIB,
            hostile=(_overlapping(("a", "b"), ["c", "d"], bytes(MIB)),),
        ),
        Parser("runtime archive", _unpack_image, (_image(),), MIB, 64 * MIB),
        Parser(
            "computed.json",
            lambda raw: read_computed({"computed.json": raw, "out": b""}),
            (b'{"deterministic-output-path": "/iexec_out/out"}', b'{"callback-data": "0x12ab"}'),
            MIB,
            8 * MIB,
        ),
    )


def _unpack_wheel(raw):
    wheel = WheelEntry(name="pkg", version="1", filename="pkg-1-py3-none-any.whl", sha256=to_digest(sha256(raw)))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "wheel"), Path(folder, "target")
        source.write_bytes(raw)
        target.mkdir()
        unpack_wheels([wheel], {wheel.filename: PrivateCopy.of(source)}, target)


def _lay_out(raw):
    pinned = EnvironmentEntry(sha256=to_digest(sha256(raw)), size=len(raw), python="3.11.2")
    directory = raw[directory_start(pinned, raw[-END_BYTES:]) :]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "target")
        target.mkdir()
        writer = EnvironmentWriter(pinned, directory, target, Path(folder, "scratch"))
        writer.write(raw[: writer.start])
        writer.finish()


def _unpack_image(raw):
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "archive")
        archive.write_bytes(raw)
        unpack_image(archive, Path(folder, "image"))


def _image():
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "image", "python")
        source.mkdir(parents=True)
        (source / "boot.py").write_bytes(b"x = 1\n")
        pack_image(source.parent, measure(source.parent), Path(folder, "archive"))
        return Path(folder, "archive").read_bytes()
