"""The proof of a key is announced with its price, and a model without one is not offered."""

from types import SimpleNamespace

import pytest
from msgspec import UNSET

from sealgrid.attestation.policy import Policy
from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.poco.orders import AppOrder, DatasetOrder, WorkerpoolOrder
from sealgrid.sdk.operations import prove
from sealgrid.sdk.operations.prove import check_provable, check_proved
from sealgrid.units import TaskId, to_address
from sealgrid.wire.vault import AssetView

APP, MODEL = to_address(b"\xaa" * 20), to_address(b"\xbb" * 20)


def connection(free=100):
    async def account(address):
        return SimpleNamespace(stake=free)

    return SimpleNamespace(address=APP, hub=SimpleNamespace(account=account), network=SimpleNamespace(threshold=2))


@pytest.fixture
def offers(monkeypatch):
    async def choose_offers(conn, request):
        return (
            AppOrder(app=APP, appprice=30),
            DatasetOrder(dataset=MODEL),
            WorkerpoolOrder(workerpool=MODEL, workerpoolprice=20),
        )

    monkeypatch.setattr(prove, "choose_offers", choose_offers)


async def test_the_price_of_the_proof_is_reported_first(offers):
    steps = []
    assert await check_provable(connection(), APP, steps.append) == 50
    assert steps[0].lasting


async def test_an_escrow_that_does_not_cover_the_proof_stops_before_anything_is_published(offers):
    with pytest.raises(InputRefused, match="deposit first, or skip the proof") as refused:
        await check_provable(connection(free=49), APP)
    assert refused.value.money == "No money moved."


async def test_an_app_that_nobody_offers_proves_nothing(monkeypatch):
    async def choose_offers(conn, request):
        raise OrderRefused("nobody offers the app.")

    monkeypatch.setattr(prove, "choose_offers", choose_offers)
    with pytest.raises(OrderRefused, match=r"nobody offers the app\. Name another app, or skip the proof"):
        await check_provable(connection(), APP)


def view(*, proved=True, opened=""):
    policy = Policy(
        asset=MODEL, owner=APP, version=1, expiry=1, allowed=(), uses_per_requester_hour=1, proved=proved or UNSET
    )
    return AssetView(record=None, signature=b"", policy=policy, policy_signature=b"", history=(), opened=TaskId(opened))


@pytest.mark.parametrize(
    ("views", "offered"),
    [
        ([view(opened="0x01"), view(opened="0x01"), view()], True),
        ([view(proved=False), view(proved=False), view(proved=False)], True),
        ([view(opened="0x01"), view(), view()], False),
        ([None, view(), view()], False),
    ],
)
async def test_a_model_is_offered_when_t_vaults_can_release_its_key(monkeypatch, views, offered):
    async def views_of_quorum(conn, model, owner):
        return views

    monkeypatch.setattr(prove, "views_of_quorum", views_of_quorum)
    if offered:
        await check_proved(connection(), MODEL)
    else:
        with pytest.raises(OrderRefused, match="because no enclave opened it yet"):
            await check_proved(connection(), MODEL)
