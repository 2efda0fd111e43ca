"""Which datasets' keys opened their files: a receipt proved it, so others than their owners may use them (7.23)."""

from collections.abc import Iterable

from sealgrid.attestation.facts import Facts
from sealgrid.receipts.receipt import ReceiptBody
from sealgrid.units import Digest
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.key_notes import OPENED, KeyNotes, record_of_dataset
from sealgrid.vault.stores.share_store import StoredVersion


class OpenedKeys(KeyNotes):
    """Keys that opened their files."""

    def __init__(self, store: VaultDatabase) -> None:
        super().__init__(store, OPENED)

    def unproved_since(self, versions: Iterable[StoredVersion]) -> int | None:
        """Return since when no version of an owner's key in force was opened, oldest given first; None: the newest was.

        0 where none ever was. Chain's Unix seconds. A deal from before was made while an opened version was in force.
        """
        since: int | None = 0
        for version in versions:
            if self.find(version.record_digest) is not None:
                since = None
            elif since is None:
                since = version.received
        return since


def opened_record(body: ReceiptBody, facts: Facts) -> Digest | None:
    """Return the record of the key that a checked receipt says opened its dataset; None for any other receipt."""
    return record_of_dataset(facts) if body.opened is True else None
