"""What applied when a deal was matched: policies and shares of a span, and the requester's own demand."""

import pytest

from sealgrid.units import TaskId, to_digest
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.share_store import StoredPolicy
from sealgrid.vault.stores.use_ledger import HOUR, DatasetUse
from tests.unit.vault.vault_scene import DATASET, MODEL_KEY, NOW, OWNER, REQUESTER, STRANGER, TASK, policy


def test_policies_of_a_span_are_those_in_force_at_some_time_of_it(vault: Vault) -> None:
    for version, at in ((1, 100), (2, 200), (3, 300)):
        vault.share_store.set_policy(StoredPolicy(policy(version=version), b""), at=at)

    def versions(since: int, until: int) -> list[int]:
        found = vault.history.policies(DATASET, OWNER.address, since=since, until=until)
        return [each.version for each in found]

    assert versions(0, 99) == []
    assert versions(150, 199) == [1]
    assert versions(150, 200) == [1, 2]
    assert versions(200, 400) == [2, 3]


def test_a_share_counts_from_its_deposit_until_its_withdrawal(vault: Vault) -> None:
    vault.share_store.store(MODEL_KEY.stored_share(), policy=None, grant=None, at=100)
    vault.share_store.destroy(DATASET, OWNER.address, at=200)
    spans = {(0, 99): False, (0, 100): True, (150, 250): True, (200, 300): False}
    for (since, until), had in spans.items():
        assert vault.history.had_share(DATASET, OWNER.address, since=since, until=until) is had


@pytest.mark.parametrize(
    ("requester", "matched", "expected"),
    [
        (REQUESTER.address, NOW - HOUR + 1, DatasetUses(hour=1, total=1)),
        (REQUESTER.address, NOW + HOUR - 1, DatasetUses(hour=1, total=1)),
        (REQUESTER.address, NOW - HOUR, DatasetUses(hour=0, total=1)),
        (STRANGER.address, NOW, DatasetUses(hour=0, total=0)),
    ],
)
def test_uses_at_a_match_are_the_requesters_own_within_an_hour(
    vault: Vault, requester: str, matched: int, expected: DatasetUses
) -> None:
    other = TaskId(to_digest(b"\x61" * 32))
    vault.task_store.use_ledger.add(DatasetUse(other, DATASET, OWNER.address, requester, NOW, NOW + 900, True))
    vault.history.note_deal(other, matched)
    uses = vault.history.uses_at_match(
        DATASET, OWNER.address, REQUESTER.address, matched=NOW, cutoff=NOW - 300, excluding=TASK, at=NOW
    )
    assert uses == expected
