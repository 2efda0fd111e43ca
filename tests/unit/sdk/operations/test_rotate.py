"""A key is shared again under the owner's newest policy; withdrawing names the vaults that did not answer."""

from types import SimpleNamespace

import pytest

from sealgrid.errors import NotFound, ServiceUnavailable, SharesRefused
from sealgrid.sdk.operations import rotate
from sealgrid.sdk.operations.rotate import ModelKey, reshare, withdraw
from sealgrid.units import to_digest
from sealgrid.wire.vault import KeyVersion
from tests.unit.sdk.operations.policy_scene import DOMAIN, MODEL, OWNER, STRANGER, vault_view

FILE = to_digest(b"\x0f" * 32)
KEY = ModelKey(MODEL, FILE, bytes(32))
HISTORY = (KeyVersion(version=3, record=FILE, received=1, destroyed=0),)


class Vault:
    """A vault with a view, which destroys its share or fails."""

    def __init__(self, view=None, error=None) -> None:
        self._view, self._error, self.withdrawn = view, error, None

    async def asset(self, asset, owner):
        if self._view is None:
            raise NotFound("no such key.")
        return self._view

    async def withdraw(self, request):
        if self._error is not None:
            raise self._error
        assert request.withdrawal.is_signed_by(OWNER.address, DOMAIN, request.signature)
        self.withdrawn = request.withdrawal.version


def connection(*vaults):
    addresses = tuple(f"vault {number}" for number in range(len(vaults)))
    return SimpleNamespace(vaults=vaults, vault_addresses=addresses, address=OWNER.address, key=OWNER, domain=DOMAIN)


async def test_the_new_version_follows_the_newest_under_the_newest_policy(monkeypatch):
    async def deposit(conn, dek, **fields):
        deposits.append(fields)

    deposits = []
    monkeypatch.setattr(rotate, "deposit", deposit)
    views = (vault_view(2, history=HISTORY), vault_view(7), vault_view(9, signer=STRANGER))
    assert await reshare(connection(*map(Vault, views)), KEY) == 4
    assert [(each["version"], each["policy"].version) for each in deposits] == [(4, 7)]


async def test_without_an_own_policy_nothing_is_shared():
    with pytest.raises(NotFound, match="no vault has a policy of yours"):
        await reshare(connection(Vault(vault_view(1, signer=STRANGER)), Vault()), KEY)


async def test_a_withdrawal_covers_the_newest_version_and_names_silent_vaults():
    holding, away = Vault(vault_view(1, history=HISTORY)), Vault(error=ServiceUnavailable("away."))
    without = Vault(error=NotFound("no such key."))
    assert await withdraw(connection(holding, away, without), MODEL) == ("vault 1",)
    assert holding.withdrawn == 3
    with pytest.raises(SharesRefused):
        await withdraw(connection(holding, Vault(error=SharesRefused("withdraw.1", "not yours."))), MODEL)
