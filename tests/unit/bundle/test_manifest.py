"""An app manifest: one spelling of each package, and a digest over every field."""

import msgspec
import pytest

from sealgrid.bundle.manifest import AppFileEntry, Manifest, package_name
from tests.unit.bundle.bundle_scene import PYTHON, WHEEL

MANIFEST = Manifest(
    name="app",
    version="1",
    python=PYTHON,
    entrypoint=("app.py",),
    files=(AppFileEntry(path="app.py", size=1, sha256="0x" + "11" * 32),),
    wheels=(WHEEL,),
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


def test_a_manifest_survives_its_canonical_form() -> None:
    assert msgspec.json.decode(MANIFEST.encode(), type=Manifest) == MANIFEST
