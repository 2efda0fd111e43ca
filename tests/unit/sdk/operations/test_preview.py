"""A deal is bought unless fewer than t vaults would release its keys."""

from types import SimpleNamespace

import pytest

from sealgrid.attestation.policy import Policy
from sealgrid.errors import DealRefused
from sealgrid.sdk.operations import preview
from sealgrid.sdk.operations.preview import check_enough
from sealgrid.units import ZERO_ADDRESS, to_address
from sealgrid.wire.preview import MachineRule, VaultOpinion

VAULTS, MODEL = tuple(to_address(bytes([n]) * 20) for n in (1, 2, 3)), to_address(b"\xaa" * 20)


def opinion(check="", *, advertised=None, second=None, vault=0):
    rules = (
        MachineRule(check="5", rule="The app runs on one of: TDX.", advertised=advertised),
        MachineRule(check="3.1", rule="The machine is a listed one.", advertised=second),
    )
    return VaultOpinion(VAULTS[vault], check, bool(check), False, "the owner refuses this requester.", rules)


@pytest.mark.parametrize(
    "opinions",
    [
        [opinion(), opinion(), opinion()],
        [opinion(), opinion(), opinion("7.10")],
        [opinion("7.10")],
        [],
        [opinion(advertised=True), opinion(), opinion(advertised=False)],
        [opinion(advertised=False, second=False), opinion(vault=1), opinion(vault=2)],
    ],
)
def test_one_vault_that_refuses_stops_nobody(opinions):
    check_enough(opinions, VAULTS, 2)


def test_two_of_three_refusals_stop_the_purchase_before_money_moves():
    with pytest.raises(DealRefused) as caught:
        check_enough([opinion("7.10"), opinion(vault=1), opinion("7.10", vault=2)], VAULTS, 2)
    assert str(caught.value) == (
        "(7.10) vaults 1 and 3 of 3 refuse this run: the owner refuses this requester; choose another model, or ask "
        "its owner."
    )


def test_a_pool_without_a_machine_that_the_owner_allows_is_not_bought_from():
    with pytest.raises(DealRefused, match="the pool has no machine that the model's owner allows") as caught:
        check_enough([opinion(advertised=False, second=False), opinion(advertised=False, vault=1)], VAULTS, 2)
    assert caught.value.check == "5"
    assert caught.value.message.startswith("vaults 1 and 2 of 3 refuse this run")
    assert "buy at another pool" in caught.value.message


def test_a_rule_about_machines_that_no_machine_meets_has_its_own_number():
    with pytest.raises(DealRefused, match="The machine is a listed one") as caught:
        check_enough([opinion(second=False), opinion(second=False, vault=1)], VAULTS, 2)
    assert caught.value.check == "3.1"


def test_one_vault_that_refuses_is_enough_where_the_owner_wants_all_of_them_to_release():
    with pytest.raises(DealRefused):
        check_enough([opinion("7.10"), opinion(vault=1), opinion(vault=2)], VAULTS, 3)


@pytest.mark.parametrize(
    ("signed", "needed"),
    [
        ({}, 2),
        ({"quorum": 3}, 3),
        ({"quorum": 2}, 2),
        ({"uses_total": 5}, 3),
    ],
)
async def test_a_preview_needs_as_many_vaults_as_the_owners_quorum(monkeypatch, signed, needed):
    policy = Policy(asset=MODEL, owner=MODEL, version=1, expiry=1, allowed=(), uses_per_requester_hour=1, **signed)

    async def policy_of_quorum(conn, model):
        return policy

    monkeypatch.setattr(preview, "policy_of_quorum", policy_of_quorum)
    conn = SimpleNamespace(network=SimpleNamespace(threshold=2), vaults=(None, None, None))
    assert await preview._required_vaults(conn, MODEL) == needed
    assert await preview._required_vaults(conn, ZERO_ADDRESS) == 2


async def test_a_model_whose_policy_no_vault_shows_needs_as_many_vaults_as_any(monkeypatch):
    async def policy_of_quorum(conn, model):
        return None

    monkeypatch.setattr(preview, "policy_of_quorum", policy_of_quorum)
    assert await preview._required_vaults(SimpleNamespace(network=SimpleNamespace(threshold=2)), MODEL) == 2
