"""Seconds left of a task: by the later of the block's time and the vault's clock."""

from tests.unit.vault.vault_scene import DEADLINE, NOW, SNAPSHOT


def test_neither_an_old_block_nor_a_slow_clock_gains_time() -> None:
    assert SNAPSHOT.seconds_left(NOW - 100) == DEADLINE - NOW
    assert SNAPSHOT.seconds_left(NOW + 100) == DEADLINE - NOW - 100
