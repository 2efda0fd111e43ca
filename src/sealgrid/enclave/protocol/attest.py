"""Prove to the vaults what runs here, and believe only what t of them sign alike (docs/protocol/release.md)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from sealgrid.attestation.binding import report_data, session, vault_set
from sealgrid.attestation.facts import Facts, parse_facts, secrets_digest
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.attestation.requester_refusals import REQUESTER_REFUSALS
from sealgrid.attestation.statements import DepositKey, Release
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.crypto.shares import KeyRecord, Share, combine, mismatched_vaults
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.enclave.protocol.bulk import keys_of
from sealgrid.enclave.protocol.log_proofs import check_logged
from sealgrid.enclave.protocol.pushed_secrets import SignedSecret, is_value
from sealgrid.enclave.protocol.quote_port import QuotePort
from sealgrid.enclave.protocol.request_order import verified_request
from sealgrid.errors import CheckFailed, EvidenceRefused, HostFailed, SealgridError, SharesRefused
from sealgrid.receipts.request_document import VerifiedRequest
from sealgrid.units import Address, Digest, to_digest
from sealgrid.wire.log import LogInclusion
from sealgrid.wire.platform import LaunchRequest, QuoteAnswer
from sealgrid.wire.quorum import PATIENT_SECONDS, ask_all
from sealgrid.wire.relay import RelayWelcome
from sealgrid.wire.vault import NonceRequest, ReleaseAnswer, ReleaseReply, ReleaseRequest, VaultClient

NO_NONCE = bytes(32)  #: stands for a vault that gave none; it will not release, the others may


@dataclass(frozen=True)
class EnclaveKeys:
    """The two keys that are made for one task and never leave the enclave."""

    signing: SigningKey = field(repr=False)
    hpke: HpkeKey = field(repr=False)


@dataclass(frozen=True)
class TrustedVaults:
    """The federation that this enclave believes, in ascending order, and how to reach each member."""

    addresses: tuple[Address, ...]
    clients: tuple[VaultClient, ...]
    threshold: int
    domain: Domain

    def client(self, vault: Address) -> VaultClient:
        """Return the way to one member."""
        return self.clients[self.addresses.index(vault)]


@dataclass(frozen=True)
class AttestedSession:
    """One session: the quote and the nonces that it carries."""

    quote: QuoteAnswer
    nonces: tuple[bytes, ...]
    report_data: bytes
    vault_set: Digest

    @property
    def session(self) -> Digest:
        """Return the name of this session, which every release repeats."""
        return session(self.report_data)


@dataclass(frozen=True)
class VerifiedRelease:
    """One vault's signed word about the facts, and its proof that it logged it."""

    vault: Address
    release: Release
    signature: bytes
    log: LogInclusion
    bulk: tuple[LogInclusion, ...] = ()  #: likewise of each dataset of a bulk that it gave a share of


@dataclass(frozen=True)
class ReleaseQuorum:
    """What t vaults signed alike, and the keys that their shares make."""

    request: VerifiedRequest  #: the requester's order, from which the job's terms are taken
    facts: Facts
    facts_bytes: bytes
    releases: tuple[VerifiedRelease, ...]
    deposit_keys: dict[Address, bytes]
    keys: dict[Digest, bytes] = field(repr=False)  #: sealed file's sha256 -> DEK
    #: sealed file's sha256 -> who must have signed its value
    pushed: dict[Digest, SignedSecret] = field(default_factory=dict)
    #: of each dataset of a bulk, in the order of its slice; None for one that the task goes without
    bulk: tuple[bytes | None, ...] = field(default=(), repr=False)
    liars: tuple[Address, ...] = ()  #: vaults whose answer or share did not hold; the others were enough


async def attest(
    launch: LaunchRequest, me: EnclaveKeys, welcome: RelayWelcome, vaults: TrustedVaults, port: QuotePort
) -> AttestedSession:
    """Collect one nonce per vault and make the one quote that serves them all."""
    request = NonceRequest(authorization=welcome.authorization, reassign=welcome.reassign)
    replies = await ask_all([vault.nonce(request) for vault in vaults.clients], enough=vaults.threshold)
    nonces = tuple(NO_NONCE if isinstance(reply, BaseException) else reply.nonce for reply in replies)
    at_least(vaults.threshold, replies)
    federation = vault_set(
        chain=launch.chain, hub=launch.hub, broker=launch.broker, t=vaults.threshold, vaults=vaults.addresses
    )
    data = report_data(
        chain=launch.chain,
        hub=launch.hub,
        task=launch.task,
        worker=launch.worker,
        app_digest=launch.app_digest,
        enclave=me.signing.address,
        hpke_public=me.hpke.public,
        vault_set=federation,
        nonces=nonces,
    )
    return AttestedSession(quote=port.quote(data), nonces=nonces, report_data=data, vault_set=federation)


async def obtain(
    launch: LaunchRequest, me: EnclaveKeys, welcome: RelayWelcome, vaults: TrustedVaults, proof: AttestedSession
) -> ReleaseQuorum:
    """Ask every vault that gave a nonce for release, and keep what t of them signed alike.

    An answer counts when (1) it opens with our HPKE key under our report data, (2) its Release is signed by that
    vault, (3) for our session, (4) over these facts and exactly the records that they name, (5) its deposit key is
    signed by that vault, (9) and this very release stands in that vault's log, under a head that it signed. Then
    (6) t vaults must have signed the same facts, (7) the facts must speak of this chain, hub, broker, task, worker,
    enclave and of the app that is locked into our evidence, (10) as many vaults must have signed as the facts demand,
    and (8) the shares of each secret must fit the record that the facts name. (11) A key that came by iExec's route,
    whose record its owner never signed, must have the hash that the owner did sign. (13) The request order that the
    worker relayed must be this task's, (14) signed as the facts say, and (15) no term of the facts may differ from it
    (``verified_request``): t vaults cannot change what the requester signed. (16) Facts that name a refusal come with
    no secret, no key for a result and no escrow, and the refusal is one that a task may be settled by.

    Raises EvidenceRefused, SharesRefused or what most vaults said.
    """
    request = ReleaseRequest(
        authorization=welcome.authorization,
        nonces=proof.nonces,
        hpke_public=me.hpke.public,
        app_digest=launch.app_digest,
        quote=proof.quote.quote,
        collateral=proof.quote.collateral,
        request=welcome.request,
        matched=welcome.matched,
        result_key=welcome.result_key,
        bulk=welcome.bulk,
    )
    asked = [vault for vault, nonce in zip(vaults.addresses, proof.nonces, strict=True) if nonce != NO_NONCE]
    # One of the quick ones may lie about its share; then it takes the slow one.
    questions = [vaults.client(vault).release(request) for vault in asked]
    replies = await ask_all(questions, enough=vaults.threshold, grace=PATIENT_SECONDS)
    at_least(vaults.threshold, replies)
    answers = {
        address: answer
        for address, reply in zip(asked, replies, strict=True)
        if isinstance(reply, ReleaseReply) and (answer := _believable(address, reply, me, vaults.domain, proof))
    }
    body, agreeing = _majority(answers, vaults.threshold)  # (6)
    facts = parse_facts(body)
    _expect_ours(facts, launch, me.signing.address)  # (7)
    if len(agreeing) < facts.quorum:  # (10)
        raise EvidenceRefused("10", f"{len(agreeing)} vaults released; the model's owner asks for {facts.quorum}.")
    _expect_settled_refusal(facts)  # (16)
    verified = verified_request(welcome, facts)  # (13) (14) (15)
    return ReleaseQuorum(
        request=verified,
        facts=facts,
        facts_bytes=body,
        releases=tuple(_signed(vault, answer) for vault, answer in sorted(agreeing.items())),
        deposit_keys={vault: answer.deposit_key for vault, answer in agreeing.items()},
        keys=_combine_all(facts, list(agreeing.values())),  # (8)
        pushed=_pushed_in(facts, list(agreeing.values())),
        bulk=keys_of(facts, agreeing, vaults.threshold),
        liars=_liars(facts, asked, replies, agreeing),
    )


def at_least(threshold: int, replies: Sequence[object]) -> None:
    """Raise what the vaults said when fewer than ``threshold`` of them gave what was asked for."""
    refusals = [reply for reply in replies if isinstance(reply, BaseException)]
    if len(replies) - len(refusals) >= threshold:
        return
    for refusal in refusals:
        if not isinstance(refusal, SealgridError):
            raise refusal
    # A refusal of a vault tells more than one that is only unreachable.
    raise next((r for r in refusals if isinstance(r, CheckFailed)), refusals[0])


def _believable(
    vault: Address, reply: ReleaseReply, me: EnclaveKeys, domain: Domain, proof: AttestedSession
) -> ReleaseAnswer | None:
    # A vault whose answer does not hold counts as one that did not answer: t honest ones are enough.
    try:
        return _believe(vault, reply, me, domain, proof)
    except (SealgridError, ValueError, *UNREADABLE):
        return None


def _believe(
    vault: Address, reply: ReleaseReply, me: EnclaveKeys, domain: Domain, proof: AttestedSession
) -> ReleaseAnswer:
    opened = me.hpke.open(reply.sealed, proof.report_data)  # (1)
    answer = msgspec.json.decode(opened, type=ReleaseAnswer)
    if answer.release.signer(domain, answer.signature) != vault:  # (2)
        raise EvidenceRefused("2", f"an answer in the name of vault {vault} is not signed by it.")
    if answer.release.session != proof.session:  # (3)
        raise EvidenceRefused("3", f"vault {vault} answered for another session.")
    named = secrets_digest(parse_facts(answer.facts))
    if answer.release.facts != to_digest(sha256(answer.facts)) or answer.release.secrets != named:  # (4)
        raise EvidenceRefused("4", f"vault {vault} signed other facts than it sent.")
    deposit = DepositKey(vault=vault, key=to_digest(answer.deposit_key))
    if deposit.signer(domain, answer.deposit_key_signature) != vault:  # (5)
        raise EvidenceRefused("5", f"the deposit key of vault {vault} is not signed by it.")
    check_logged(vault, answer, parse_facts(answer.facts), domain)  # (9)
    return answer


def _signed(vault: Address, answer: ReleaseAnswer) -> VerifiedRelease:
    return VerifiedRelease(vault, answer.release, answer.signature, answer.log, tuple(each.log for each in answer.bulk))


def _majority(answers: dict[Address, ReleaseAnswer], threshold: int) -> tuple[bytes, dict[Address, ReleaseAnswer]]:
    groups: dict[bytes, dict[Address, ReleaseAnswer]] = defaultdict(dict)
    for vault, answer in answers.items():
        groups[answer.facts][vault] = answer
    for body, group in groups.items():
        if len(group) >= threshold:
            return body, group
    raise EvidenceRefused("6", f"no {threshold} vaults signed the same facts.")


def _expect_ours(facts: Facts, launch: LaunchRequest, enclave: Address) -> None:
    said = (facts.chain, facts.hub, facts.broker, facts.task, facts.worker, facts.enclave, facts.app.digest)
    ours = (launch.chain, launch.hub, launch.broker, launch.task, launch.worker, enclave, launch.app_digest)
    if said != ours:
        raise EvidenceRefused("7", "the vaults' facts speak of another task, worker, enclave or app.")


def _expect_settled_refusal(facts: Facts) -> None:
    if not facts.refusal:
        return
    given = (facts.secrets, facts.inputs, facts.result_key, facts.release, facts.bulk)
    if facts.refusal not in REQUESTER_REFUSALS or given != ((), (), NO_RESULT_KEY, "direct", UNSET):
        raise EvidenceRefused("16", "the vaults' facts refuse the deal in a way that cannot be settled.")


def _combine_all(facts: Facts, answers: Sequence[ReleaseAnswer]) -> dict[Digest, bytes]:
    keys = {secret.file_sha256: _combine(secret.record, facts, answers) for secret in facts.secrets}
    for secret in facts.secrets:
        if secret.kind == "iexec" and not is_value(keys[secret.file_sha256], secret.value):  # (11)
            raise SharesRefused("11", "the dataset's key is not the one that its owner pushed; it was split wrongly.")
    return keys


def _pushed_in(facts: Facts, answers: Sequence[ReleaseAnswer]) -> dict[Digest, SignedSecret]:
    found = {}
    for secret in facts.secrets:
        record, _ = _shares_of(secret.record, facts, answers)
        if record is not None and secret.kind == "iexec-requester" and record.owner != facts.requester:
            raise SharesRefused("12", "a secret of the requester's came under another account's record.")
        if secret.kind in {"iexec-developer", "iexec-requester"} and record is not None:
            shown = frozenset(
                share.signature for answer in answers for share in answer.shares if share.record == record
            )
            found[secret.file_sha256] = SignedSecret(record.owner, shown)
    return found


def _combine(wanted: Digest, facts: Facts, answers: Sequence[ReleaseAnswer]) -> bytes:
    record, shares = _shares_of(wanted, facts, answers)
    if record is None:
        raise HostFailed("the vaults named a secret and sent no share of it.")
    return combine(shares, record)


def _shares_of(wanted: Digest, facts: Facts, answers: Sequence[ReleaseAnswer]) -> tuple[KeyRecord | None, list[Share]]:
    domain = Domain(chain=facts.chain, broker=facts.broker)
    record: KeyRecord | None = None
    shares = []
    for secret in (s for answer in answers for s in answer.shares):
        if to_digest(secret.record.digest(domain)) == wanted:
            record = secret.record
            shares.append(Share(index=secret.index, value=secret.part.value, blind=secret.part.blind))
    return record, shares


def _liars(
    facts: Facts, asked: Sequence[Address], replies: Sequence[object], agreeing: dict[Address, ReleaseAnswer]
) -> tuple[Address, ...]:
    answered = {vault for vault, reply in zip(asked, replies, strict=True) if isinstance(reply, ReleaseReply)}
    found = answered - agreeing.keys()
    for vault, answer in agreeing.items():
        for secret in facts.secrets:
            record, shares = _shares_of(secret.record, facts, [answer])
            if record is None or mismatched_vaults(shares, record):
                found.add(vault)
    return tuple(sorted(found))
