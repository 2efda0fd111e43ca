"""Private files with the result key of each purchased task, written before its deal: a crash loses no paid result."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.errors import DECODE_ERRORS, InputRefused, NotFound
from sealgrid.poco.orders import AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder, from_document, to_document
from sealgrid.sdk.stores.private_files import write_private
from sealgrid.units import Address, DealId, Digest, TaskId, to_digest

if TYPE_CHECKING:
    from sealgrid.sdk.operations.buy import PurchasedTask

Document = dict[str, str]


class JobRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file ``<task>.json``, mode 0600. It opens the task's result once the chain has paid."""

    schema: Literal["sealgrid/job/1"] = "sealgrid/job/1"
    genesis: Digest  #: of the chain that knows the task
    hub: Address
    account: Address
    deal: DealId
    task: TaskId
    created: int  #: Unix seconds of this machine
    orders: tuple[Document, Document, Document, Document]  #: app, dataset, workerpool, request
    result_key: str  #: 32 bytes of X25519, hex: the secret of this file
    first: int = 0  #: index of the deal's first task
    tasks: int = 0  #: in the deal; 0 for the volume of the request

    def __repr__(self) -> str:
        return f"JobRecord({self.task})"

    def signed_orders(self) -> tuple[AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder]:
        """Return the orders of the task's deal."""
        app, dataset, workerpool, request = self.orders
        return (
            from_document(AppOrder, app),
            from_document(DatasetOrder, dataset),
            from_document(WorkerpoolOrder, workerpool),
            from_document(RequestOrder, request),
        )

    def job(self) -> "PurchasedTask":
        """Return the purchased task, to follow it and to open its result."""
        # Listing jobs needs neither; they import the chain's and the services' clients.
        from sealgrid.sdk.operations.buy import PurchasedTask  # noqa: PLC0415
        from sealgrid.sdk.operations.deal_terms import DealOrders  # noqa: PLC0415

        terms = DealOrders(*self.signed_orders())
        key = HpkeKey.from_bytes(bytes.fromhex(self.result_key))
        return PurchasedTask(
            self.deal, self.task, terms, key, tasks=self.tasks or terms.request.volume, first=self.first
        )


def record_of(job: "PurchasedTask", *, genesis: Digest, hub: Address, created: int) -> JobRecord:
    """Return the record to store for a purchased task."""
    terms = job.terms
    return JobRecord(
        genesis=genesis,
        hub=hub,
        account=terms.request.requester,
        deal=job.deal,
        task=job.task,
        created=created,
        orders=(
            to_document(terms.app),
            to_document(terms.dataset),
            to_document(terms.workerpool),
            to_document(terms.request),
        ),
        result_key=job.result_key.secret.hex(),
        first=job.first,
        tasks=job.tasks,
    )


class JobStore:
    """The folder of these files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, task: TaskId) -> Path:
        """Return the path of a task's file."""
        return self.folder / f"{task}.json"

    def store(self, entry: JobRecord) -> None:
        """Write a record durably and atomically.

        Raises InputRefused when that fails, so nothing is bought whose result could not be opened.
        """
        try:
            write_private(self.path(entry.task), msgspec.json.encode(entry))
        except OSError as error:
            raise InputRefused(
                f"the result key cannot be stored in {self.folder} ({error.strerror}); nothing was bought."
            ) from error

    def remove(self, task: TaskId) -> None:
        """Remove the file of a task that never became part of a deal."""
        self.path(task).unlink(missing_ok=True)

    @staticmethod
    def parse_task(text: str) -> TaskId:
        """Return a task's id in its canonical form; raise InputRefused for any other text."""
        try:
            return TaskId(to_digest(text.lower()))
        except ValueError as error:
            raise InputRefused(
                f"{text[:80]!r} is not a valid task id; write 0x and 64 hex digits.", money=""
            ) from error

    def read(self, task: str) -> JobRecord:
        """Return the record of a task; raise InputRefused for an invalid id, NotFound when this folder has none."""
        name = self.parse_task(task)
        path = self.path(name)
        if not path.exists():
            raise NotFound(f"{self.folder} has no key for task {name}; only the buyer has one.", money="")
        return _read(path)

    def all(self) -> tuple[JobRecord, ...]:
        """Return all records, newest first; raise InputRefused for a file that cannot be read."""
        found = [_read(path) for path in self.folder.glob("0x*.json")] if self.folder.is_dir() else []
        return tuple(sorted(found, key=lambda entry: entry.created, reverse=True))


def _read(path: Path) -> JobRecord:
    try:
        return msgspec.json.decode(path.read_bytes(), type=JobRecord)
    except (OSError, *DECODE_ERRORS) as error:
        raise InputRefused(f"{path} is not a valid job file; restore it from your backup.", money="") from error
