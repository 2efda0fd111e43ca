"""Everything that Sealgrid's parties sign, as EIP-712 types in the domain of one chain and one broker.

The order of the fields is part of each type; ``judgement.vy`` hashes Verdict the same way. Policies and key records,
which owners sign, stand in ``policy.py`` and in ``crypto/shares.py``.
"""

from typing import ClassVar

from sealgrid.attestation.policy import Platform
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import Statement
from sealgrid.units import Address, Digest, TaskId, to_bytes


class Release(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault: these facts and these secrets went to this session. Signed by the vault."""

    TYPES: ClassVar = (("bytes32", "session"), ("bytes32", "facts"), ("bytes32", "secrets"), ("uint64", "issued"))

    session: Digest  #: SHA-256 of the report data
    facts: Digest  #: SHA-256 of the canonical facts
    secrets: Digest  #: digest over the key records that the facts name
    issued: int  #: Unix seconds at the vault


class Settle(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enclave: this is my one result. Signed by the enclave's key before anyone can be paid."""

    TYPES: ClassVar = (
        ("bytes32", "task"),
        ("address", "worker"),
        ("address", "enclave"),
        ("bytes32", "resultDigest"),
        ("bytes32", "sealedSha256"),
        ("bytes32", "receiptSha256"),
    )

    task: TaskId
    worker: Address
    enclave: Address
    result_digest: Digest  #: what goes on the chain
    sealed_sha256: Digest  #: of the sealed result file
    receipt_sha256: Digest  #: of the signed body's file


class Verdict(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault: I verified this enclave and hold its settlement. Signed by the vault; the broker counts t of them."""

    TYPES: ClassVar = (
        ("bytes32", "task"),
        ("address", "worker"),
        ("address", "enclave"),
        ("bytes32", "app"),
        ("bytes32", "runtime"),
        ("uint8", "platform"),
        ("bytes32", "vaultSet"),
        ("bytes32", "session"),
        ("bytes32", "settle"),
        ("uint64", "issued"),
        ("uint64", "expiry"),
    )

    task: TaskId
    worker: Address
    enclave: Address
    app: Digest
    runtime: Digest
    platform: Platform
    vault_set: Digest  #: the federation under which this was said; the broker counts it under no other
    session: Digest
    settle: Digest  #: hashStruct of the Settle
    issued: int  #: Unix seconds at the vault; the evidence is judged as of then
    expiry: int  #: Unix seconds; the task's contribution deadline


class Preview(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault: this is what I would say to a release for this deal now. Signed by the vault; gives nobody a key."""

    TYPES: ClassVar = (
        ("bytes32", "question"),
        ("string", "check"),
        ("bool", "ofDeal"),
        ("bool", "settles"),
        ("uint64", "block"),
        ("uint64", "issued"),
    )

    question: Digest  #: SHA-256 of the request's JSON, as it was sent
    check: str  #: number of the check that refuses; empty for none
    of_deal: bool  #: whether the deal, the owner's policy or the counts are why, whatever machine runs it
    settles: bool  #: whether an enclave may settle a task by this refusal, so that the requester pays for computing
    block: int  #: the confirmed block at which the vault read the chain
    issued: int  #: Unix seconds at the vault


class Reassign(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pool owner: the task goes to another enclave. Signed by the pool owner."""

    TYPES: ClassVar = (("bytes32", "task"), ("uint8", "attempt"), ("address", "worker"), ("address", "enclave"))

    task: TaskId
    attempt: int  #: 2 or 3; the first attempt needs no such word
    worker: Address
    enclave: Address


class DepositKey(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault: seal shares for me to this X25519 key. Signed by the vault's broker-listed key."""

    TYPES: ClassVar = (("address", "vault"), ("bytes32", "key"))

    vault: Address
    key: Digest  #: the public key's 32 bytes


class DepositReceipt(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault: my share of this key fits its commitment and is stored. Signed by the vault."""

    TYPES: ClassVar = (("bytes32", "record"), ("address", "vault"), ("uint8", "index"))

    record: Digest  #: EIP-712 digest of the KeyRecord
    vault: Address
    index: int  #: 1 … n


class InputGrant(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A requester: this app may read my sealed input, in deals of this request. Signed by the requester."""

    TYPES: ClassVar = (("address", "owner"), ("bytes32", "fileSha256"), ("bytes32", "app"), ("bytes32", "request"))

    owner: Address
    file_sha256: Digest  #: of the sealed input
    app: Digest
    request: Digest  #: hash of the request order; a deal's id is keccak256(request, volume consumed before)


class Withdrawal(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner: destroy your share of this key, up to this version. Signed by the owner."""

    TYPES: ClassVar = (("address", "asset"), ("address", "owner"), ("uint64", "version"))

    asset: Address
    owner: Address
    version: int


class ReceiptSeal(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enclave: this is the body of my receipt. Signed by the enclave's key."""

    TYPES: ClassVar = (("bytes32", "body"),)

    body: Digest  #: SHA-256 of the canonical body


class LogHead(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault: at this time my log had this many entries and this root. Signed by the vault."""

    TYPES: ClassVar = (("address", "vault"), ("uint64", "size"), ("bytes32", "root"), ("uint64", "issued"))

    vault: Address
    size: int  #: entries
    root: Digest  #: of the Merkle tree over them (RFC 9162)
    issued: int  #: Unix seconds at the vault


class LogWitness(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another vault: I saw this head, and all that I saw of this log before is its beginning. Signed by the witness."""

    TYPES: ClassVar = (
        ("address", "witness"),
        ("address", "vault"),
        ("uint64", "size"),
        ("bytes32", "root"),
        ("uint64", "issued"),
    )

    witness: Address
    vault: Address  #: whose log it is
    size: int
    root: Digest
    issued: int  #: Unix seconds at the vault whose log it is


class UploadTicket(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account: this upload to this storage node is mine. Signed by the account's key, used once."""

    TYPES: ClassVar = (
        ("string", "node"),
        ("address", "account"),
        ("bytes32", "task"),
        ("uint64", "size"),
        ("uint64", "expiry"),
        ("bytes32", "nonce"),
    )

    node: str  #: the node's URL in the network file
    account: Address
    task: TaskId  #: whose result is uploaded; zero for other files
    size: int  #: most bytes of the file
    expiry: int  #: Unix seconds, at most ten minutes ahead
    nonce: Digest


class ResultOpened(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A requester: I opened this result, no node has to keep it for me. Signed by the requester's key."""

    TYPES: ClassVar = (("address", "reader"), ("bytes32", "fileSha256"))

    reader: Address
    file_sha256: Digest  #: of the sealed result, or of its receipt


class WorkerCall(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worker: this request to the pool is mine. Signed by the worker's key."""

    TYPES: ClassVar = (("address", "pool"), ("address", "worker"), ("bytes32", "content"), ("uint64", "issued"))

    pool: Address
    worker: Address
    content: Digest  #: SHA-256 of the payload
    issued: int  #: Unix seconds


def poco_authorisation(worker: Address, task: TaskId, enclave: Address) -> bytes:
    """Return the 32 bytes by which a pool owner lets a worker and enclave contribute (PoCo).

    They are signed under EIP-191 (``signing.personal_digest``), one of the two forms that PoCo fixes.
    """
    return keccak256(to_bytes(worker, 20), to_bytes(task, 32), to_bytes(enclave, 20))
