"""A vault's log in its real database: every proof holds, after restarts too, and nothing is half-written."""

from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from sealgrid.attestation.vault_log import LogEntry, check_entry, contradiction, entry_of, head_of
from sealgrid.crypto import merkle
from sealgrid.crypto.merkle import EMPTY_ROOT
from sealgrid.errors import InputRefused, LogRefused
from sealgrid.units import ZERO_ADDRESS, to_address
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.schema import log_entries
from sealgrid.wire.log import MAX_ENTRIES
from tests.unit.vault.vault_scene import DATASET, NOW, attested, facts

VAULT = to_address(b"\x0d" * 20)
OTHER = to_address(b"\x0e" * 20)


def entry(number=0, asset=DATASET) -> LogEntry:
    made = entry_of(facts(), attested().session, policy=1, block=7, time=NOW + number)
    return LogEntry(**{name: getattr(made, name) for name in made.__struct_fields__} | {"asset": asset})


def grown(log, numbers, asset=DATASET):
    for number in numbers:
        log.append(log.prepare(entry(number, asset)))
    return log


def head(log):
    return head_of(VAULT, log.frontier.size, log.frontier.root, NOW)


def test_an_empty_log_has_the_root_of_nothing(database):
    log = VaultLog(database)
    assert (log.frontier.size, log.frontier.root) == (0, EMPTY_ROOT)
    assert log.page(0) == []


def test_an_entry_is_proved_by_what_is_known_before_it_is_written(database):
    log = grown(VaultLog(database), range(5))
    appended = log.prepare(entry(5))
    proof = appended.proof
    then = head_of(VAULT, appended.frontier.size, appended.frontier.root, NOW)
    assert check_entry(proof.entry.encode(), proof.index, proof.path, then) == entry(5)
    assert log.frontier.size == 5
    log.append(appended)
    assert head(log) == then


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 9), max_size=5), data=st.data())
def test_every_proof_holds_however_often_the_vault_restarts(tmp_path_factory, sizes, data):
    path, heads = tmp_path_factory.mktemp("log") / DATABASE, []
    for number, more in enumerate(sizes):
        database = VaultDatabase(path)
        log = grown(VaultLog(database), range(number * 10, number * 10 + more))
        heads.append(head(log))
        database.close()
    with closing(VaultDatabase(path)) as database:  # hypothesis may give an example up wherever it draws
        log = VaultLog(database)
        for older in heads:
            assert contradiction(older, head(log), log.consistency(older.size, log.frontier.size)) is None
        if log.frontier.size:
            index = data.draw(st.integers(0, log.frontier.size - 1))
            size = data.draw(st.integers(index + 1, log.frontier.size))
            page = log.page(index)[0]
            assert page.path == log.inclusion(index, log.frontier.size)
            older = log.inclusion(index, size)
            leaf = merkle.leaf_hash(page.entry.encode())
            assert merkle.is_included(leaf, index, size, older, _root(log, size))


def _root(log, size):
    """The root of an earlier state, from the entries alone."""
    frontier = merkle.MerkleFrontier()
    for logged in log.page(0)[:size]:
        frontier, _ = frontier.append(merkle.leaf_hash(logged.entry.encode()))
    return frontier.root


def test_the_entries_of_one_asset_come_in_pages_and_are_proved(database):
    log = grown(VaultLog(database), range(3), asset=ZERO_ADDRESS)
    grown(log, range(3, 3 + MAX_ENTRIES + 2))
    grown(log, range(90, 93), asset=OTHER)
    first = log.page(0, DATASET)
    assert len(first) == MAX_ENTRIES
    rest = log.page(first[-1].index + 1, DATASET)
    assert [each.index for each in (*first, *rest)] == list(range(3, 3 + MAX_ENTRIES + 2))
    for each in (*first, *rest):
        assert check_entry(each.entry.encode(), each.index, each.path, head(log)).asset == DATASET


def test_an_entry_that_is_not_written_was_never_there(database):
    log = grown(VaultLog(database), range(2))
    with pytest.raises(RuntimeError, match="power"), database.transaction():
        connection_was_lost(log)
    again = VaultLog(database)
    assert again.frontier.size == 2


def connection_was_lost(log):
    log.append(log.prepare(entry(2)))
    raise RuntimeError("power")


def test_entries_behind_each_other_are_each_proved_before_any_is_written(database):
    log = grown(VaultLog(database), range(3))
    made = [log.prepare(entry(3))]
    for number in (4, 5, 6):
        made.append(log.prepare(entry(number, OTHER), after=made[-1]))
    assert log.frontier.size == 3
    for place, each in enumerate(made, start=3):
        then = head_of(VAULT, each.frontier.size, each.frontier.root, NOW)
        assert check_entry(each.proof.entry.encode(), place, each.proof.path, then) == each.entry
    log.append(*made)
    assert [each.index for each in log.page(0, OTHER)] == [4, 5, 6]
    assert contradiction(then, head(log), log.consistency(then.size, log.frontier.size)) is None


def test_entries_behind_each_other_are_written_all_or_none(database):
    log = VaultLog(database)
    first = log.prepare(entry(1))
    with pytest.raises(ValueError, match="has grown"):
        log.append(first, log.prepare(entry(2)))
    assert (log.frontier.size, VaultLog(database).frontier.size) == (0, 0)


def test_an_entry_is_for_one_place_only(database):
    log = VaultLog(database)
    first, rival = log.prepare(entry(1)), log.prepare(entry(2))
    log.append(first)
    with pytest.raises(ValueError, match="has grown"):
        log.append(rival)


def test_a_rewritten_entry_is_found_out_by_its_own_proof(database):
    log = grown(VaultLog(database), range(4))
    with database.transaction() as connection:
        connection.execute(update(log_entries).where(log_entries.c.position == 1).values(entry=entry(99).encode()))
    rewritten = log.page(1)[0]
    with pytest.raises(LogRefused) as caught:
        check_entry(rewritten.entry.encode(), 1, rewritten.path, head(log))
    assert caught.value.check == "log.4"


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("inclusion", (2, 2)),
        ("inclusion", (0, 3)),
        ("consistency", (2, 1)),
        ("consistency", (0, 3)),
        ("inclusion", (-1, 2)),
    ],
)
def test_proofs_about_what_the_log_is_not_are_refused(database, call, args):
    log = grown(VaultLog(database), range(2))
    with pytest.raises(InputRefused):
        getattr(log, call)(*args)
