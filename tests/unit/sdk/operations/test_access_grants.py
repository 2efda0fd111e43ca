"""Grants need something for sale, and a revocation something that it refuses."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.access_policy import FOREVER, AccessGrant, AccessPolicy
from sealgrid.errors import ContractReverted, InputRefused, NotFound
from sealgrid.poco.orders import DatasetOrder
from sealgrid.sdk.operations import access_grants
from sealgrid.sdk.operations.access_grants import grant, read_grants, revoke
from sealgrid.units import to_address

ME, MODEL, BUYER, OWN, FOREIGN, ACCOUNT = (to_address(bytes([number]) * 20) for number in range(1, 7))


def offer(restriction, price=5):
    return DatasetOrder(dataset=MODEL, datasetprice=price, volume=9, requesterrestrict=restriction), 9


class Hub:
    """Two categories."""

    async def count_categories(self):
        return 2

    async def view_category(self, number):
        return SimpleNamespace(timeref=(30, 600)[number])


@pytest.fixture
def conn(monkeypatch):
    async def owner(self):
        if self.address == ACCOUNT:
            raise ContractReverted("no contract.")
        return ME if self.address == OWN else BUYER

    async def change(self, wallet, account):
        revoked.append((self.address, account))
        return SimpleNamespace(block_number=17)

    revoked = []
    monkeypatch.setattr(AccessPolicy, "owner", owner)
    monkeypatch.setattr(AccessPolicy, "revoke", change)
    return SimpleNamespace(address=ME, node=None, wallet=None, hub=Hub(), revoked=revoked)


async def test_without_an_offer_there_is_nothing_to_grant(conn):
    with pytest.raises(NotFound, match="offer some first"):
        await grant(conn, MODEL, BUYER, [], until=None, app=None, store=lambda signed: None)


async def test_an_open_model_has_nothing_to_revoke(conn):
    with pytest.raises(InputRefused, match="every account may buy this model"):
        await revoke(conn, MODEL, BUYER, [offer(to_address(bytes(20))), offer(FOREIGN)], running=False)


async def test_an_account_is_revoked_in_own_policies_and_its_deals_end_with_the_longest_category(conn):
    offers = [offer(each) for each in (OWN, FOREIGN, ACCOUNT)] + [offer(to_address(bytes(20)), price=7)]
    done = await revoke(conn, MODEL, BUYER, offers, running=False)
    assert conn.revoked == [(OWN, BUYER)]
    assert (done.access, done.block) == ((OWN,), 17)
    assert done.worst_delay == access_grants.CONTRIBUTION_DEADLINE_RATIO * 600
    assert done.unreached == (
        "an offer at 7 nRLC is open to every account; grant the model to an account to close it.",
    )


async def test_a_restriction_to_an_account_is_its_grant_for_ever():
    async def code(address):
        return b""

    conn = SimpleNamespace(node=SimpleNamespace(code=code))
    assert await read_grants(conn, BUYER) == (AccessGrant(BUYER, FOREVER),)
