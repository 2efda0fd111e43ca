"""Purchased tasks, as records of a data folder."""

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.poco.orders import AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.deal_terms import DealOrders
from sealgrid.sdk.stores.job_store import JobRecord, record_of
from sealgrid.units import Address, DealId, Digest, TaskId

A, D = Address("0x" + "aa" * 20), "0x" + "dd" * 32


def job(number: int = 1) -> PurchasedTask:
    terms = DealOrders(
        AppOrder(app=A, appprice=5, sign=b"1"),
        DatasetOrder(dataset=A, datasetprice=7, sign=b"2"),
        WorkerpoolOrder(workerpool=A, sign=b"3"),
        RequestOrder(app=A, tag=TEE_TAG, requester=A, beneficiary=A, params='{"a": "ü"}', sign=b"4"),
    )
    return PurchasedTask(DealId(D), TaskId("0x" + f"{number:064x}"), terms, HpkeKey.generate())


def record(of: PurchasedTask, created: int = 1) -> JobRecord:
    return record_of(of, genesis=Digest(D), hub=A, created=created)
