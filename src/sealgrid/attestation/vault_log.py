"""Entries, signed heads and witnesses of a vault's log, and their checks (docs/protocol/log.md, "log.n").

Nothing in a log is secret: the chain has the same data.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from sealgrid.attestation.facts import DatasetFact, Facts
from sealgrid.attestation.field_types import Count, HexAddress, HexDeal, HexDigest, HexTask
from sealgrid.attestation.statements import LogHead, LogWitness
from sealgrid.crypto import merkle
from sealgrid.crypto.digests import canonical
from sealgrid.crypto.signing import Domain
from sealgrid.errors import InputRefused, LogRefused
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_bytes, to_digest

Contradiction = Literal["rollback", "split-view"]


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One release of shares, with the policy version and facts that allowed it.

    A task of a bulk has one entry without a dataset, then one for each released dataset.
    """

    schema: Literal["sealgrid/log-entry/1"] = "sealgrid/log-entry/1"
    deal: HexDeal
    task: HexTask
    worker: HexAddress
    enclave: HexAddress
    app: HexAddress
    asset: HexAddress  #: the deal's dataset, or one of its bulk; zero for none
    owner: HexAddress  #: of the dataset then; zero for none
    requester: HexAddress
    policy: Count  #: version of the owner's policy that allowed it; 0 without a dataset
    session: HexDigest
    facts: HexDigest  #: SHA-256 of the canonical facts
    block: Count  #: the confirmed block at which the vault read the chain
    time: Count  #: Unix seconds at the vault; ``issued`` of the Release

    def encode(self) -> bytes:
        """Return the canonical document (RFC 8785), which the leaf hashes."""
        return canonical(self)


def entry_of(
    facts: Facts, session: Digest, *, policy: int, block: int, time: int, bulk: DatasetFact | None = None
) -> LogEntry:
    """Return the entry of a release of these facts to this session, or of one dataset of its bulk."""
    # A refusal releases no key: it does not count as a use of the dataset.
    dataset = (None if facts.refusal else facts.dataset) if bulk is None else bulk
    return LogEntry(
        deal=facts.deal,
        task=facts.task,
        worker=facts.worker,
        enclave=facts.enclave,
        app=facts.app.address,
        asset=ZERO_ADDRESS if dataset is None else dataset.address,
        owner=ZERO_ADDRESS if dataset is None else dataset.owner,
        requester=facts.requester,
        policy=policy,
        session=session,
        facts=facts.digest(),
        block=block,
        time=time,
    )


def parse_entry(document: bytes) -> LogEntry:
    """Parse an entry; raise LogRefused (log.3) unless these are its canonical bytes."""
    try:
        entry = msgspec.json.decode(document, type=LogEntry)
        same = entry.encode() == document
    except (msgspec.MsgspecError, ValueError, InputRefused) as error:
        raise LogRefused("log.3", f"this is not a valid log entry: {error}.") from error
    if not same:
        raise LogRefused("log.3", "an entry is not in its canonical form (RFC 8785).")
    return entry


def check_head(head: LogHead, signature: bytes, vault: Address, domain: Domain) -> LogHead:
    """Return a head that (log.1) is about this vault's log and (log.2) is signed by that vault."""
    if head.vault != vault:  # (log.1)
        raise LogRefused("log.1", f"this head is about the log of {head.vault}, not of vault {vault}.")
    if not head.is_signed_by(vault, domain, signature):  # (log.2)
        raise LogRefused("log.2", f"this head of the log of vault {vault} is not signed by it.")
    return head


def check_entry(document: bytes, index: int, path: Sequence[bytes], head: LogHead) -> LogEntry:
    """Return an entry that (log.3) can be parsed and (log.4) is at ``index`` under a head."""
    entry = parse_entry(document)  # (log.3)
    leaf = merkle.leaf_hash(document)
    if not merkle.is_included(leaf, index, head.size, path, to_bytes(head.root, 32)):  # (log.4)
        raise LogRefused("log.4", f"the entry of task {entry.task} is not in the log of vault {head.vault}.")
    return entry


def contradiction(earlier: LogHead, later: LogHead, path: Sequence[bytes]) -> Contradiction | None:
    """Return how a head contradicts an earlier one of the same log; None if it is consistent, or older.

    (log.5) Rollback: the head signed later is smaller. (log.6) Split view: the consistency proof ``path`` of the log
    does not verify.
    """
    if later.size < earlier.size:
        return "rollback" if later.issued > earlier.issued else None  # (log.5)
    roots = to_bytes(earlier.root, 32), to_bytes(later.root, 32)
    grew = merkle.is_consistent(earlier.size, roots[0], later.size, roots[1], path)
    return None if grew else "split-view"  # (log.6)


def check_witness(head: LogHead, witness: Address, signature: bytes, domain: Domain) -> None:
    """Raise LogRefused (log.7) unless this vault witnessed this head."""
    if not witness_of(head, witness).is_signed_by(witness, domain, signature):  # (log.7)
        raise LogRefused("log.7", f"vault {witness} did not witness this head of vault {head.vault}.")


def head_of(vault: Address, size: int, root: bytes, issued: int) -> LogHead:
    """Return the head of a log for its vault to sign."""
    return LogHead(vault=vault, size=size, root=to_digest(root), issued=issued)


def witness_of(head: LogHead, witness: Address) -> LogWitness:
    """Return the statement by which another vault witnesses a head."""
    return LogWitness(witness=witness, vault=head.vault, size=head.size, root=head.root, issued=head.issued)
