"""Signed statements of Sealgrid's parties: EIP-712 types in the domain of one chain and one broker.

The order of the fields is part of each type; ``judgement.vy`` hashes Verdict identically. Policies are in
``policy.py``, key records in ``crypto/shares.py``.
"""

from typing import ClassVar

from sealgrid.attestation.policy import Platform
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import Statement, personal_digest, recover
from sealgrid.units import Address, Digest, TaskId, to_bytes


class Release(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault released these secrets with these facts to this session. Signed by the vault."""

    TYPES: ClassVar = (("bytes32", "session"), ("bytes32", "facts"), ("bytes32", "secrets"), ("uint64", "issued"))

    session: Digest  #: SHA-256 of the report data
    facts: Digest  #: SHA-256 of the canonical facts
    secrets: Digest  #: digest over the key records that the facts name
    issued: int  #: Unix seconds at the vault


class Settle(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enclave's single result. Signed by the enclave's key, before payment."""

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
    result_digest: Digest  #: as stored on the chain
    sealed_sha256: Digest  #: of the sealed result file
    receipt_sha256: Digest  #: of the file of the signed receipt


class Verdict(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault verified this enclave and stores its settlement. Signed by the vault; the broker requires t of them."""

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
    vault_set: Digest  #: federation of the verdict; the broker counts it only there
    session: Digest
    settle: Digest  #: hashStruct of the Settle
    issued: int  #: Unix seconds at the vault; time of the verification
    expiry: int  #: Unix seconds; the task's contribution deadline


class Preview(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault's current answer to a release for this deal, without a key. Signed by the vault."""

    TYPES: ClassVar = (
        ("bytes32", "question"),
        ("string", "check"),
        ("bool", "ofDeal"),
        ("bool", "settles"),
        ("uint64", "block"),
        ("uint64", "issued"),
    )

    question: Digest  #: SHA-256 of the received JSON request
    check: str  #: number of the failed check; empty for none
    of_deal: bool  #: whether the deal, the policy or the use counts are the cause, on every machine
    settles: bool  #: whether an enclave may settle a task with this refusal; the requester then pays for computing
    block: int  #: confirmed block of the vault's read
    issued: int  #: Unix seconds at the vault


class Reassign(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pool owner assigns the task to another enclave. Signed by the pool owner."""

    TYPES: ClassVar = (("bytes32", "task"), ("uint8", "attempt"), ("address", "worker"), ("address", "enclave"))

    task: TaskId
    attempt: int  #: 2 or 3; the first attempt needs no statement
    worker: Address
    enclave: Address


class DepositKey(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault's X25519 key for sealed shares. Signed by the vault's key in the broker."""

    TYPES: ClassVar = (("address", "vault"), ("bytes32", "key"))

    vault: Address
    key: Digest  #: the public key's 32 bytes


class DepositReceipt(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault checked its share against the commitment and stored it. Signed by the vault."""

    TYPES: ClassVar = (("bytes32", "record"), ("address", "vault"), ("uint8", "index"))

    record: Digest  #: EIP-712 digest of the KeyRecord
    vault: Address
    index: int  #: 1 … n


class InputGrant(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A requester grants an app its sealed input in deals of one request. Signed by the requester."""

    TYPES: ClassVar = (("address", "owner"), ("bytes32", "fileSha256"), ("bytes32", "app"), ("bytes32", "request"))

    owner: Address
    file_sha256: Digest  #: of the sealed input
    app: Digest
    request: Digest  #: hash of the request order; a deal's id is keccak256(request, volume consumed before)


class Withdrawal(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner orders vaults to destroy shares of a key up to a version. Signed by the owner."""

    TYPES: ClassVar = (("address", "asset"), ("address", "owner"), ("uint64", "version"))

    asset: Address
    owner: Address
    version: int


class ReceiptSeal(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enclave's signature over the body of its receipt. Signed by the enclave's key."""

    TYPES: ClassVar = (("bytes32", "body"),)

    body: Digest  #: SHA-256 of the canonical body


class LogHead(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signed tree head of a vault's log (RFC 9162). Signed by the vault."""

    TYPES: ClassVar = (("address", "vault"), ("uint64", "size"), ("bytes32", "root"), ("uint64", "issued"))

    vault: Address
    size: int  #: entries
    root: Digest  #: of the Merkle tree over them (RFC 9162)
    issued: int  #: Unix seconds at the vault


class LogWitness(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vault witnesses another vault's head: it is consistent with all earlier heads. Signed by the witness."""

    TYPES: ClassVar = (
        ("address", "witness"),
        ("address", "vault"),
        ("uint64", "size"),
        ("bytes32", "root"),
        ("uint64", "issued"),
    )

    witness: Address
    vault: Address  #: owner of the log
    size: int
    root: Digest
    issued: int  #: Unix seconds at the vault whose log it is


class UploadTicket(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account authorises one upload to a storage node. Signed by the account's key, used once."""

    TYPES: ClassVar = (
        ("string", "node"),
        ("address", "account"),
        ("bytes32", "task"),
        ("uint64", "size"),
        ("uint64", "expiry"),
        ("bytes32", "nonce"),
    )

    node: str  #: URL of the node in the network file
    account: Address
    task: TaskId  #: task of an uploaded result; zero for other files
    size: int  #: maximum size of the file in bytes
    expiry: int  #: Unix seconds, at most ten minutes ahead
    nonce: Digest


class ResultOpened(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A requester opened its result; nodes may remove it. Signed by the requester's key."""

    TYPES: ClassVar = (("address", "reader"), ("bytes32", "fileSha256"))

    reader: Address
    file_sha256: Digest  #: of the sealed result, or of its receipt


class FileRemoval(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account has storage nodes remove a file that it stored. Signed by the account's key."""

    TYPES: ClassVar = (("address", "account"), ("bytes32", "fileSha256"), ("uint64", "issued"))

    account: Address
    file_sha256: Digest
    issued: int  #: Unix seconds; a node accepts it for ten minutes, and keeps what was stored later


class WorkerCall(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worker authenticates a request to the pool. Signed by the worker's key."""

    TYPES: ClassVar = (("address", "pool"), ("address", "worker"), ("bytes32", "content"), ("uint64", "issued"))

    pool: Address
    worker: Address
    content: Digest  #: SHA-256 of the payload
    issued: int  #: Unix seconds


class WorkerInvitation(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pool invites one worker. Signed by the pool's owner, used once."""

    TYPES: ClassVar = (("address", "pool"), ("bytes32", "nonce"), ("uint64", "expiry"))

    pool: Address
    nonce: Digest
    expiry: int  #: Unix seconds


class WorkerAdmission(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pool admitted a worker. Signed by the pool's owner."""

    TYPES: ClassVar = (("address", "pool"), ("address", "worker"), ("uint64", "expiry"))

    pool: Address
    worker: Address
    expiry: int  #: Unix seconds; of the statement, not of the admission


class MachineEnrolment(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worker requests a certificate for the key of its simulated machine. Signed by the worker's key."""

    TYPES: ClassVar = (("address", "worker"), ("bytes32", "keySha256"), ("uint64", "issued"))

    worker: Address
    key_sha256: Digest  #: of the machine's public key: a P-256 point, x ‖ y, 64 bytes
    issued: int  #: Unix seconds


class AccountCall(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine of a fleet makes a worker's call to PoCo as the fleet's account. Signed by the machine's key.

    The domain's contract is the account (contracts/WorkerAccount.vy), not a broker.
    """

    TYPES: ClassVar = (("bytes", "call"), ("uint64", "expiry"))

    call: bytes  #: calldata for the hub
    expiry: int  #: Unix seconds by the chain's clock


def poco_authorisation(worker: Address, task: TaskId, enclave: Address) -> bytes:
    """Return the digest by which a pool owner authorises a worker and enclave to contribute (PoCo).

    It is signed under EIP-191 (``signing.personal_digest``), as PoCo requires.
    """
    return keccak256(to_bytes(worker, 20), to_bytes(task, 32), to_bytes(enclave, 20))


def authorisation_signer(worker: Address, task: TaskId, enclave: Address, signature: bytes) -> Address | None:
    """Return the account that authorised a worker and enclave; None for malformed addresses or signatures."""
    try:
        return recover(personal_digest(poco_authorisation(worker, task, enclave)), signature)
    except ValueError:
        return None


class Card(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The card and the signature of a model. Signed by the model's owner."""

    TYPES: ClassVar = (("address", "owner"), ("string", "name"), ("bytes32", "content"))

    owner: Address
    name: str  #: of the model, as it is registered on the chain
    content: Digest  #: SHA-256 of the canonical document without its signature
