"""Which datasets' keys did not open their files: a receipt proved it, and no later release gives such a key."""

from sealgrid.attestation.facts import Facts
from sealgrid.receipts.receipt import ReceiptBody
from sealgrid.units import Digest
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.key_notes import UNOPENED, KeyNotes, record_of_dataset


class UnopenedKeys(KeyNotes):
    """Keys that did not open their files."""

    def __init__(self, store: VaultDatabase) -> None:
        super().__init__(store, UNOPENED)


def unopened_record(body: ReceiptBody, facts: Facts) -> Digest | None:
    """Return the record of the key that a checked receipt says did not open its dataset; None for any other receipt."""
    return record_of_dataset(facts) if body.exit_class == "unopened" else None
