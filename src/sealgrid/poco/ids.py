"""Identifiers and hashes that PoCo derives on chain (IexecPoco1Facet, IexecPoco2Facet)."""

from sealgrid.crypto.digests import keccak256
from sealgrid.units import Address, DealId, Digest, TaskId, to_bytes, to_digest


def deal_id(request_hash: Digest, bot_first: int) -> DealId:
    """Return the id of the deal that is matched when ``bot_first`` of a request order's volume is consumed."""
    return DealId(to_digest(keccak256(to_bytes(request_hash, 32) + bot_first.to_bytes(32, "big"))))


def task_id(deal: DealId, index: int) -> TaskId:
    """Return the id of a deal's task; ``index`` counts from the deal's ``bot_first``, not from 0."""
    return TaskId(to_digest(keccak256(to_bytes(deal, 32) + index.to_bytes(32, "big"))))


def result_hash(task: TaskId, result_digest: Digest) -> Digest:
    """Return keccak256(task ‖ digest): PoCo's result hash."""
    return to_digest(keccak256(to_bytes(task, 32) + to_bytes(result_digest, 32)))


def result_seal(worker: Address, task: TaskId, result_digest: Digest) -> Digest:
    """Return keccak256(worker ‖ task ‖ digest): PoCo's result seal of one worker."""
    return to_digest(keccak256(to_bytes(worker, 20) + to_bytes(task, 32) + to_bytes(result_digest, 32)))


def enclave_message(worker: Address, task: TaskId, result_digest: Digest) -> bytes:
    """Return the 32 bytes that the enclave signs by EIP-191: keccak256(result hash ‖ result seal)."""
    sealed = to_bytes(result_seal(worker, task, result_digest), 32)
    return keccak256(to_bytes(result_hash(task, result_digest), 32) + sealed)


def authorisation_message(worker: Address, task: TaskId, enclave: Address) -> bytes:
    """Return the 32 bytes that the pool's owner signs by EIP-191: keccak256(worker ‖ task ‖ enclave)."""
    return keccak256(to_bytes(worker, 20) + to_bytes(task, 32) + to_bytes(enclave, 20))
