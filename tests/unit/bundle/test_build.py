"""The bundle of an app folder: what it contains, and which folders are refused."""

import pytest
from msgspec import UNSET

from sealgrid.bundle.build import build
from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec
from sealgrid.bundle.manifest import AppLimits
from sealgrid.bundle.verify import verify_bundle
from sealgrid.crypto.digests import digest_of_cid, sha256
from sealgrid.errors import BundleRefused, InputRefused
from sealgrid.units import to_digest
from tests.unit.bundle.bundle_scene import APP, PYTHON, WHEEL


def test_a_folder_becomes_a_bundle_that_verifies(folder):
    made = build(folder, python=PYTHON)
    verified = verify_bundle(made.archive, made.app_digest)
    assert verified.files == {"app.py": b"print(1)", "data/x": b"\0"}
    assert verified.manifest.wheels == (WHEEL,)
    assert verified.manifest.limits == AppLimits(memory=100_000_000)
    assert made.app_digest == to_digest(sha256(verified.manifest.encode()))
    assert digest_of_cid(made.multiaddr.removeprefix("/ipfs/")) == to_digest(sha256(made.archive))


def test_equal_folders_give_equal_bytes(folder):
    before = build(folder, python=PYTHON).archive
    (folder / "app.py").touch()
    (folder / "data/x").chmod(0o700)
    assert build(folder, python=PYTHON).archive == before


def test_a_folder_whose_wheels_are_not_locked_is_refused(folder):
    (folder / "wheels.lock").unlink()
    with pytest.raises(InputRefused, match=r"numpy==2\.4\.6"):
        build(folder, python=PYTHON)


def test_a_folder_with_a_link_is_refused(folder):
    (folder / "data/y").symlink_to("/etc/passwd")
    with pytest.raises(InputRefused, match="not a plain file"):
        build(folder, python=PYTHON)


def test_a_misspelt_setting_is_refused(folder):
    (folder / "app.toml").write_text(APP.replace("memory", "memroy"))
    with pytest.raises(InputRefused, match="memroy"):
        build(folder, python=PYTHON)


def test_an_app_toml_that_begins_with_a_byte_order_mark_is_read(folder):
    before = build(folder, python=PYTHON).archive
    (folder / "app.toml").write_text(APP, "utf-8-sig")
    assert build(folder, python=PYTHON).archive == before


def test_an_app_toml_that_is_not_utf_8_is_refused(folder):
    (folder / "app.toml").write_bytes("title = 'caf\xe9'".encode("latin-1"))
    with pytest.raises(InputRefused, match=r"app\.toml of .* is invalid"):
        build(folder, python=PYTHON)


def test_an_app_without_memory_for_an_interpreter_is_not_built(folder):
    (folder / "app.toml").write_text(APP.replace("100000000", "33554431"))
    with pytest.raises(InputRefused, match="of memory"):
        build(folder, [])


INPUTS = """
[inputs]
model = "required"
model_format = "onnx"
[inputs.files]
media_types = ["image/png"]
example = "data/x"
[[inputs.arguments]]
name = "--top"
type = "integer"
"""


def test_the_inputs_of_app_toml_are_in_the_manifest(folder):
    (folder / "app.toml").write_text(APP + INPUTS)
    made = build(folder, python=PYTHON)
    assert made.manifest.schema == "sealgrid/app/2"
    assert made.manifest.inputs == InputSpec(
        model="required",
        model_format="onnx",
        files=FileSpec(media_types=("image/png",), example="data/x"),
        arguments=(ArgumentSpec(name="--top", type="integer"),),
    )
    assert verify_bundle(made.archive, made.app_digest).manifest == made.manifest


def test_an_app_toml_without_inputs_makes_a_manifest_of_the_first_schema(folder):
    manifest = build(folder, python=PYTHON).manifest
    assert (manifest.schema, manifest.inputs) == ("sealgrid/app/1", UNSET)


def test_inputs_that_no_run_can_meet_are_refused(folder):
    (folder / "app.toml").write_text(APP + INPUTS.replace("data/x", "data/y"))
    with pytest.raises(BundleRefused, match=r"example 'data/y'"):
        build(folder, python=PYTHON)


def test_a_misspelt_input_is_refused(folder):
    (folder / "app.toml").write_text(APP + INPUTS.replace("media_types", "media_type"))
    with pytest.raises(InputRefused, match="media_type"):
        build(folder, python=PYTHON)
