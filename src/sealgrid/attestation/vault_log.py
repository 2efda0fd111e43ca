"""A vault's log: what one entry says, what a signed head promises, and when one head contradicts another.

The numbers "log.n" are those of docs/protocol/log.md. Nothing in a log is secret: who asked for what stands on the
chain as well.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from sealgrid.attestation.facts import DatasetFact, Facts
from sealgrid.attestation.field_types import Count, HexAddress, HexDeal, HexDigest, HexTask
from sealgrid.attestation.statements import LogHead, LogWitness
from sealgrid.crypto import merkle
from sealgrid.crypto.digests import canonical
from sealgrid.crypto.signing import Domain, Statement
from sealgrid.errors import InputRefused, LogRefused
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_bytes, to_digest

Contradiction = Literal["rollback", "split-view"]


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One release: to whom a vault gave its shares, and why it thought that it might.

    A task of a bulk has one entry without a dataset, and after it one for each dataset whose share the vault gave.
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
    """Return the entry that a release of these facts to this session makes, or of one dataset of its bulk."""
    # Of a refusal nobody got a key: it is no use of the dataset.
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
    """Read an entry; raise LogRefused (log.3) unless these are the canonical bytes of one."""
    try:
        entry = msgspec.json.decode(document, type=LogEntry)
        same = entry.encode() == document
    except (msgspec.MsgspecError, ValueError, InputRefused) as error:
        raise LogRefused("log.3", f"this is no entry of a log: {error}.") from error
    if not same:
        raise LogRefused("log.3", "an entry is not in its canonical form (RFC 8785).")
    return entry


def check_head(head: LogHead, signature: bytes, vault: Address, domain: Domain) -> LogHead:
    """Return a head that (log.1) is about this vault's log and (log.2) is signed by that vault."""
    if head.vault != vault:  # (log.1)
        raise LogRefused("log.1", f"this head is about the log of {head.vault}, not of vault {vault}.")
    if not _signed_by(head, signature, vault, domain):  # (log.2)
        raise LogRefused("log.2", f"this head of the log of vault {vault} is not signed by it.")
    return head


def check_entry(document: bytes, index: int, path: Sequence[bytes], head: LogHead) -> LogEntry:
    """Return an entry that (log.3) can be read and (log.4) stands at ``index`` under a head."""
    entry = parse_entry(document)  # (log.3)
    leaf = merkle.leaf_hash(document)
    if not merkle.is_included(leaf, index, head.size, path, to_bytes(head.root, 32)):  # (log.4)
        raise LogRefused("log.4", f"the entry of task {entry.task} is not in the log of vault {head.vault}.")
    return entry


def contradiction(held: LogHead, offered: LogHead, path: Sequence[bytes]) -> Contradiction | None:
    """Tell how a head contradicts an earlier one of the same log; None when the log only grew, or this one is old.

    (log.5) A rollback: what was signed later covers less. (log.6) A split view: the larger tree does not begin with
    the smaller one; ``path`` is the log's own proof that it does.
    """
    if offered.size < held.size:
        return "rollback" if offered.issued > held.issued else None  # (log.5)
    roots = to_bytes(held.root, 32), to_bytes(offered.root, 32)
    grew = merkle.is_consistent(held.size, roots[0], offered.size, roots[1], path)
    return None if grew else "split-view"  # (log.6)


def check_witness(head: LogHead, witness: Address, signature: bytes, domain: Domain) -> None:
    """Raise LogRefused (log.7) unless this vault signed that it saw this head."""
    if not _signed_by(witness_of(head, witness), signature, witness, domain):  # (log.7)
        raise LogRefused("log.7", f"vault {witness} did not sign that it saw this head of vault {head.vault}.")


def head_of(vault: Address, size: int, root: bytes, issued: int) -> LogHead:
    """Return what a vault signs about its whole log."""
    return LogHead(vault=vault, size=size, root=to_digest(root), issued=issued)


def witness_of(head: LogHead, witness: Address) -> LogWitness:
    """Return what another vault signs about a head that follows from all that it saw of this log before."""
    return LogWitness(witness=witness, vault=head.vault, size=head.size, root=head.root, issued=head.issued)


def _signed_by(statement: Statement, signature: bytes, who: Address, domain: Domain) -> bool:
    try:
        return statement.signer(domain, signature) == who
    except (ValueError, TypeError):
        return False
