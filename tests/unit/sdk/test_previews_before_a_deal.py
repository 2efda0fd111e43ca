"""A deal is not bought when fewer than t vaults are left that would release for it, and only then."""

import pytest

from sealgrid.errors import DealRefused, ServiceUnavailable
from sealgrid.sdk.federation import require
from sealgrid.sdk.previews import _expect_enough
from sealgrid.units import to_address
from sealgrid.wire.preview import MachineRule, VaultOpinion

VAULT = to_address(b"\x01" * 20)


def opinion(check="", *, advertised=None):
    rules = (MachineRule(check="5", rule="The app runs on one of: TDX.", advertised=advertised),)
    return VaultOpinion(VAULT, check, bool(check), False, "the owner refuses this requester.", rules)


@pytest.mark.parametrize(
    "heard",
    [
        [opinion(), opinion(), opinion()],
        [opinion(), opinion(), opinion("7.10")],
        [opinion("7.10")],
        [],
        [opinion(advertised=True), opinion(), opinion(advertised=False)],
    ],
)
def test_one_vault_that_refuses_stops_nobody(heard):
    _expect_enough(heard, releasing=1)


def test_two_of_three_refusals_stop_the_purchase_before_money_moves():
    with pytest.raises(DealRefused) as caught:
        _expect_enough([opinion("7.10"), opinion("7.10"), opinion()], releasing=1)
    assert str(caught.value) == "(7.10) the owner refuses this requester."


def test_a_pool_without_a_machine_that_the_owner_allows_is_not_bought_from():
    with pytest.raises(DealRefused, match="the pool has no machine that the model's owner allows") as caught:
        _expect_enough([opinion(advertised=False)] * 2, releasing=1)
    assert caught.value.check == "5"


def test_too_few_vaults_that_answer_stop_a_purchase_as_they_would_stop_the_release():
    silent = ServiceUnavailable("vault 2 does not answer.")
    require([None, None, silent], 2)
    with pytest.raises(ServiceUnavailable, match="2 of 3 vaults do not answer"):
        require([None, silent, silent], 2)
