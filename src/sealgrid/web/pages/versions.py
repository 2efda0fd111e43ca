"""Versions of an app or a model: the assets of one owner with one base name (docs/adr/0074)."""

from dataclasses import dataclass
from typing import Any

from sealgrid.sdk.operations.asset_names import parse_name
from sealgrid.web.site import Site


@dataclass(frozen=True, slots=True)
class AssetVersion:
    """One version, as the index has it."""

    number: int
    asset: Any  #: its row

    @property
    def is_offered(self) -> bool:
        """Return whether it had an open offer when its price was last read."""
        return self.asset.price is not None


def asset_versions(site: Site, row: Any) -> list[AssetVersion]:
    """Return all versions of an asset, itself included, the newest first."""
    base = parse_name(row.name).base
    found = [(parse_name(each.name), each) for each in site.index.versions(row.kind, row.owner, base)]
    versions = [AssetVersion(name.version, each) for name, each in found if name.base == base]
    return sorted(versions, key=lambda version: -version.number)


def newer_version(row: Any, versions: list[AssetVersion]) -> AssetVersion | None:
    """Return the newest version that is offered; None if it is not newer than this one."""
    newest = next((version for version in versions if version.is_offered), None)
    return newest if newest and newest.number > parse_name(row.name).version else None
