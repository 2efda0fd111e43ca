"""An app manifest: one spelling of each package, and a digest over every field."""

import msgspec
import pytest

from sealgrid.bundle.input_spec import FileSpec, InputSpec
from sealgrid.bundle.manifest import SCHEMA_WITH_INPUTS, AppFileEntry, Manifest, package_name
from tests.unit.bundle.bundle_scene import PYTHON, WHEEL

MANIFEST = Manifest(
    name="app",
    version="1",
    python=PYTHON,
    entrypoint=("app.py",),
    files=(AppFileEntry(path="app.py", size=1, sha256="0x" + "11" * 32),),
    wheels=(WHEEL,),
)
WITH_INPUTS = msgspec.structs.replace(
    MANIFEST, schema=SCHEMA_WITH_INPUTS, inputs=InputSpec(model="required", files=FileSpec())
)


@pytest.mark.parametrize(
    "name", ["friendly-bard", "Friendly.Bard", "FRIENDLY_BARD", "friendly--bard", "friendly_.-bard"]
)
def test_all_spellings_of_a_package_have_one_name(name: str) -> None:
    assert package_name(name) == "friendly-bard"  # the example of PEP 503


@pytest.mark.parametrize(
    "change", [{"title": "x"}, {"version": "2"}, {"python": "3.12"}, {"wheels": ()}, {"entrypoint": ("app.py", "-v")}]
)
def test_every_field_is_in_the_digest(change: dict[str, object]) -> None:
    assert msgspec.structs.replace(MANIFEST, **change).digest() != MANIFEST.digest()


@pytest.mark.parametrize("inputs", [InputSpec(), InputSpec(model="optional"), InputSpec(files=FileSpec(max=2))])
def test_the_input_specification_is_in_the_digest(inputs: InputSpec) -> None:
    assert msgspec.structs.replace(WITH_INPUTS, inputs=inputs).digest() != WITH_INPUTS.digest()


@pytest.mark.parametrize("manifest", [MANIFEST, WITH_INPUTS])
def test_a_manifest_survives_its_canonical_form(manifest: Manifest) -> None:
    assert msgspec.json.decode(manifest.encode(), type=Manifest) == manifest


def test_an_app_without_inputs_keeps_the_digest_of_the_first_schema() -> None:
    assert b"inputs" not in MANIFEST.encode()
    assert MANIFEST.digest() == "0xe860a811a2c145911ae2e97e06f3be9e0f81f56ac42bdd764840eabc0cdce6d6"
