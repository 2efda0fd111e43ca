"""Delivery to the vaults: all must answer before a new key, and shares of different keys are not added up."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest

from sealgrid.crypto.signing import Domain
from sealgrid.errors import ServiceUnavailable
from sealgrid.iexec_sms.federation import SplitTarget, VaultMembers
from sealgrid.units import ZERO_ADDRESS, to_address
from sealgrid.wire.vault import AssetView

ASSET, OWNER = to_address(b"\x01" * 20), to_address(b"\x02" * 20)


class Vault:
    """A vault with a view of one asset, without the asset, or that does not answer."""

    def __init__(self, view: AssetView | None = None, *, is_silent: bool = False) -> None:
        self._view, self._is_silent = view, is_silent

    async def find_asset(self, asset: str, owner: str) -> AssetView | None:
        if self._is_silent:
            raise ServiceUnavailable("no answer.")
        return self._view


def view(record: str, *, has_share: bool = True) -> Any:
    shown = create_autospec(AssetView, instance=True)
    shown.history, shown.has_share = (SimpleNamespace(record=record),), has_share
    return shown


def members(*vaults: Vault) -> VaultMembers:
    target = SplitTarget(Domain(31337, ZERO_ADDRESS), ZERO_ADDRESS, (OWNER,) * len(vaults), 2)
    return VaultMembers(target, vaults)  # type: ignore[arg-type]


async def test_only_shares_of_the_same_key_are_counted_together() -> None:
    vaults = (Vault(view("one")), Vault(view("two")), Vault(view("one")), Vault(is_silent=True), Vault())
    assert await members(*vaults).count_shares(ASSET, OWNER) == (2, 1)


async def test_a_deleted_share_does_not_count() -> None:
    assert await members(Vault(view("one", has_share=False)), Vault()).count_shares(ASSET, OWNER) == (0, 0)


async def test_a_new_key_needs_every_vault() -> None:
    with pytest.raises(ServiceUnavailable, match="1 of 2 vaults do not answer"):
        await members(Vault(), Vault(is_silent=True)).prepare(ASSET, OWNER)
