"""Which datasets a task of a bulk deal may use, as iExec's client asks for many at once.

Such a deal names no dataset: its params name a list of slices, and the slice of a task is a list of dataset orders,
which are free and never used up. (7.17) and (7.3) refuse the release; an order that fails (7.18), (7.19) or (7.12)
leaves its dataset out. All of that is the chain's word at one block, so every vault says the same; whose key a vault
holds, it says apart from the facts: an owner who gave shares to some vaults only must not make them disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard, TypeVar

import msgspec

from sealgrid.attestation.facts import BulkFact, DatasetFact, OmittedDataset
from sealgrid.attestation.job_params import JobParams
from sealgrid.chain.views import DealView
from sealgrid.crypto.digests import cid_of, sha256
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.crypto.unixfs import FileAddress
from sealgrid.errors import DealRefused, OrderMalformed, ReleaseRefused
from sealgrid.poco.orders import DatasetOrder, from_document, is_bulk
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.vault.chain.snapshot import DatasetOnChain
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.wire.vault import MOST_LIST_BYTES, BulkDocuments

T = TypeVar("T")

MOST_DATASETS: Final = 100  #: of one slice, as iExec's client makes them
MOST_SECONDS: Final = 900  #: that the named block may lie behind the newest confirmed one: two epochs of Ethereum's


@dataclass(frozen=True, slots=True)
class BulkOffer:
    """One order of a slice, and what the chain says about it."""

    order: DatasetOrder
    dataset: DatasetOnChain | None  #: None for an address that the hub's registry does not have
    fits: bool  #: whether the hub lets the deal use it


def read_slice(shown: BulkDocuments | None, params: JobParams, deal: DealView, index: int) -> tuple[DatasetOrder, ...]:
    """Return the dataset orders of a task; raise ReleaseRefused.

    (7.17) The deal names no dataset of its own; root and slice were shown and have the addresses that params and root
           name, the slice at the place of the task; it is a list of at most MOST_DATASETS orders.
    (7.3) The deal has no callback: nobody allowed that results are published.
    """
    if deal.dataset.pointer != ZERO_ADDRESS:  # (7.17)
        raise DealRefused("7.17", "a deal with a bulk names no dataset beside it; leave one of them out.")
    if deal.callback != ZERO_ADDRESS:  # (7.3)
        raise DealRefused("7.3", "the datasets of a bulk go to no deal with a callback.")
    if shown is None:  # (7.17)
        raise ReleaseRefused("7.17", "the bulk's list of datasets was not shown; is it still stored?")
    _expect(shown.root, str(params.bulk_cid))
    slices = _listed(shown.root, list[str])
    if index >= len(slices):
        raise DealRefused("7.17", f"the bulk has {len(slices)} slices and none for task {index}.")
    _expect(shown.slice, slices[index])
    return _orders(_listed(shown.slice, list[dict[str, object]]))


def judge(offered: Sequence[BulkOffer], deal: DealView, block: int) -> BulkFact:
    """Return what facts say about the datasets of a slice.

    (7.18) The hub lets this deal use the dataset by this order: signed by the present owner, not closed, the deal
           within its restrictions and its tag.
    (7.19) The order is free and never used up: whoever sells single uses sells them deal by deal.
    (7.12) It names exactly the deal's app. An order open to any app, or to a group, lets anybody take the plaintext.
    """
    refusals = [_refusal(each, deal) for each in offered]
    return BulkFact(
        block=block,
        datasets=tuple(None if why else _fact(each) for each, why in zip(offered, refusals, strict=True)),
        left_out=tuple(
            OmittedDataset(place=place, dataset=each.order.dataset, check=why)
            for place, (each, why) in enumerate(zip(offered, refusals, strict=True))
            if why
        ),
    )


def is_key_of(held: StoredShare | None, dataset: DatasetFact) -> TypeGuard[StoredShare]:
    """Tell whether a share is of this dataset's file, by its present owner, and came by iExec's route (7.1).

    A key with a policy of ours is none of them: its owner counts uses and says who may have them.
    """
    if held is None or held.kind != "iexec":
        return False
    record = held.record
    return (record.asset, record.owner, record.file_sha256) == (dataset.address, dataset.owner, dataset.checksum)


def _refusal(offered: BulkOffer, deal: DealView) -> str:
    order = offered.order
    if offered.dataset is None or not offered.fits:
        return "7.18"
    if not is_bulk(order):
        return "7.19"
    return "" if order.apprestrict == deal.app.pointer else "7.12"


def _fact(offered: BulkOffer) -> DatasetFact | None:
    found = offered.dataset
    return None if found is None else DatasetFact(address=found.address, owner=found.owner, checksum=found.checksum)


def _expect(content: bytes, cid: str) -> None:
    if len(content) > MOST_LIST_BYTES:
        raise ReleaseRefused("7.17", f"a list of a bulk has at most {MOST_LIST_BYTES} bytes; make its slices fewer.")
    file = FileAddress()
    file.write(content)
    if cid not in {file.cid(), cid_of(to_digest(sha256(content)))}:
        raise ReleaseRefused("7.17", "a list of the bulk that was shown is not the one that the deal's params lead to.")


def _listed(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except UNREADABLE as error:
        raise DealRefused("7.17", f"a list of the bulk cannot be read: {error}.") from error


def _orders(documents: Sequence[dict[str, object]]) -> tuple[DatasetOrder, ...]:
    if len(documents) > MOST_DATASETS:
        raise DealRefused("7.17", f"a slice has at most {MOST_DATASETS} datasets; make more slices of it.")
    try:
        return tuple(from_document(DatasetOrder, each) for each in documents)
    except OrderMalformed as error:
        raise DealRefused("7.17", f"the slice holds what is no dataset order: {error.message}") from error
