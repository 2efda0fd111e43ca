"""Verification of a bundle: one named bad input for each of (1) to (10) and (14)."""

import io
import zipfile

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.archive import pack
from sealgrid.bundle.build import Bundle
from sealgrid.bundle.input_spec import FileSpec, InputSpec
from sealgrid.bundle.manifest import SCHEMA, SCHEMA_WITH_INPUTS, AppFileEntry, AppLimits, Manifest, WheelEntry
from sealgrid.bundle.verify import verify_bundle
from sealgrid.crypto.digests import canonical, sha256
from sealgrid.errors import BundleRefused
from sealgrid.units import to_digest
from tests.unit.bundle.bundle_scene import PYTHON, WHEEL


def manifest(contents: dict[str, bytes], **changes: object) -> Manifest:
    files = tuple(
        AppFileEntry(path=path, size=len(content), sha256=to_digest(sha256(content)))
        for path, content in sorted(contents.items())
    )
    fields = {"name": "app", "version": "1", "python": PYTHON, "entrypoint": ("app.py",), "files": files, **changes}
    return Manifest(**fields)


def bundle(contents: dict[str, bytes], **changes: object) -> Bundle:
    made = manifest(contents, **changes)
    return Bundle(made, pack({**contents, "manifest.json": made.encode()}))


CONTENTS = {"app.py": b"pass", "data/x": b"\0"}


def refusal(archive: bytes, digest: str) -> str:
    with pytest.raises(BundleRefused) as refused:
        verify_bundle(archive, digest)
    return refused.value.check


def refused_as(contents: dict[str, bytes], **changes: object) -> str:
    made = bundle(contents, **changes)
    return refusal(made.archive, made.app_digest)


@given(st.data())
def test_no_altered_byte_of_an_archive_gives_another_app(data):
    made = bundle(CONTENTS)
    position = data.draw(st.integers(0, len(made.archive) - 1))
    altered = bytearray(made.archive)
    altered[position] ^= data.draw(st.integers(1, 255))
    try:
        verified = verify_bundle(bytes(altered), made.app_digest)
    except BundleRefused:
        return
    assert (verified.manifest, verified.files) == (made.manifest, CONTENTS)  # a byte that says nothing, as a date


def test_1_no_archive_is_refused():
    assert refusal(b"PK", "0x" + "00" * 32) == "1"


def test_1_a_truncated_archive_is_refused():
    made = bundle(CONTENTS)
    assert refusal(made.archive[:-30], made.app_digest) == "1"


def written(*entries: tuple[zipfile.ZipInfo | str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return target.getvalue()


def test_1_a_symbolic_link_is_refused():
    made = manifest({"app.py": b"x"})
    link = zipfile.ZipInfo("app.py")
    link.external_attr = 0o120777 << 16
    assert refusal(written((link, b"x"), ("manifest.json", made.encode())), made.digest()) == "1"


def test_1_a_folder_entry_is_refused():
    made = manifest(CONTENTS)
    entries = [*CONTENTS.items(), ("manifest.json", made.encode()), ("empty/", b"")]
    assert refusal(written(*entries), made.digest()) == "1"


def test_1_a_compressed_entry_is_refused():
    made = manifest(CONTENTS)
    archive = written(*CONTENTS.items(), ("manifest.json", made.encode()), compression=zipfile.ZIP_DEFLATED)
    assert refusal(archive, made.digest()) == "1"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_1_a_name_that_comes_twice_is_refused():
    made = manifest({"app.py": b"x"})
    archive = written(("app.py", b"y"), ("app.py", b"x"), ("manifest.json", made.encode()))
    assert refusal(archive, made.digest()) == "1"


def test_1_a_name_with_a_nul_is_refused():
    made = bundle({"app.py": b"x"})
    assert refusal(made.archive.replace(b"app.py", b"app\0py"), made.app_digest) == "1"


def test_2_another_apps_bundle_is_refused():
    assert refusal(bundle(CONTENTS).archive, "0x" + "11" * 32) == "2"


def test_2_a_bundle_without_a_manifest_is_refused():
    assert refusal(pack(CONTENTS), bundle(CONTENTS).app_digest) == "2"


@pytest.mark.parametrize(
    "change",
    [
        lambda document: {**document, "schema": "sealgrid/app/2"},
        lambda document: {**document, "more": 1},
        lambda document: {key: value for key, value in document.items() if key != "title"},
        lambda document: {**document, "name": "../app"},
        lambda document: {**document, "limits": {**document["limits"], "memory": 0}},
        lambda document: {**document, "wheels": [{**msgspec.to_builtins(WHEEL), "filename": "numpy-2.4.6.tar.gz"}]},
    ],
    ids=["schema", "unknown-field", "field-left-out", "name", "no-memory", "sdist"],
)
def test_3_a_manifest_of_another_form_is_refused(change):
    document = canonical(change(msgspec.to_builtins(manifest(CONTENTS))))
    archive = pack({**CONTENTS, "manifest.json": document})
    assert refusal(archive, to_digest(sha256(document))) == "3"


def test_3_a_manifest_that_is_not_canonical_is_refused():
    document = manifest(CONTENTS).encode() + b"\n"
    assert refusal(pack({**CONTENTS, "manifest.json": document}), to_digest(sha256(document))) == "3"


@pytest.mark.parametrize(
    "path", ["/app", "../x", "a/../b", "a//b", "./a", "a/", "C:/x", "a\\b", "a\tb", "e\u0301", "x" * 256]
)
def test_4_a_path_that_leaves_its_folder_or_is_ambiguous_is_refused(path):
    made = manifest({"app.py": b"", path: b""})
    # no such archive is needed: the manifest is judged before the files are compared
    assert refusal(pack({"manifest.json": made.encode()}), made.digest()) == "4"


@pytest.mark.parametrize("path", ["App.py", "app.py/x", "manifest.json", "Manifest.JSON", "APP.PY/x"])
def test_5_paths_that_collide_are_refused(path):
    made = manifest({"app.py": b"", path: b""})
    assert refusal(pack({"manifest.json": made.encode()}), made.digest()) == "5"


def test_5_folders_that_differ_in_letter_case_are_refused():
    assert refused_as({"app.py": b"", "data/x": b"", "Data/y": b""}) == "5"


def test_6_a_missing_and_an_extra_file_are_refused():
    made = bundle(CONTENTS)
    for contents in ({"app.py": b"pass"}, {**CONTENTS, "more": b""}):
        archive = pack({**contents, "manifest.json": made.manifest.encode()})
        assert refusal(archive, made.app_digest) == "6"


@pytest.mark.parametrize("content", [b"pasS", b"pass\n"], ids=["byte", "size"])
def test_7_an_altered_file_is_refused(content):
    made = bundle(CONTENTS)
    archive = pack({**CONTENTS, "app.py": content, "manifest.json": made.manifest.encode()})
    assert refusal(archive, made.app_digest) == "7"


def wheel(name: str, filename: str) -> WheelEntry:
    return msgspec.structs.replace(WHEEL, name=name, filename=filename)


@pytest.mark.parametrize(
    "wheels",
    [
        (WHEEL, WHEEL),
        (WHEEL, wheel("NumPy", "NumPy-2.4.6-cp311-cp311-linux_aarch64.whl")),
        (wheel("pillow", "pillow-2.4.6-py3-none-any.whl"), WHEEL),
        (wheel("numpy", "pillow-2.4.6-py3-none-any.whl"),),
        (wheel("numpy", "numpy-2.4.7-py3-none-any.whl"),),
        (wheel("numpy", "numpy.whl"),),
    ],
    ids=["twice", "two-artifacts-of-one-package", "order", "other-package", "other-version", "no-wheel-name"],
)
def test_8_wheels_that_are_not_one_per_package_are_refused(wheels):
    assert refused_as(CONTENTS, wheels=wheels) == "8"


@pytest.mark.parametrize("entrypoint", [(), ("none.py",), ("data/x",), ("-c", "import os")])
def test_9_an_entry_point_that_is_no_python_file_of_the_app_is_refused(entrypoint):
    assert refused_as(CONTENTS, entrypoint=entrypoint) == "9"


@pytest.mark.parametrize("name", AppLimits.__struct_fields__)
def test_10_limits_that_no_platform_gives_are_refused(name):
    assert refused_as(CONTENTS, limits=AppLimits(**{name: 1 << 39})) == "10"


def test_3_inputs_in_the_first_schema_and_a_second_schema_without_are_refused():
    assert refused_as(CONTENTS, schema=SCHEMA, inputs=InputSpec()) == "3"
    assert refused_as(CONTENTS, schema=SCHEMA_WITH_INPUTS) == "3"


def test_14_inputs_that_no_run_can_meet_are_refused():
    impossible = InputSpec(files=FileSpec(min=3, max=2))
    assert refused_as(CONTENTS, schema=SCHEMA_WITH_INPUTS, inputs=impossible) == "14"
