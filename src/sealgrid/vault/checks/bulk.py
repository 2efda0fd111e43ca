"""Checks of the datasets of a bulk deal (7.3, 7.12, 7.17-7.19): many datasets in one deal, as iExec's SDK makes them.

Such a deal names no dataset. Its params name a list of slices; the slice of a task is a list of dataset orders that are
free and have unlimited volume. A failed check (7.17) or (7.3) refuses the release; an order that fails (7.18), (7.19)
or (7.12) only omits its dataset. All checks read the chain at one block, so all vaults agree. The vault states which
keys it has outside the facts, so an owner who deposited at some vaults only cannot make the facts differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard, TypeVar

import msgspec

from sealgrid.attestation.facts import BulkFact, DatasetFact, OmittedDataset
from sealgrid.attestation.job_params import JobParams
from sealgrid.chain.views import DealView
from sealgrid.crypto.unixfs import content_addresses
from sealgrid.errors import DECODE_ERRORS, DealRefused, OrderMalformed, ReleaseRefused
from sealgrid.poco.orders import DatasetOrder, from_document, is_bulk
from sealgrid.units import ZERO_ADDRESS
from sealgrid.vault.chain.snapshot import DatasetOnChain
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.wire.vault import MAX_LIST_BYTES, BulkDocuments

T = TypeVar("T")

MAX_DATASETS: Final = 100  #: of one slice, as in iExec's SDK
MAX_AGE_SECONDS: Final = (
    900  #: maximum age of the named block relative to the newest confirmed one; two Ethereum epochs
)


@dataclass(frozen=True, slots=True)
class BulkOffer:
    """One order of a slice, with its state on the chain."""

    order: DatasetOrder
    dataset: DatasetOnChain | None  #: None for an unregistered address
    fits: bool  #: whether the hub allows the deal to use the order


def parse_slice(
    documents: BulkDocuments | None, params: JobParams, deal: DealView, index: int
) -> tuple[DatasetOrder, ...]:
    """Return the dataset orders of a task; raise ReleaseRefused.

    (7.17) The deal names no dataset itself; root and slice were sent and have the content addresses that params
           and root name, the slice at the task's index; it is a list of at most MAX_DATASETS orders.
    (7.3) The deal has no callback, which would publish the result.
    """
    if deal.dataset.pointer != ZERO_ADDRESS:  # (7.17)
        raise DealRefused("7.17", "a deal has either a bulk or a dataset; leave one of them out.")
    if deal.callback != ZERO_ADDRESS:  # (7.3)
        raise DealRefused("7.3", "a deal with a bulk must have no callback.")
    if documents is None:  # (7.17)
        raise ReleaseRefused("7.17", "the bulk's list of datasets was not sent; check that it is still stored.")
    _check_content(documents.root, str(params.bulk_cid))
    slices = _decode_list(documents.root, list[str])
    if index >= len(slices):
        raise DealRefused("7.17", f"the bulk has {len(slices)} slices, none for task {index}.")
    _check_content(documents.slice, slices[index])
    orders = _decode_list(documents.slice, list[dict[str, object]])
    if len(orders) > MAX_DATASETS:
        raise DealRefused("7.17", f"a slice has at most {MAX_DATASETS} datasets; make more slices.")
    try:
        return tuple(from_document(DatasetOrder, each) for each in orders)
    except OrderMalformed as error:
        raise DealRefused("7.17", f"the slice contains an invalid dataset order: {error.message}") from error


def make_bulk_fact(offers: Sequence[BulkOffer], deal: DealView, block: int) -> BulkFact:
    """Return the facts about the datasets of a slice, with the check that each omitted one failed.

    (7.18) The hub allows this deal to use the dataset by this order: signed by the current owner, not closed, the deal
           within its restrictions and tag.
    (7.19) The order is free and has unlimited volume; single uses are sold in deals of their own.
    (7.12) It names exactly the deal's app. An order open to any app, or to a group, would disclose the plaintext.
    """
    datasets: list[DatasetFact | None] = []
    omitted: list[OmittedDataset] = []
    for index, offer in enumerate(offers):
        dataset, check = offer.dataset, ""
        if dataset is None or not offer.fits:
            check = "7.18"
        elif not is_bulk(offer.order):
            check = "7.19"
        elif offer.order.apprestrict != deal.app.pointer:
            check = "7.12"
        if dataset is None or check:
            datasets.append(None)
            omitted.append(OmittedDataset(place=index, dataset=offer.order.dataset, check=check))
        else:
            datasets.append(DatasetFact(address=dataset.address, owner=dataset.owner, checksum=dataset.checksum))
    return BulkFact(block=block, datasets=tuple(datasets), left_out=tuple(omitted))


def is_key_of(share: StoredShare | None, dataset: DatasetFact) -> TypeGuard[StoredShare]:
    """Return whether a share is of this dataset's file, by its current owner, and was pushed through iExec's API (7.1).

    A key with a policy never counts: a policy limits uses, which a bulk does not count.
    """
    if share is None or share.kind != "iexec":
        return False
    record = share.record
    return (record.asset, record.owner, record.file_sha256) == (dataset.address, dataset.owner, dataset.checksum)


def _check_content(content: bytes, cid: str) -> None:
    if len(content) > MAX_LIST_BYTES:
        raise ReleaseRefused(
            "7.17", f"a list of a bulk has at most {MAX_LIST_BYTES} bytes; make fewer or smaller slices."
        )
    if cid not in content_addresses(content):
        raise ReleaseRefused(
            "7.17", "a list of the bulk does not have the content address that the deal's params lead to."
        )


def _decode_list(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except DECODE_ERRORS as error:
        raise DealRefused("7.17", f"a list of the bulk cannot be read: {error}.") from error
