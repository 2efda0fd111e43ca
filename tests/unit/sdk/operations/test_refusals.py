"""Sentences about refused deals: what, by which vaults, and what to do."""

import pytest

from sealgrid.attestation.requester_refusals import REQUESTER_REFUSALS
from sealgrid.sdk.operations.refusals import NO_MACHINE, refusal_sentence, remedy
from sealgrid.units import to_address

VAULTS = tuple(to_address(bytes([n]) * 20) for n in range(1, 4))


@pytest.mark.parametrize(
    ("refusing", "who"),
    [
        (VAULTS[:1], "vault 1 of 3 refuses"),
        (VAULTS[1:], "vaults 2 and 3 of 3 refuse"),
        (VAULTS[::-1], "vaults 1, 2 and 3 of 3 refuse"),
    ],
)
def test_the_sentence_names_the_vaults_the_reason_and_the_remedy(refusing, who):
    sentence = refusal_sentence("7.10", "the owner refuses this requester.", refusing, VAULTS)
    assert sentence == (f"{who} this run: the owner refuses this requester; choose another model, or ask its owner.")


@pytest.mark.parametrize(
    ("check", "advice"),
    [
        ("5", "app that the model's owner approved"),
        ("7.3", "without a callback contract"),
        ("7.4", "wait an hour"),
        ("7.14", "name a result key"),
        (NO_MACHINE, "another pool"),
        ("3.7", "another pool"),
        ("99", "change the order"),
    ],
)
def test_each_kind_of_refusal_has_a_remedy(check, advice):
    assert advice in remedy(check)


def test_a_remedy_is_half_a_sentence():
    for check in REQUESTER_REFUSALS:
        assert not remedy(check).endswith(".")
