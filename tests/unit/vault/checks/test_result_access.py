"""Checks before a vault opens its share of a result: one bad case for each number."""

from typing import Any

import pytest

from sealgrid.chain.views import ContributionStatus, TaskStatus
from sealgrid.vault.checks.result_access import check_opening
from tests.unit.vault.vault_scene import (
    MODEL,
    contribution,
    key,
    number_of,
    settle,
    settled,
    snapshot,
    task,
)

OTHER = key("other enclave")


def completed(**changes: Any) -> Any:
    done = task(status=TaskStatus.COMPLETED, result_digest=settle().result_digest)
    return snapshot(**{"task": done, "contribution": contribution()} | changes)


def test_a_paid_result_opens() -> None:
    assert check_opening(settled(), completed()) == settled()
    assert (
        check_opening(settled(result_share=None), completed()).result_share is None
    )  # direct: the testimony alone goes


def test_open_1_nothing_was_settled() -> None:
    assert number_of(check_opening, None, completed()) == "open.1"


@pytest.mark.parametrize("status", [each for each in TaskStatus if each is not TaskStatus.COMPLETED])
def test_open_2_a_task_that_is_not_paid(status: Any) -> None:
    unpaid = task(status=status, result_digest=settle().result_digest)
    assert number_of(check_opening, settled(), completed(task=unpaid)) == "open.2"


@pytest.mark.parametrize("status", [each for each in ContributionStatus if each is not ContributionStatus.PROVED])
def test_open_3_a_contribution_that_was_not_proved(status: Any) -> None:
    assert number_of(check_opening, settled(), completed(contribution=contribution(status=status))) == "open.3"
    assert number_of(check_opening, settled(), completed(contribution=None)) == "open.3"


def test_open_3_the_result_of_another_enclave_was_paid() -> None:
    paid = contribution(enclave=OTHER.address)
    assert number_of(check_opening, settled(), completed(contribution=paid)) == "open.3"


def test_open_4_another_result_was_paid() -> None:
    other = task(status=TaskStatus.COMPLETED, result_digest=MODEL)
    assert number_of(check_opening, settled(), completed(task=other)) == "open.4"
