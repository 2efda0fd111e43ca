"""Facts document: the chain's data about one task, which t vaults sign and the enclave relies on."""

from functools import lru_cache
from typing import Literal

import msgspec

from sealgrid.attestation.field_types import Count, HexAddress, HexDeal, HexDigest, HexKey, HexTask
from sealgrid.attestation.job_params import JobParams, SealgridParams, parse_params
from sealgrid.crypto.digests import canonical, lp, sha256
from sealgrid.errors import DECODE_ERRORS, InputRefused
from sealgrid.units import Digest, to_bytes, to_digest

__all__ = [
    "AppFact",
    "BulkFact",
    "DatasetFact",
    "Facts",
    "JobParams",
    "OmittedDataset",
    "RequesterSignature",
    "SealgridParams",
    "SecretFact",
    "parse_facts",
    "parse_params",
    "secrets_digest",
]


class AppFact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The deal's app."""

    address: HexAddress
    digest: HexDigest  #: its checksum on the chain


class DatasetFact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The deal's dataset."""

    address: HexAddress
    owner: HexAddress  #: of the NFT, at the block of the vault's read
    checksum: HexDigest  #: SHA-256 of the sealed file


class OmittedDataset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset of a bulk that was refused for the task."""

    place: Count  #: in its slice, from 0
    dataset: HexAddress
    check: str  #: number of the check of docs/protocol/release.md that refused it


class BulkFact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Datasets of one task of a bulk deal."""

    block: Count  #: the confirmed block at which every vault read the chain
    datasets: tuple[DatasetFact | None, ...]  #: in the order of the slice; None for refused ones
    left_out: tuple[OmittedDataset, ...]


class SecretFact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One key whose shares are released with these facts."""

    kind: Literal["dataset", "input", "developer", "iexec", "iexec-developer", "iexec-requester"]
    record: HexDigest  #: EIP-712 digest of its KeyRecord
    file_sha256: HexDigest
    value: HexDigest | None = None  #: only of kind "iexec": keccak256 of the base64 key as pushed by its owner


#: how the request order was signed (PoCo): by an EOA, by presign transaction, by a contract (ERC-1271)
RequesterSignature = Literal["eoa", "presigned", "contract"]


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task as the chain describes it; identical bytes at every honest vault."""

    schema: Literal["sealgrid/facts/2"] = "sealgrid/facts/2"
    chain: Count
    hub: HexAddress
    broker: HexAddress
    deal: HexDeal
    task: HexTask
    index: Count
    bot_first: Count  #: index of the deal's first task
    bot_size: Count  #: how many tasks the deal has
    pool: HexAddress  #: the deal's workerpool
    worker: HexAddress
    enclave: HexAddress
    attempt: Count
    app: AppFact
    dataset: DatasetFact | None
    bulk: BulkFact | msgspec.UnsetType = msgspec.UNSET  #: only if params name a bulk; such deals have no dataset
    #: the dataset's, the inputs' and requester's in the order of params, the app developer's
    secrets: tuple[SecretFact, ...]
    requester: HexAddress
    requester_signature: RequesterSignature
    beneficiary: HexAddress
    #: X25519; for deals of iExec's client keccak256 of the beneficiary's registered RSA key, or zeros if the result is
    #: not encrypted
    result_key: HexKey
    params: str
    inputs: tuple[HexDigest, ...]  #: sealed inputs, in the order of params; last the task's own
    #: only if params name inputs of single tasks: the path from the task's own to their root (``task_inputs.py``)
    input_path: tuple[HexDigest, ...] | msgspec.UnsetType = msgspec.UNSET
    callback: HexAddress  #: zero for none
    quorum: Count  #: vaults that must sign these facts: the federation's t, or more by the dataset's policy
    release: Literal["escrow", "direct"]
    output_bytes: Count  #: cap on the padded result
    expiry: Count  #: Unix seconds; the task's contribution deadline
    #: only if the vaults refuse the deal and release no key: the number of the check (``requester_refusals.py``)
    refusal: str | msgspec.UnsetType = msgspec.UNSET

    def encode(self) -> bytes:
        """Return the canonical document (RFC 8785)."""
        return _encoded(self)

    def digest(self) -> Digest:
        """Return the SHA-256 that a Release names."""
        return to_digest(sha256(self.encode()))


@lru_cache(maxsize=64)  # a vault encodes the same facts several times for each release
def _encoded(facts: Facts) -> bytes:
    return canonical(facts)


def parse_facts(body: bytes) -> Facts:
    """Parse facts; raise InputRefused unless these are the canonical bytes of a valid document."""
    try:
        facts = msgspec.json.decode(body, type=Facts)
        same = facts.encode() == body
    except (ValueError, *DECODE_ERRORS) as error:
        raise InputRefused(f"this is not a valid facts document: {error}.") from error
    if not same:
        raise InputRefused("the facts are not in their canonical form (RFC 8785).")
    return facts


def secrets_digest(facts: Facts) -> Digest:
    """Return the digest over the key records in the facts, in their order."""
    records = (to_bytes(secret.record, 32) for secret in facts.secrets)
    return to_digest(sha256(b"sealgrid/secrets/1", lp(*records)))
