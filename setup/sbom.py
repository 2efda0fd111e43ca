"""Writes what a release consists of as CycloneDX 1.6 documents into ``build/sbom``: ``make sbom``.

One document is of the package: what the lock ``requirements/runtime.txt`` installs, and what ``sealgrid setup``
downloads. One more is of each shipped app: the packages that its app.toml names. Hashes are the locked ones: of every
file of a version that pip may choose. SOURCE_DATE_EPOCH (Unix seconds) makes equal releases give equal documents.
"""

import os
import re
import sys
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from sealgrid.bundle.build import read_app
from sealgrid.bundle.manifest import package_name
from sealgrid.localnet.downloads import Download, downloads
from sealgrid.sdk.shipped_apps import RELEASED, app_folder
from setup.fetch import ROOT

TARGET: Final = ROOT / "build" / "sbom"
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+?))? \\$")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class LockedPackage:
    """A package of a lock."""

    name: str
    version: str
    marker: str  #: on which machines it is installed (PEP 508); empty for all
    hashes: tuple[str, ...]  #: SHA-256 of its files in hex

    def component(self) -> Component:
        """Return its entry."""
        made = _component(self.name, self.version, _pypi(self.name, self.version))
        made.hashes = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in self.hashes]
        if self.marker:
            made.properties = [Property(name="sealgrid:marker", value=self.marker)]
        return made


def main() -> int:
    """Write all documents; return the exit code."""
    created = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())), UTC)
    TARGET.mkdir(parents=True, exist_ok=True)
    documents = {"sealgrid": release_bom(created)} | {name: app_bom(name, created) for name in RELEASED}
    for name, bom in documents.items():
        (TARGET / f"{name}.cdx.json").write_text(as_json(bom))
    return 0


def release_bom(created: datetime) -> Bom:
    """Return the document of the package with its locked dependencies and the downloads of ``sealgrid setup``."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    root = _component("sealgrid", version, _pypi("sealgrid", version), ComponentType.APPLICATION)
    parts = [*(each.component() for each in read_lock("runtime")), *map(_download, downloads())]
    return _bom(root, parts, created)


def app_bom(name: str, created: datetime) -> Bom:
    """Return the document of a shipped app with the packages of its environment."""
    folder = app_folder(name)
    if folder is None:
        raise LookupError(name)
    app, locked = read_app(folder), {package_name(each.name): each for each in read_lock("apps")}
    purl = PackageURL("generic", "sealgrid-app", app.name, app.version)
    root = _component(app.name, app.version, purl, ComponentType.APPLICATION)
    parts = []
    for pin in app.wheels:
        package, _, version = pin.partition("==")
        found = locked[package_name(package)]
        if found.version != version:
            raise ValueError(f"{name} names {pin}, and requirements/apps.txt has {found.version}.")
        parts.append(found.component())
    return _bom(root, parts, created)


def read_lock(name: str) -> tuple[LockedPackage, ...]:
    """Return the packages of ``requirements/NAME.txt``."""
    packages = []
    for block in re.split(r"\n(?=\S)", (ROOT / "requirements" / f"{name}.txt").read_text().strip()):
        head, _, rest = block.partition("\n")
        pin = _PIN.match(head)
        if pin is None:
            raise ValueError(f"requirements/{name}.txt has a line that is no pin with hashes: {head!r}.")
        packages.append(
            LockedPackage(pin["name"], pin["version"], pin["marker"] or "", tuple(sorted(_HASH.findall(rest))))
        )
    return tuple(packages)


def as_json(bom: Bom) -> str:
    """Return a document as CycloneDX 1.6 JSON."""
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _bom(root: Component, parts: Iterable[Component], created: datetime) -> Bom:
    parts = list(parts)
    names = "\n".join(str(each.purl) for each in (root, *parts))
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"{names}\n{created.isoformat()}"),
        metadata=BomMetaData(component=root, timestamp=created),
        components=parts,
    )
    bom.register_dependency(root, parts)
    return bom


def _component(name: str, version: str, purl: PackageURL, kind: ComponentType = ComponentType.LIBRARY) -> Component:
    return Component(name=name, version=version, type=kind, purl=purl, bom_ref=str(purl))


def _pypi(name: str, version: str) -> PackageURL:
    return PackageURL("pypi", None, package_name(name), version)


def _download(item: Download) -> Component:
    if item.npm:
        package, _, version = item.npm.rpartition("@")
        space, _, name = package.rpartition("/")
        purl = PackageURL("npm", space or None, name, version)
    else:
        package, _, version = item.pip.partition("==")
        purl = _pypi(package, version)
    made = _component(package, version, purl)
    made.description = item.why
    algorithm = HashAlgorithm.SHA_512 if item.sha512 else HashAlgorithm.SHA_256
    made.hashes = [HashType(alg=algorithm, content=item.digest)]
    return made


if __name__ == "__main__":
    sys.exit(main())
