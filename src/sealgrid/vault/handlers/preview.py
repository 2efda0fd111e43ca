"""Handler of ``POST /releases/preview``: the decision of a release without evidence, before a deal or for a task.

It runs the release's own checks (``release.check_agreement``, ``entitlement.check_deal``), so the two cannot differ.
Rules about machines, which need evidence, are listed only. Use counts are reported as allowed or refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sealgrid.attestation.facts import JobParams
from sealgrid.attestation.policy import Machines, Platform, Policy
from sealgrid.attestation.statements import Preview
from sealgrid.errors import DealRefused, InputRefused, ReleaseRefused
from sealgrid.poco.orders import DatasetOrder, from_document
from sealgrid.units import Digest, TaskId
from sealgrid.vault.chain.snapshot import ChainSnapshot, DealSnapshot
from sealgrid.vault.checks.bulk import parse_slice
from sealgrid.vault.checks.entitlement import MAX_TASKS, NO_KEYS, StoredKeys, check_deal, check_params
from sealgrid.vault.checks.iexec_terms import MatchedSale, make_sale
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.checks.refusals_at_match import was_refused_at_match
from sealgrid.vault.checks.release import check_agreement
from sealgrid.vault.checks.signatures import check_canonical
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.handlers.deal_state import DealDocuments, find_keys, read_documents, state_at_match
from sealgrid.vault.handlers.unpaid_uses import refund_unpaid_uses
from sealgrid.vault.service import Vault
from sealgrid.wire.message import parse
from sealgrid.wire.preview import MachineRule, OfferedMachine, PreviewReply, PreviewRequest, Proposal, request_digest

_MACHINE_RULES = (
    ("3.5", "allowed", "The machine is one of those that the owner allows."),
    ("3.6", "denied", "The machine is not one of those that the owner denies."),
    ("3.7", "families", "The machine's silicon generation is one that the owner allows."),
    ("3.8", "forbidden_advisories", "No advisory that the owner forbids applies to the machine."),
    ("3.9", "evaluation", "The machine's collateral is as new as the owner requires."),
    ("3.10", "up_to_date", "The machine's TCB is up to date."),
)


async def preview_release(vault: Vault, body: bytes) -> PreviewReply:
    """Return the decision of a release for this task or proposal at this moment.

    Stores nothing, except refunds of uses that the chain shows to be unpaid.
    """
    request = parse(body, PreviewRequest)
    if request.task is not None and request.proposal is None:
        check_canonical(digests=(request.task,))
        task: ChainSnapshot | None = await vault.chain.task(request.task)
        assert task is not None
        snapshot: DealSnapshot = task
        documents, excluding, more = await read_documents(vault, task, request), request.task, 0
    elif request.proposal is not None and request.task is None:
        task, excluding, more = None, TaskId(""), request.proposal.tasks - 1
        snapshot, documents = await _read_proposal(vault, request, request.proposal)
    else:
        raise InputRefused("a preview needs either a task or a proposal.")
    await refund_unpaid_uses(vault, snapshot, excluding=excluding, tasks=more + 1)
    await vault.database.wait_for_commit()
    at = vault.clock()

    def keys_of(params: JobParams) -> StoredKeys:
        keys = find_keys(vault, snapshot, params, documents, excluding=excluding, at=at)
        return replace(keys, uses=DatasetUses(hour=keys.uses.hour + more, total=keys.uses.total + more))

    judgement = judge_deal(vault.federation, snapshot, documents, keys_of, at=at)
    refusal, policy = judgement.refusal, judgement.policy
    preview = Preview(
        question=request_digest(body),
        check=refusal.check if refusal else "",
        of_deal=isinstance(refusal, DealRefused),
        settles=task is not None
        and isinstance(refusal, DealRefused)
        and was_refused_at_match(refusal, snapshot, judgement.params, judgement.keys, state_at_match(vault, task, at)),
        block=snapshot.block,
        issued=at,
    )
    return PreviewReply(
        vault=vault.address,
        preview=preview,
        signature=vault.sign(preview),
        sentence=refusal.message if refusal else "",
        machines=() if policy is None else machine_rules(policy, snapshot.app_checksum, request.machines),
    )


@dataclass(frozen=True, slots=True)
class DealJudgement:
    """The result of the checks of a deal, and their input."""

    refusal: ReleaseRefused | None = None
    policy: Policy | None = None  #: that the machine must meet; None for any machine that the vault accepts
    params: JobParams | None = None  #: None if they are invalid
    keys: StoredKeys = NO_KEYS


def judge_deal(
    federation: VaultFederation,
    snapshot: DealSnapshot,
    documents: DealDocuments,
    keys_of: Callable[[JobParams], StoredKeys],
    *,
    at: int,
) -> DealJudgement:
    """Return the refusal of this deal on every machine, or the policy that a machine must meet."""
    params, keys = None, NO_KEYS
    try:
        check_agreement(snapshot, federation=federation)  # (6)
        params = check_params(snapshot.deal)  # (7) (7.8) (7.13)
        if documents.refusal is not None:
            raise documents.refusal  # (7.3) (7.17)
        keys = keys_of(params)
        demand = check_deal(snapshot.app_checksum, snapshot, params, keys, at=at)  # (5) (7)
    except ReleaseRefused as refusal:
        return DealJudgement(refusal, None, params, keys)
    return DealJudgement(None, demand.policy, params, keys)


def machine_rules(policy: Policy, app: Digest, offered: Sequence[OfferedMachine]) -> tuple[MachineRule, ...]:
    """Return an owner's rules about machines, and whether the pool advertises a machine of an allowed kind (5)."""
    kinds = {(each.runtime, int(each.platform)) for each in policy.allowed if each.app == app}
    names = ", ".join(f"{Platform(platform).name} runtime {runtime}" for runtime, platform in sorted(kinds))
    advertised = None if not offered else any((each.runtime, each.platform) in kinds for each in offered)
    rules = [MachineRule(check="5", rule=f"The app runs on one of: {names}.", advertised=advertised)]
    machines, default = policy.machines, Machines()
    for check, name, rule in _MACHINE_RULES:
        if getattr(machines, name) != getattr(default, name):
            rules.append(MachineRule(check=check, rule=rule))
    return tuple(rules)


async def _read_proposal(
    vault: Vault, request: PreviewRequest, proposal: Proposal
) -> tuple[DealSnapshot, DealDocuments]:
    """Return the deal that a proposal would make, and its documents; raise InputRefused for an invalid proposal."""
    check_canonical(
        addresses=(
            proposal.app,
            proposal.dataset,
            proposal.workerpool,
            proposal.requester,
            proposal.beneficiary,
            proposal.callback,
        ),
        digests=(proposal.request, proposal.tag),
    )
    if not 1 <= proposal.tasks <= MAX_TASKS:
        raise InputRefused("a proposal has at least one task.")
    snapshot = await vault.chain.proposed_deal(proposal)
    sale: MatchedSale | None = None
    if proposal.dataset_order is not None:
        order = from_document(DatasetOrder, proposal.dataset_order)
        # The deal would be matched from this order, because PoCo verifies its owner's signature.
        proposed = make_sale(order, vault.federation.order_domain, None)
        sale = replace(proposed, matched=proposed.hash)
    deal, refusal = snapshot.deal, None
    try:
        params = check_params(deal)
        if params.bulk_cid is not None:
            parse_slice(request.bulk, params, deal, deal.bot_size - 1)
    except DealRefused as error:
        refusal = error
    except ReleaseRefused:
        pass  # the lists of the bulk were not sent, so the vault cannot decide
    return snapshot, DealDocuments(sale, request.result_key, refusal=refusal)
