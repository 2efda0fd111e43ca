"""The heads and alarms that a vault stores about other vaults' logs."""

from sealgrid.attestation.vault_log import head_of
from sealgrid.units import Address
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.witness_store import WitnessStore
from sealgrid.wire.log import Alarm, SignedHead
from tests.unit.vault.vault_scene import NOW, VAULTS


def head(vault: Address, size: int) -> SignedHead:
    return SignedHead(head=head_of(vault, size, bytes(32), NOW + size), signature=b"\x01" * 65)


def alarm(vault: Address, kind: str, raised: int) -> Alarm:
    return Alarm(vault=vault, kind=kind, held=head(vault, 2), offered=head(vault, 1), path=(), raised=raised)


def test_a_newer_head_of_a_vault_replaces_its_older_one(database: VaultDatabase) -> None:
    store, (first, second, _) = WitnessStore(database), [vault.address for vault in VAULTS]
    assert store.head(first) is None
    for signed in (head(first, 1), head(second, 5), head(first, 2)):
        store.set_head(signed)
    assert (store.head(first), store.head(second)) == (head(first, 2), head(second, 5))


def test_the_first_alarm_of_each_kind_and_vault_stays(database: VaultDatabase) -> None:
    store, vault = WitnessStore(database), VAULTS[0].address
    later, first = alarm(vault, "split-view", NOW + 9), alarm(vault, "rollback", NOW)
    for each in (later, first, alarm(vault, "rollback", NOW + 20)):
        store.add_alarm(each)
    assert store.alarms() == (first, later)
