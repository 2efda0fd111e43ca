"""Nonces, attempts, releases and settled results in a real database."""

import threading
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealgrid.units import to_digest
from sealgrid.vault.checks.nonce import EnclaveAttempt
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.task_store import TaskStore
from tests.unit.vault.vault_scene import (
    AT_REST,
    ATTEMPT,
    ENCLAVE,
    FEDERATION,
    NOW,
    STRANGER,
    TASK,
    WORKER,
    key,
    released,
    settled,
)

NONCE = b"\x41" * 32


def test_a_nonce_is_valid_once(task_store: TaskStore) -> None:
    task_store.add_nonce(NONCE, ATTEMPT, NOW + 120, NOW)
    issued = task_store.consume_nonce(NONCE)
    assert (issued.attempt, issued.expires) == (ATTEMPT, NOW + 120)
    assert task_store.consume_nonce(NONCE) is None


def test_of_concurrent_requests_with_one_nonce_one_succeeds(task_store: TaskStore) -> None:
    task_store.add_nonce(NONCE, ATTEMPT, NOW + 120, NOW)
    got = []
    threads = [threading.Thread(target=lambda: got.append(task_store.consume_nonce(NONCE))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(nonce is not None for nonce in got) == 1


def test_an_unknown_nonce_is_not_found(task_store: TaskStore) -> None:
    assert task_store.consume_nonce(b"\x99" * 32) is None


def test_expired_nonces_are_deleted_when_the_next_is_issued(task_store: TaskStore) -> None:
    task_store.add_nonce(NONCE, ATTEMPT, NOW + 120, NOW)
    task_store.add_nonce(b"\x42" * 32, ATTEMPT, NOW + 240, NOW + 120)
    assert task_store.consume_nonce(NONCE) is None


def test_attempts_come_back_in_order(task_store: TaskStore) -> None:
    second = EnclaveAttempt(TASK, 2, WORKER.address, key("second").address)
    task_store.add_nonce(NONCE, ATTEMPT, NOW, NOW)
    task_store.add_nonce(b"\x42" * 32, second, NOW, NOW)
    task_store.add_nonce(b"\x43" * 32, second, NOW, NOW)
    assert task_store.attempts(TASK) == [ATTEMPT, second]
    assert task_store.attempts(to_digest(b"\xee" * 32)) == []


def test_releases_and_settles_come_back_as_stored(task_store: TaskStore) -> None:
    task_store.store_release(released())
    task_store.store_release(released())
    task_store.store_settle(settled())
    assert task_store.find_release(TASK, ENCLAVE.address) == released()
    assert task_store.find_settle(TASK, ENCLAVE.address) == settled()
    assert task_store.find_settle(TASK, STRANGER.address) is None
    assert task_store.is_settled(TASK)


def test_a_settle_without_escrow_has_no_share(task_store: TaskStore) -> None:
    task_store.store_settle(settled(result_share=None))
    assert task_store.find_settle(TASK, ENCLAVE.address).result_share is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(order=st.lists(st.tuples(st.sampled_from(["give", "take"]), st.integers(0, 3)), max_size=20))
def test_a_nonce_is_consumed_at_most_as_often_as_it_was_issued(
    tmp_path_factory: pytest.TempPathFactory, order: Any
) -> None:
    with closing(VaultDatabase(tmp_path_factory.mktemp("nonces") / DATABASE)) as database:
        task_store, stored = TaskStore(database, AT_REST, FEDERATION), set()
        for step, which in order:
            nonce = bytes([which]) * 32
            if step == "give" and nonce not in stored:
                task_store.add_nonce(nonce, ATTEMPT, NOW + 120, NOW)
                stored.add(nonce)
            elif step == "take":
                assert (task_store.consume_nonce(nonce) is not None) == (nonce in stored)
                stored.discard(nonce)
