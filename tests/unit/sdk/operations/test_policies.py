"""The newest policy that the owner signed, and when a new one is in force."""

from types import SimpleNamespace

import pytest

from sealgrid.errors import NotFound, ServiceUnavailable, SharesRefused
from sealgrid.sdk.operations.policies import newest_policy, set_policy
from sealgrid.units import to_address
from tests.unit.sdk.operations.policy_scene import DOMAIN, FIRST, MODEL, OTHER, OWNER, STRANGER, vault_view


class Vault:
    """A vault that accepts a policy, or fails."""

    def __init__(self, error=None) -> None:
        self.error, self.policy = error, None

    async def set_policy(self, request):
        if self.error is not None:
            raise self.error
        assert request.policy.is_signed_by(OWNER.address, DOMAIN, request.signature)
        self.policy = request.policy


def connection(*vaults):
    return SimpleNamespace(
        domain=DOMAIN,
        key=OWNER,
        vaults=vaults,
        vault_addresses=tuple(to_address(bytes([number]) * 20) for number in range(len(vaults))),
        network=SimpleNamespace(threshold=2),
    )


def test_the_highest_version_of_the_owner_is_in_force():
    assert (
        newest_policy(connection(), [vault_view(1), vault_view(3), None, vault_view(2)], MODEL, OWNER.address).version
        == 3
    )


@pytest.mark.parametrize(
    "bad", [vault_view(9, signer=STRANGER), vault_view(9, asset=OTHER)], ids=["signature", "asset"]
)
def test_a_policy_of_another_signer_or_asset_does_not_count(bad):
    assert newest_policy(connection(), [bad, vault_view(1)], MODEL, OWNER.address).version == 1
    assert newest_policy(connection(), [bad], MODEL, OWNER.address) is None


@pytest.mark.parametrize("error", [ServiceUnavailable("away."), NotFound("no share.")])
async def test_a_policy_is_in_force_while_fewer_than_t_vaults_miss_it(error):
    vaults = (Vault(), Vault(), Vault(error))
    done = await set_policy(connection(*vaults), FIRST)
    assert done.policy.version == vaults[0].policy.version == 2
    (unreached,) = done.unreached
    assert "set it again once the vault is back" in unreached


async def test_a_policy_that_t_vaults_miss_is_not_in_force():
    away = ServiceUnavailable("away.")
    with pytest.raises(ServiceUnavailable, match="2 vaults did not accept the policy"):
        await set_policy(connection(Vault(), Vault(away), Vault(away)), FIRST)


async def test_a_refusal_of_a_vault_is_raised():
    with pytest.raises(SharesRefused):
        await set_policy(connection(Vault(), Vault(), Vault(SharesRefused("policy.2", "expired."))), FIRST)
