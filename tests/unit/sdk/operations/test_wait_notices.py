"""A task waits while its pool reports no machine; the notice says where the price is."""

import pytest

from sealgrid.sdk.money import MoneyState
from sealgrid.sdk.operations.wait_notices import WaitNotice, is_waiting, waiting_sentence
from sealgrid.units import to_address, to_digest
from sealgrid.wire.pool import StageAt

POOL, TASK = to_address(b"\x01" * 20), to_digest(b"\xee" * 32)
LOCKED = MoneyState("locked", TASK, until=1_000)


@pytest.mark.parametrize(
    ("stages", "waits"), [((), True), (("waiting",), True), (("waiting", "working"), False), (("failed",), False)]
)
def test_a_task_without_a_machine_waits(stages, waits):
    assert is_waiting(tuple(StageAt(stage=stage, at=1.0) for stage in stages)) is waits


def test_the_notice_names_pool_time_price_and_what_to_do():
    text = str(WaitNotice(TASK, POOL, 31, LOCKED))
    assert text.startswith(f"No machine of pool {POOL} is known to work on this task, 31 s after it was bought.")
    assert "with --pool NAME, ADDRESS or any" in text
    assert "sealgrid task claim" in text
    assert "--pool" not in waiting_sentence(POOL, 31, LOCKED, commands=False)
