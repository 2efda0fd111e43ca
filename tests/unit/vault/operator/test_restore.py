"""Restoring from a backup revives nothing that was destroyed or narrowed since."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sealgrid.errors import InputRefused
from sealgrid.units import to_digest
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.operator.backup import back_up, place_backup
from sealgrid.vault.operator.restore import PeerState, apply_backup
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.key_notes import KeyNote, OpenedKeys, UnopenedKeys
from sealgrid.vault.stores.share_store import ShareStore, StoredPolicy, StoredVersion
from sealgrid.vault.stores.task_store import TaskStore
from sealgrid.wire.vault import AssetView, KeyVersion
from tests.unit.vault.vault_scene import (
    AT_REST,
    ATTEMPT,
    DATASET,
    DOMAIN,
    ENCLAVE,
    FEDERATION,
    MODEL_KEY,
    NOW,
    OWNER,
    PICTURE_KEY,
    REQUESTER,
    STRANGER,
    TASK,
    Split,
    policy,
    released,
    settled,
)

NONCE, SERIES = b"\x41" * 32, to_digest(b"\x5e" * 32)
MODEL, PICTURE = (DATASET, OWNER.address), (PICTURE_KEY.asset, REQUESTER.address)
LATER = NOW + 500


@pytest.fixture
def live(tmp_path: Path) -> Iterator[VaultDatabase]:
    with closing(VaultDatabase(tmp_path / DATABASE)) as database:
        database.claim(FEDERATION.database_identity(to_digest(b"\x01" * 32)))
        share_store, task_store = ShareStore(database, AT_REST, FEDERATION), TaskStore(database, AT_REST, FEDERATION)
        share_store.store(MODEL_KEY.stored_share(), policy=StoredPolicy(policy(), b"signed"), grant=None, at=NOW)
        share_store.store(PICTURE_KEY.stored_share("input"), policy=None, grant=None, at=NOW)
        task_store.add_nonce(NONCE, ATTEMPT, NOW + 10_000, NOW)
        task_store.store_release(released())
        database.raise_evaluation(SERIES, 5)
        database.commit()
        yield database


def view(key: Split = MODEL_KEY, *, destroyed: int = 0, allowed: Any = None, by: Any = None) -> AssetView:
    signature = key.signature if by is None else key.record.sign(DOMAIN, by)
    one = KeyVersion(
        version=key.version, record=to_digest(key.record.digest(DOMAIN)), received=NOW, destroyed=destroyed
    )
    return AssetView(record=key.record, signature=signature, policy=allowed, policy_signature=b"signed", history=(one,))


def peer(model: AssetView | None = None, evaluation: int = 5) -> PeerState:
    views = {PICTURE: view(PICTURE_KEY)} | ({} if model is None else {MODEL: model})
    return PeerState(views, {SERIES: evaluation})


def restored(live: VaultDatabase, *peers: PeerState) -> tuple[Any, ShareStore]:
    done = apply_backup(live, AT_REST, FEDERATION, peers, at=LATER)
    return done, ShareStore(live, AT_REST, FEDERATION)


CURRENT = view(allowed=policy())


def test_what_the_other_vaults_have_too_is_restored(live: VaultDatabase) -> None:
    done, share_store = restored(live, peer(CURRENT), peer(CURRENT))
    assert (done.restored, done.dropped) == (2, ())
    assert share_store.find(*MODEL) == MODEL_KEY.stored_share()
    assert share_store.policy(*MODEL).policy == policy()


def test_nonces_from_before_are_void_and_deals_from_before_get_none(live: VaultDatabase) -> None:
    restored(live, peer(CURRENT), peer(CURRENT))
    assert TaskStore(live, AT_REST, FEDERATION).consume_nonce(NONCE) is None
    assert live.restored_at == LATER


def test_a_release_whose_settle_may_be_lost_gets_no_second_one_and_a_settled_one_still_opens(
    live: VaultDatabase,
) -> None:
    task_store = TaskStore(live, AT_REST, FEDERATION)
    task_store.store_release(released(enclave=STRANGER.address))
    task_store.store_settle(settled())
    restored(live, peer(CURRENT), peer(CURRENT))
    assert task_store.find_release(TASK, STRANGER.address) is None
    assert task_store.find_release(TASK, ENCLAVE.address) == released()
    assert task_store.find_settle(TASK, ENCLAVE.address) == settled()


@pytest.mark.parametrize(
    "view",
    [
        view(Split(version=2), allowed=policy()),  # shared anew since
        view(destroyed=LATER - 1, allowed=policy()),  # withdrawn since
        None,  # never heard of it
    ],
)
def test_a_share_that_one_other_vault_lacks_is_dropped(live: VaultDatabase, view: AssetView | None) -> None:
    done, share_store = restored(live, peer(CURRENT), peer(view))
    assert done.dropped == (MODEL,)
    assert share_store.find(*MODEL) is None


def test_an_unreachable_vault_counts_as_one_without_the_share(live: VaultDatabase) -> None:
    assert set(restored(live, peer(CURRENT))[0].dropped) == {MODEL, PICTURE}


def test_no_version_is_restored_that_is_older_than_one_with_the_owners_signature(
    live: VaultDatabase,
) -> None:
    _, share_store = restored(live, peer(CURRENT), peer(view(Split(version=7))))
    assert [each.record.version for each in share_store.versions(*MODEL)] == [1, 7]


def test_a_version_without_the_owners_signature_is_ignored(live: VaultDatabase) -> None:
    _, share_store = restored(live, peer(CURRENT), peer(view(Split(version=7), by=STRANGER)))
    assert [each.record.version for each in share_store.versions(*MODEL)] == [1]


def test_a_policy_that_was_narrowed_since_is_dropped(live: VaultDatabase) -> None:
    narrowed = view(allowed=policy(version=2, allowed=()))
    _, share_store = restored(live, peer(CURRENT), peer(narrowed))
    assert share_store.policy(*MODEL) is None


def test_evaluation_numbers_rise_to_what_two_others_have_seen(live: VaultDatabase) -> None:
    restored(live, peer(CURRENT, 8), peer(CURRENT, 7))
    assert live.evaluations() == {SERIES: 7}


def test_one_other_vault_cannot_raise_an_evaluation_number_alone(live: VaultDatabase) -> None:
    restored(live, peer(CURRENT, 10**9), peer(CURRENT, 0))
    assert live.evaluations() == {SERIES: 5}


def test_a_key_that_t_other_vaults_report_as_unopened_is_refused_and_one_report_does_not_suffice(
    live: VaultDatabase,
) -> None:
    unopened, record = msgspec.structs.replace(CURRENT, unopened=TASK), MODEL_KEY.stored_share().record_digest
    restored(live, peer(unopened), peer(CURRENT))
    assert UnopenedKeys(live).find(record) is None
    restored(live, peer(unopened), peer(unopened))
    assert UnopenedKeys(live).find(record) == KeyNote(TASK, LATER)


def test_a_key_that_t_other_vaults_report_as_opened_needs_no_proof_and_one_report_does_not_suffice(
    live: VaultDatabase,
) -> None:
    opened, record = msgspec.structs.replace(CURRENT, opened=TASK), MODEL_KEY.stored_share().record_digest
    restored(live, peer(opened), peer(CURRENT))
    assert OpenedKeys(live).find(record) is None
    restored(live, peer(opened), peer(opened))
    assert OpenedKeys(live).find(record) == KeyNote(TASK, LATER)
    assert UnopenedKeys(live).find(record) is None


def test_a_key_is_unproved_since_the_first_version_after_the_last_that_opened(live: VaultDatabase) -> None:
    opened = OpenedKeys(live)
    versions = [StoredVersion(MODEL_KEY.record, to_digest(bytes([n]) * 32), b"", 100 * n, 0) for n in (1, 2, 3)]
    assert opened.unproved_since(versions) == 0
    opened.note(versions[0].record_digest, TASK, NOW)
    assert opened.unproved_since(versions) == 200
    assert opened.unproved_since(versions[:1]) is None
    opened.note(versions[2].record_digest, TASK, NOW)
    assert opened.unproved_since(versions) is None


def test_a_key_that_did_not_open_is_known_after_a_restart_and_in_a_backup(live: VaultDatabase, tmp_path: Path) -> None:
    record = MODEL_KEY.stored_share().record_digest
    UnopenedKeys(live).note(record, TASK, NOW)
    UnopenedKeys(live).note(record, TASK, LATER)
    live.commit()
    back_up(tmp_path, tmp_path / "copy.db")
    with closing(VaultDatabase(tmp_path / DATABASE)) as again:
        assert UnopenedKeys(again).find(record) == KeyNote(TASK, NOW)
    with closing(VaultDatabase(place_backup(tmp_path / "copy.db", tmp_path / "new"))) as placed:
        assert UnopenedKeys(placed).find(record) == KeyNote(TASK, NOW)


def test_a_copy_with_another_at_rest_key_is_refused(live: VaultDatabase) -> None:
    with pytest.raises(InputRefused, match="key file"):
        apply_backup(live, ShareEncryption(b"\x34" * 32, bytes), FEDERATION, (), at=LATER)


def test_a_running_vault_is_copied_as_of_one_moment(live: VaultDatabase, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    ShareStore(live, AT_REST, FEDERATION).destroy(*PICTURE, at=NOW)  # not on the disk yet: a crash would forget it
    back_up(tmp_path, copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(VaultDatabase(place_backup(copy, tmp_path / "new"))) as again:
        assert set(ShareStore(again, AT_REST, FEDERATION).share_keys()) == {MODEL, PICTURE}


def test_a_copy_is_never_put_over_a_database(live: VaultDatabase, tmp_path: Path) -> None:
    back_up(tmp_path, tmp_path / "copy.db")
    with pytest.raises(InputRefused, match="newer than any copy"):
        place_backup(tmp_path / "copy.db", tmp_path)


def test_a_backup_overwrites_nothing(live: VaultDatabase, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(InputRefused, match="new file"):
        back_up(tmp_path, tmp_path / "there")
    with pytest.raises(InputRefused, match="no vault"):
        back_up(tmp_path / "nowhere", tmp_path / "copy.db")


def test_what_is_no_copy_or_a_damaged_one_is_refused(live: VaultDatabase, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE about (name, value)")
        other.commit()
    back_up(tmp_path, tmp_path / "copy.db")
    cut = tmp_path / "cut.db"
    cut.write_bytes((tmp_path / "copy.db").read_bytes()[:9000])
    for wrong in ("text", "other.db", "cut.db", "missing"):
        with pytest.raises(InputRefused):
            place_backup(tmp_path / wrong, tmp_path / "new")
        assert not (tmp_path / "new" / DATABASE).exists()
