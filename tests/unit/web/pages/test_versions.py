"""Versions of an app on its page."""

from types import SimpleNamespace
from typing import Any

from sealgrid.web.pages.versions import asset_versions, newer_version


def row(name: str, price: int | None = 1) -> Any:
    return SimpleNamespace(name=name, price=price, kind="app", owner="0x" + "11" * 20)


def site(*rows: Any) -> Any:
    return SimpleNamespace(index=SimpleNamespace(versions=lambda _kind, _owner, _base: list(rows)))


def test_versions_are_listed_the_newest_first_by_number_and_not_by_text():
    rows = [row("iris"), row("iris@10"), row("iris@9")]
    assert [each.number for each in asset_versions(site(*rows), rows[0])] == [10, 9, 1]


def test_an_asset_whose_name_only_begins_alike_is_not_a_version():
    rows = [row("iris"), row("iris-large@2"), row("iris@two")]
    assert [each.asset.name for each in asset_versions(site(*rows), rows[0])] == ["iris"]


def test_the_newest_version_with_an_offer_is_newer():
    rows = [row("iris"), row("iris@2"), row("iris@3", price=None)]
    newer = newer_version(rows[0], asset_versions(site(*rows), rows[0]))
    assert newer is not None
    assert newer.number == 2


def test_the_newest_version_has_no_newer_one():
    rows = [row("iris"), row("iris@2"), row("iris@3", price=None)]
    assert newer_version(rows[1], asset_versions(site(*rows), rows[1])) is None
