"""Private files with the key and the signed offers of each published model; their owner may need both later."""

from pathlib import Path
from typing import Literal

import msgspec

from sealgrid.errors import InputRefused
from sealgrid.poco.orders import DatasetOrder, from_document, to_document
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.publish import SealedFile
from sealgrid.sdk.stores.private_files import write_private
from sealgrid.units import Address, Digest


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file ``<model>.json``, mode 0600. With the sealed file, which is public, it opens the model."""

    schema: Literal["sealgrid/model/1"] = "sealgrid/model/1"
    genesis: Digest  #: of the chain that knows the model
    hub: Address
    account: Address
    model: Address
    name: str
    checksum: Digest  #: sha256 of the sealed file
    created: int  #: Unix seconds of this machine
    dek: str  #: 32 bytes, hex: the secret of this file
    orders: tuple[dict[str, str], ...]  #: all offers that were signed with this data folder
    successor: str = ""  #: the model that replaced this one, whose shares are destroyed

    def __repr__(self) -> str:
        return f"ModelRecord({self.model})"

    def offers(self) -> tuple[DatasetOrder, ...]:
        """Return the signed offers."""
        return tuple(from_document(DatasetOrder, order) for order in self.orders)


class ModelStore:
    """The folder of these files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, conn: Connection, sealed: SealedFile) -> None:
        """Write a model's record durably, or add a signed offer to it.

        Raises InputRefused when it cannot be written.
        """
        path = self.folder / f"{sealed.address}.json"
        before = _read(path).orders if path.exists() else ()
        entry = ModelRecord(
            genesis=conn.network.genesis,
            hub=conn.network.hub,
            account=conn.address,
            model=sealed.address,
            name=sealed.name,
            checksum=sealed.checksum,
            created=int(conn.clock()),
            dek=sealed.dek.hex(),
            orders=(*before, to_document(sealed.order)) if sealed.order else before,
        )
        try:
            write_private(path, msgspec.json.encode(entry))
        except OSError as error:
            raise InputRefused(
                f"the model's key cannot be stored in {self.folder} ({error.strerror}); nothing is for sale."
            ) from error

    def set_successor(self, old: ModelRecord, new: Address) -> None:
        """Record that a model replaced another; raise InputRefused when the file cannot be written."""
        entry = msgspec.structs.replace(old, successor=new)
        try:
            write_private(self.folder / f"{old.model}.json", msgspec.json.encode(entry))
        except OSError as error:
            raise InputRefused(f"{self.folder} cannot be written ({error.strerror}).") from error

    def own(self, conn: Connection) -> tuple[ModelRecord, ...]:
        """Return the records of this account on this network; raise InputRefused for a file that cannot be read."""
        network = conn.network
        return tuple(
            entry
            for entry in self.all()
            if (entry.genesis, entry.hub, entry.account) == (network.genesis, network.hub, conn.address)
        )

    def all(self) -> tuple[ModelRecord, ...]:
        """Return all records; raise InputRefused for a file that cannot be read."""
        return tuple(_read(path) for path in sorted(self.folder.glob("0x*.json"))) if self.folder.is_dir() else ()


def _read(path: Path) -> ModelRecord:
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelRecord)
    except (msgspec.DecodeError, OSError) as error:
        raise InputRefused(f"{path} is not a valid model file; restore it from your backup.", money="") from error
