"""The bills of materials of a release are valid CycloneDX, and name what the locks pin."""

import json
import re
from datetime import UTC, datetime

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from sealgrid.bundle.build import read_app
from sealgrid.localnet.downloads import downloads
from sealgrid.sdk.shipped_apps import RELEASED, app_folder
from setup.fetch import ROOT
from setup.sbom import app_bom, as_json, read_lock, release_bom

CREATED = datetime(2026, 11, 30, tzinfo=UTC)
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def components(text: str) -> dict[str, dict]:
    """Return the components of a document by name."""
    return {each["name"]: each for each in json.loads(text).get("components", [])}


def test_the_bill_of_the_release_is_valid_and_has_every_locked_package_with_its_hashes():
    text = as_json(release_bom(CREATED))
    assert VALIDATOR.validate_str(text) is None
    found = components(text)
    for locked in read_lock("runtime"):
        assert found[locked.name]["version"] == locked.version
        assert {each["content"] for each in found[locked.name]["hashes"]} == set(locked.hashes)
        assert locked.hashes
    assert found["colorama"]["properties"] == [{"name": "sealgrid:marker", "value": "sys_platform == 'win32'"}]


def test_it_has_what_set_up_downloads():
    found = components(as_json(release_bom(CREATED)))
    anvil = found["@foundry-rs/anvil-linux-amd64"]
    assert anvil["purl"] == "pkg:npm/%40foundry-rs/anvil-linux-amd64@1.7.1"
    (pinned,) = (each for each in downloads() if each.name == "anvil")
    assert anvil["hashes"] == [{"alg": "SHA-512", "content": pinned.sha512}]


@pytest.mark.parametrize("name", RELEASED)
def test_the_bill_of_an_app_is_valid_and_has_the_packages_of_its_environment(name):
    text = as_json(app_bom(name, CREATED))
    assert VALIDATOR.validate_str(text) is None
    found = components(text)
    assert sorted(f"{each['name']}=={each['version']}" for each in found.values()) == sorted(
        read_app(app_folder(name)).wheels
    )
    assert all(each["hashes"] for each in found.values())


def test_equal_releases_have_equal_bills():
    assert as_json(release_bom(CREATED)) == as_json(release_bom(CREATED))


def test_a_lock_is_read_whole():
    pins = re.findall(r"(?m)^([A-Za-z0-9._-]+)==", (ROOT / "requirements" / "runtime.txt").read_text())
    assert [each.name for each in read_lock("runtime")] == pins
