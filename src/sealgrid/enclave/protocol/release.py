"""Obtain the keys of a task from t vaults that signed the same facts (docs/protocol/release.md)."""

from collections import defaultdict
from dataclasses import dataclass, field

import msgspec
from msgspec import UNSET

from sealgrid.attestation.facts import DatasetFact, Facts, parse_facts, secrets_digest
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.attestation.requester_refusals import REQUESTER_REFUSALS
from sealgrid.attestation.statements import DepositKey
from sealgrid.attestation.vault_log import check_entry, check_head, entry_of
from sealgrid.crypto.digests import keccak256, sha256
from sealgrid.crypto.hpke import check_public
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.signing import Domain, find_signer
from sealgrid.enclave.protocol.attest import (
    NO_NONCE,
    AttestedSession,
    EnclaveKeys,
    TrustedVaults,
    require_replies,
)
from sealgrid.enclave.protocol.key_shares import (
    combine_bulk_keys,
    combine_keys,
    find_lying_vaults,
    listed_dataset,
    pushed_secrets,
)
from sealgrid.enclave.protocol.pushed_secrets import SignedSecret
from sealgrid.errors import DECODE_ERRORS, EvidenceRefused, InputRefused, SealgridError
from sealgrid.receipts.receipt import LogProof, SignedRelease
from sealgrid.receipts.request_document import VerifiedRequest, verify_request
from sealgrid.units import Address, Digest, to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.log import LogInclusion
from sealgrid.wire.platform import LaunchRequest
from sealgrid.wire.quorum import PATIENT_SECONDS, call_all
from sealgrid.wire.relay import RelayWelcome
from sealgrid.wire.vault import ReleaseAnswer, ReleaseReply, ReleaseRequest


@dataclass(frozen=True)
class ReleaseQuorum:
    """What t vaults signed alike, and the keys that their shares combine to."""

    request: VerifiedRequest  #: the requester's order, from which the job's terms are taken
    facts: Facts
    facts_bytes: bytes
    releases: dict[Address, SignedRelease]  #: by vault, ascending
    deposit_keys: dict[Address, bytes]
    keys: dict[Digest, bytes] = field(repr=False)  #: sealed file's sha256 -> DEK
    #: sealed file's sha256 -> the owner who must have signed its value
    pushed: dict[Digest, SignedSecret] = field(default_factory=dict)
    #: of each dataset of a bulk, in the order of its slice; None for one that the task runs without
    bulk: tuple[bytes | None, ...] = field(default=(), repr=False)
    liars: tuple[Address, ...] = ()  #: vaults whose answer or share is invalid; the others were enough


async def obtain(
    launch: LaunchRequest, keys: EnclaveKeys, welcome: RelayWelcome, vaults: TrustedVaults, attested: AttestedSession
) -> ReleaseQuorum:
    """Request release from every vault that sent a nonce; return what t of them signed alike.

    An answer counts when (1) it opens with our HPKE key under our report data, (2) its Release is signed by that
    vault, (3) for our session, (4) over these facts and exactly the records that they name, (5) its deposit key is
    signed by that vault and can be sealed to, (8) each record with a share is one that can be signed, (9) and this very
    release is in that vault's log, under a head that it signed. Then
    (6) t vaults must have signed the same facts, (7) the facts must be about this chain, hub, broker, task, worker,
    enclave and the app that is locked into our evidence, (10) as many vaults must have signed as the facts demand,
    and (8) the shares of each secret must fit the record that the facts name. (11) A key that its owner pushed through
    iExec's API, whose record that owner never signed, must have the hash that the owner did sign. (13) The request
    order that the worker relayed must be this task's, (14) signed as the facts say, and (15) no term of the facts may
    differ from it (``check_request``): t vaults cannot change what the requester signed. (16) Facts with a refusal come
    with no secret, no key for a result and no escrow, and a task may be settled by that refusal.

    Raises EvidenceRefused, SharesRefused or the error that most vaults returned.
    """
    request = ReleaseRequest(
        authorization=welcome.authorization,
        nonces=attested.nonces,
        hpke_public=keys.hpke.public,
        app_digest=launch.app_digest,
        quote=attested.quote.quote,
        collateral=attested.quote.collateral,
        request=welcome.request,
        matched=welcome.matched,
        result_key=welcome.result_key,
        bulk=welcome.bulk,
    )
    called = [vault for vault, nonce in zip(vaults.addresses, attested.nonces, strict=True) if nonce != NO_NONCE]
    # A fast vault may send a wrong share; then a slow vault's share is needed.
    requests = [vaults.client(vault).release(request) for vault in called]
    replies = await call_all(requests, enough=vaults.threshold, grace=PATIENT_SECONDS)
    require_replies(vaults.threshold, replies)
    answers = {}
    for vault, reply in zip(called, replies, strict=True):
        if isinstance(reply, ReleaseReply):
            try:
                answers[vault] = _verify_answer(vault, reply, keys, vaults.domain, attested)
            except (SealgridError, ValueError, *DECODE_ERRORS):
                continue  # an invalid answer counts as none: t honest vaults are enough
    body, agreeing = _majority(answers, vaults.threshold)  # (6)
    facts = parse_facts(body)
    about = (facts.chain, facts.hub, facts.broker, facts.task, facts.worker, facts.enclave, facts.app.digest)
    own = (launch.chain, launch.hub, launch.broker, launch.task, launch.worker, keys.signing.address, launch.app_digest)
    if about != own:  # (7)
        raise EvidenceRefused("7", "the vaults' facts are about another task, worker, enclave or app.")
    if len(agreeing) < facts.quorum:  # (10)
        raise EvidenceRefused("10", f"{len(agreeing)} vaults released; the model's owner requires {facts.quorum}.")
    check_settled_refusal(facts)  # (16)
    verified = check_request(welcome, facts)  # (13) (14) (15)
    replied = {vault for vault, reply in zip(called, replies, strict=True) if isinstance(reply, ReleaseReply)}
    return ReleaseQuorum(
        request=verified,
        facts=facts,
        facts_bytes=body,
        releases={
            vault: SignedRelease(
                release=answer.release,
                signature=answer.signature,
                log=_log_proof(answer.log),
                bulk=tuple(_log_proof(each.log) for each in answer.bulk),
            )
            for vault, answer in sorted(agreeing.items())
        },
        deposit_keys={vault: answer.deposit_key for vault, answer in agreeing.items()},
        keys=combine_keys(facts, list(agreeing.values())),  # (8) (11)
        pushed=pushed_secrets(facts, list(agreeing.values())),
        bulk=combine_bulk_keys(facts, agreeing, vaults.threshold),
        liars=tuple(sorted((replied - agreeing.keys()) | find_lying_vaults(facts, agreeing))),
    )


def _verify_answer(
    vault: Address, reply: ReleaseReply, keys: EnclaveKeys, domain: Domain, attested: AttestedSession
) -> ReleaseAnswer:
    opened = keys.hpke.open(reply.sealed, attested.report_data)  # (1)
    answer = msgspec.json.decode(opened, type=ReleaseAnswer)
    if not answer.release.is_signed_by(vault, domain, answer.signature):  # (2)
        raise EvidenceRefused("2", f"an answer in the name of vault {vault} is not signed by it.")
    if answer.release.session != attested.session:  # (3)
        raise EvidenceRefused("3", f"vault {vault} answered for another session.")
    facts = parse_facts(answer.facts)
    if answer.release.facts != to_digest(sha256(answer.facts)) or answer.release.secrets != secrets_digest(
        facts
    ):  # (4)
        raise EvidenceRefused("4", f"vault {vault} signed other facts than it sent.")
    deposit = DepositKey(vault=vault, key=to_digest(answer.deposit_key))
    if not deposit.is_signed_by(vault, domain, answer.deposit_key_signature):  # (5)
        raise EvidenceRefused("5", f"the deposit key of vault {vault} is not signed by it.")
    check_public(answer.deposit_key)  # (5)
    for share in (*answer.shares, *(each.share for each in answer.bulk)):
        share.record.digest(domain)  # (8) raises for a record that has none
    check_logged(vault, answer, facts, domain)  # (9)
    return answer


def check_logged(vault: Address, answer: ReleaseAnswer, facts: Facts, domain: Domain) -> None:
    """Check (9): the release, and each dataset of a bulk, has its entry in the vault's log.

    Raises EvidenceRefused or LogRefused.
    """
    _check_inclusion(vault, answer, answer.log, facts, domain)
    for share in answer.bulk:
        _check_inclusion(vault, answer, share.log, facts, domain, bulk=listed_dataset(facts, share.place))


def _check_inclusion(
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
    policy = entry.policy if bulk is None else 0  # the vault alone states it; keys of a bulk have no policy
    expected = entry_of(facts, release.session, policy=policy, block=entry.block, time=release.issued, bulk=bulk)
    if entry != expected:
        raise EvidenceRefused("9", f"vault {vault} logged another release than it made.")


def _majority(answers: dict[Address, ReleaseAnswer], threshold: int) -> tuple[bytes, dict[Address, ReleaseAnswer]]:
    groups: dict[bytes, dict[Address, ReleaseAnswer]] = defaultdict(dict)
    for vault, answer in answers.items():
        groups[answer.facts][vault] = answer
    for body, group in groups.items():
        if len(group) >= threshold:
            return body, group
    raise EvidenceRefused("6", f"no {threshold} vaults signed the same facts.")


def check_settled_refusal(facts: Facts) -> None:
    """Check (16); raise EvidenceRefused."""
    if not facts.refusal:
        return
    released = (facts.secrets, facts.inputs, facts.input_path, facts.result_key, facts.release, facts.bulk)
    if facts.refusal not in REQUESTER_REFUSALS or released != ((), (), UNSET, NO_RESULT_KEY, "direct", UNSET):
        raise EvidenceRefused("16", "the vaults' facts refuse the deal in a way that cannot be settled.")


def check_request(welcome: RelayWelcome, facts: Facts) -> VerifiedRequest:
    """Return the request order that the worker relayed, verified as this task's; raise EvidenceRefused.

    (13), (14), (15) as ``verify_request`` numbers them. (15) also covers the RSA key that iExec's clients have a result
    encrypted for: the facts name the hash of a key that the order's beneficiary signed.
    """
    if welcome.request is None:  # (13)
        raise EvidenceRefused("13", "the worker found no request order of this task; publish it on the market.")
    try:
        request = verify_request(welcome.request, facts)
    except InputRefused as error:
        raise EvidenceRefused("13", error.message) from error
    beneficiary = request.order.beneficiary
    if request.params.is_for_rsa and not _is_registered(welcome.result_key, beneficiary, facts):  # (15)
        raise EvidenceRefused(
            "15", "the vaults' facts name an RSA key for the result that its beneficiary did not sign."
        )
    return request


def _is_registered(key: RegisteredResultKey | None, beneficiary: Address, facts: Facts) -> bool:
    from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME  # noqa: PLC0415  loads RSA, which few jobs need

    if key is None:
        return False
    value = to_digest(keccak256(key.value.encode()))
    digest = named_secret_digest(beneficiary, RESULT_KEY_NAME, value)
    return value == facts.result_key and find_signer(digest, key.signature) == beneficiary


def _log_proof(log: LogInclusion) -> LogProof:
    return LogProof(
        head=log.head.head,
        signature=log.head.signature,
        entry=log.logged.entry,
        index=log.logged.index,
        path=tuple(map(to_digest, log.logged.path)),
    )
