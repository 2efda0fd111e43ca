"""A vault's proof that it logged what it released: only then will its owner hear of it (docs/protocol/release.md)."""

from sealgrid.attestation.facts import DatasetFact, Facts
from sealgrid.attestation.vault_log import check_entry, check_head, entry_of
from sealgrid.crypto.signing import Domain
from sealgrid.enclave.protocol.bulk import listed_dataset
from sealgrid.errors import EvidenceRefused
from sealgrid.units import Address
from sealgrid.wire.log import LogInclusion
from sealgrid.wire.vault import ReleaseAnswer


def check_logged(vault: Address, answer: ReleaseAnswer, facts: Facts, domain: Domain) -> None:
    """Raise EvidenceRefused or LogRefused unless (9) the release, and each dataset of a bulk, has its entry."""
    _check(vault, answer, answer.log, facts, domain)
    for given in answer.bulk:
        _check(vault, answer, given.log, facts, domain, bulk=listed_dataset(facts, given.place))


def _check(
    vault: Address,
    answer: ReleaseAnswer,
    log: LogInclusion,
    facts: Facts,
    domain: Domain,
    *,
    bulk: DatasetFact | None = None,
) -> None:
    head = check_head(log.head.head, log.head.signature, vault, domain)
    entry = check_entry(log.logged.entry.encode(), log.logged.index, log.logged.path, head)
    release = answer.release
    policy = entry.policy if bulk is None else 0  # the vault's own word, but for a bulk, whose keys have no policy
    said = entry_of(facts, release.session, policy=policy, block=entry.block, time=release.issued, bulk=bulk)
    if entry != said:
        raise EvidenceRefused("9", f"vault {vault} logged another release than it made.")
