"""A task without an enclave: results of several workers, which agree before the pool authorises any of them. Pure.

A commitment is PoCo's pair of result hash and result seal, before it is on the chain: the pool compares the hashes, and
neither tells another worker the result. After an agreement the workers contribute one after the other.
"""

from collections import Counter
from typing import Final

import msgspec

from sealgrid.errors import InputRefused
from sealgrid.poco.consensus import ConsensusTally, ContributionState, contribution_order
from sealgrid.units import ZERO_DIGEST, Address, Digest
from sealgrid.wire.pool import CommitReply

TRUSTED_AGREEMENTS: Final = 10  #: results in a row on which a worker agreed before one of its own may be enough
MAX_COMMITMENTS: Final = 8  #: workers that one task may have; if they do not agree, it is refunded


class ResultCommitment(msgspec.Struct, frozen=True):
    """A result that a worker committed to, and the worker's score at that time."""

    worker: Address
    result_hash: Digest
    result_seal: Digest
    score: int
    absent: bool = False  #: whether it was authorised and did not contribute in time


class Replication(msgspec.Struct, frozen=True, kw_only=True):
    """What the workers of one task committed to, and what the chain has of it."""

    tally: ConsensusTally  #: of the contributions on the chain
    commitments: tuple[ResultCommitment, ...] = ()
    replicas: int = 0  #: workers that must agree while no result differs; 0 before the first
    agreed: Digest = ZERO_DIGEST  #: result hash on which enough workers agree; zero before
    order: tuple[Address, ...] = ()  #: who contributes, in order
    reveal_deadline: int = 0  #: by the chain's clock; 0 without a consensus
    reveal_over: bool = False  #: whether it has passed
    result: Digest = ZERO_DIGEST  #: that a worker revealed: SHA-256 of the result's archive

    @property
    def workers(self) -> frozenset[Address]:
        """Return the workers that take no further part: each commits once."""
        return frozenset(each.worker for each in self.commitments)

    @property
    def results(self) -> dict[Address, Digest]:
        """Return the result of each worker: what it contributed, else what it committed to.

        A worker that the chain rejected has none.
        """
        on_chain = {each.worker: each for each in self.tally.contributions}
        return {
            each.worker: on_chain[each.worker].result_hash if each.worker in on_chain else each.result_hash
            for each in self.commitments
            if each.worker not in on_chain or on_chain[each.worker].state is not ContributionState.REJECTED
        }

    @property
    def next_worker(self) -> Address | None:
        """Return the worker that contributes next; None if no worker shall contribute."""
        on_chain = {each.worker for each in self.tally.contributions}
        if not self.order or self.tally.consensus is not None:
            return None
        return next((worker for worker in self.order if worker not in on_chain), None)

    @property
    def is_agreed(self) -> bool:
        """Return whether the chain's consensus is the result on which the workers agreed with the pool."""
        return self.tally.consensus is not None and self.tally.consensus == self.agreed


def replicas_of(promised: int, agreements: int, draw: float) -> int:
    """Return how many workers must agree on a result, at most as many as the pool promises.

    BOINC's adaptive replication: a worker that agreed with others on at least ten results of the app in a row is
    trusted with the probability 1 - 1/agreements; ``draw`` is a random number from 0 to 1. It never learns which of its
    results are compared, since the pool decides after it committed.
    """
    return 1 if agreements >= TRUSTED_AGREEMENTS and draw >= 1 / agreements else promised


def missing_workers(replication: Replication, promised: int) -> int:
    """Return how many further workers shall compute a task at the same time: as many as an agreement needs at least.

    Of workers that are new, PoCo needs r where the trust is above 2^(r-1).
    """
    counts = Counter(replication.results.values()).most_common(2)
    replicas = promised if len(counts) > 1 else replication.replicas or promised
    needed = max(replicas, (replication.tally.trust - 1).bit_length()) - (counts[0][1] if counts else 0)
    return max(1, min(needed, MAX_COMMITMENTS - len(replication.commitments)))


def commit(
    replication: Replication, commitment: ResultCommitment, replicas: int, promised: int | None = None
) -> Replication:
    """Add a commitment and compare all of them; ``replicas`` counts for the first, ``promised`` is the pool's."""
    chosen = replication.replicas if replication.commitments else replicas
    added = msgspec.structs.replace(replication, commitments=(*replication.commitments, commitment), replicas=chosen)
    return agree(added, promised or replicas)


def agree(replication: Replication, promised: int) -> Replication:
    """Return the order of contributions if enough workers agree and PoCo finds consensus for them.

    As many as were chosen for the first result are enough while no other result exists, else as the pool promises. More
    workers must agree than on any other result. A worker that was absent counts, and is not waited for; one that the
    chain rejected does not count. Where those that can contribute are no consensus, the agreement stands without an
    order: an absent worker has its authorisation, and may bring the consensus about.
    """
    tally = replication.tally
    counts = Counter(replication.results.values()).most_common(2)
    replicas = promised if len(counts) > 1 else replication.replicas or promised
    if not counts or counts[0][1] < replicas or (len(counts) > 1 and counts[1][1] == counts[0][1]):
        return msgspec.structs.replace(replication, agreed=ZERO_DIGEST, order=())
    result = counts[0][0]
    on_chain = {each.worker for each in tally.contributions}
    ready = [
        (each.worker, each.result_hash, each.score)
        for each in replication.commitments
        if not each.absent and each.worker not in on_chain
    ]
    agreeing = [each for each in ready if each[1] == result]
    others = [each for each in ready if each[1] != result]
    try:
        order = contribution_order(tally, agreeing, others)
    except InputRefused:
        order = ()
    return msgspec.structs.replace(replication, agreed=result, order=order)


def contributed(replication: Replication, worker: Address, result_hash: Digest) -> Replication:
    """Add a contribution that is on the chain; one that PoCo would have refused changes nothing.

    Only the chain's event states a consensus (``reached``): PoCo weighs a worker by its score at the contribution, and
    the pool knows the one at the commitment.
    """
    score = next((each.score for each in replication.commitments if each.worker == worker), 0)
    try:
        tally = replication.tally.contribute(worker, result_hash, score)
    except InputRefused:  # a block was applied twice
        return replication
    return msgspec.structs.replace(replication, tally=msgspec.structs.replace(tally, consensus=None))


def reached(replication: Replication, consensus: Digest, deadline: int) -> Replication:
    """Take the chain's consensus, whatever scores the pool knew."""
    tally = msgspec.structs.replace(replication.tally, consensus=consensus)
    return msgspec.structs.replace(replication, tally=tally, reveal_deadline=deadline, reveal_over=False)


def revealed(replication: Replication, worker: Address, result: Digest) -> Replication:
    """Mark a reveal that is on the chain; the digest is public from then on."""
    try:
        tally = replication.tally.reveal(worker)
    except InputRefused:
        return replication
    return msgspec.structs.replace(replication, tally=tally, result=result)


def reopened(replication: Replication, replicas: int) -> Replication:
    """Reject the winners, none of whom revealed; other workers are needed."""
    try:
        tally = replication.tally.reopen()
    except InputRefused:
        return replication
    again = msgspec.structs.replace(replication, tally=tally, reveal_deadline=0, reveal_over=False, result=ZERO_DIGEST)
    return agree(again, replicas)


def skip_absent(replication: Replication, replicas: int) -> Replication:
    """Mark the worker whose turn it is as absent, since it did not contribute in time."""
    absent = replication.next_worker
    commitments = tuple(
        msgspec.structs.replace(each, absent=True) if each.worker == absent else each
        for each in replication.commitments
    )
    return agree(msgspec.structs.replace(replication, commitments=commitments), replicas)


def call_due(replication: Replication) -> str:
    """Return what the owner of the pool must do on the chain now: "finalize", "reopen" or nothing.

    A consensus on another result than the workers' commitments is not finalized: the task is refunded.
    """
    if replication.tally.consensus is None:
        return ""
    if replication.tally.revealed and (replication.reveal_over or not replication.tally.winners):
        return "finalize" if replication.is_agreed else ""
    return "reopen" if replication.reveal_over and not replication.tally.revealed else ""


def compared_workers(replication: Replication) -> tuple[frozenset[Address], frozenset[Address]]:
    """Return the workers that agreed on a finalized result, and those that differed or did not contribute in time.

    Who contributed another result than it committed to differed, whichever of the two is the finalized one.
    """
    agreed, results = replication.agreed, replication.results
    same = frozenset(
        each.worker
        for each in replication.commitments
        if each.result_hash == results.get(each.worker) == agreed and not each.absent
    )
    return same if len(same) > 1 else frozenset(), replication.workers - same


def broken_promises(before: Replication, after: Replication) -> frozenset[Address]:
    """Return who has just brought about a consensus by another result than the one that it committed to."""
    if before.tally.consensus is not None or after.tally.consensus is None or after.is_agreed:
        return frozenset()
    committed = {each.worker: each.result_hash for each in after.commitments}
    return frozenset(each.worker for each in after.tally.winners if committed.get(each.worker) != each.result_hash)


def reply_to(replication: Replication, worker: Address, *, ended: bool) -> CommitReply:
    """Return what a worker does next with the result that it committed to."""
    if ended or worker not in replication.workers:
        return CommitReply(step="end")
    if worker in {each.worker for each in replication.tally.winners}:
        return CommitReply(step="reveal")
    if replication.next_worker == worker:
        return CommitReply(step="contribute")  # alike for every worker: a liar must not learn that others differ
    return CommitReply(step="wait")
