"""Say what a release would be told, without evidence and without a key: before a deal, or about a task.

The checks are the release's own (``release.check_agreement``, ``entitlement.check_deal``), so the two cannot differ.
Rules about machines, which evidence alone can meet, are listed. Counts are answered as yes or no.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sealgrid.attestation.facts import JobParams
from sealgrid.attestation.policy import Machines, Platform, Policy
from sealgrid.attestation.statements import Preview
from sealgrid.chain.views import DealView
from sealgrid.errors import DealRefused, InputRefused, ReleaseRefused
from sealgrid.poco.orders import DatasetOrder, from_document
from sealgrid.units import Digest, TaskId
from sealgrid.vault.chain.snapshot import ChainSnapshot, DealSnapshot
from sealgrid.vault.checks.bulk import read_slice
from sealgrid.vault.checks.entitlement import MOST_TASKS, NO_KEYS, StoredKeys, check_deal, read_params
from sealgrid.vault.checks.iexec_terms import MatchedSale, sale_of
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.checks.refusals_at_match import StateAtMatch, stood_at_match
from sealgrid.vault.checks.release import check_agreement
from sealgrid.vault.checks.signatures import canonical
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.handlers.deal_state import DealDocuments, at_match_of, keys_for, shown_for
from sealgrid.vault.handlers.unpaid_uses import give_back_unpaid
from sealgrid.vault.service import Vault
from sealgrid.wire.message import parse
from sealgrid.wire.preview import MachineRule, OfferedMachine, PreviewReply, PreviewRequest, Proposal, question_of
from sealgrid.wire.vault import BulkDocuments

_MACHINE_RULES = (
    ("3.5", "allowed", "The machine is one of those that the owner allows."),
    ("3.6", "denied", "The machine is none of those that the owner denies."),
    ("3.7", "families", "The machine's silicon is of a generation that the owner allows."),
    ("3.8", "forbidden_advisories", "No advisory applies to the machine that the owner forbids."),
    ("3.9", "evaluation", "The machine is judged by collateral that is as new as the owner asks for."),
    ("3.10", "up_to_date", "The machine's TCB is up to date."),
)


async def preview_release(vault: Vault, body: bytes) -> PreviewReply:
    """Answer what a release for this task or proposal would be told now.

    Nothing is stored, but which counted uses the chain shows to be unpaid.
    """
    request = parse(body, PreviewRequest)
    if request.task is not None and request.proposal is None:
        task: ChainSnapshot | None = await vault.chain.task(request.task)
        assert task is not None
        snapshot: DealSnapshot = task
        shown, but, more = await shown_for(vault, task, request), request.task, 0
    elif request.proposal is not None and request.task is None:
        task, proposal = None, _checked(request.proposal)
        snapshot = await vault.chain.proposed(proposal)
        shown, but, more = _shown_with(vault, snapshot, request, proposal), TaskId(""), proposal.tasks - 1
    else:
        raise InputRefused("a preview is about a task or about a proposal, one of them.")
    await give_back_unpaid(vault, snapshot, but=but, tasks=more + 1)
    await vault.store.turn()
    at = vault.clock()

    def keys_of(params: JobParams) -> StoredKeys:
        keys = keys_for(vault, snapshot, params, shown, but=but, at=at)
        return replace(keys, uses=DatasetUses(hour=keys.uses.hour + more, total=keys.uses.total + more))

    judged = judge(vault.federation, snapshot, shown, keys_of, at=at)
    refusal, policy = judged.refusal, judged.policy
    said = Preview(
        question=question_of(body),
        check=refusal.check if refusal else "",
        of_deal=isinstance(refusal, DealRefused),
        settles=_is_settled(judged, snapshot, None if task is None else at_match_of(vault, task, at)),
        block=snapshot.block,
        issued=at,
    )
    return PreviewReply(
        vault=vault.us,
        preview=said,
        signature=vault.sign(said),
        sentence=refusal.message if refusal else "",
        machines=() if policy is None else machine_rules(policy, snapshot.app_checksum, request.machines),
    )


@dataclass(frozen=True, slots=True)
class JudgedDeal:
    """What came of the checks about a deal, and what they were decided on."""

    refusal: ReleaseRefused | None = None
    policy: Policy | None = None  #: that the machine must meet; None for any machine that a vault takes
    params: JobParams | None = None  #: None where they cannot be read
    keys: StoredKeys = NO_KEYS


def judge(
    federation: VaultFederation,
    snapshot: DealSnapshot,
    shown: DealDocuments,
    keys_of: Callable[[JobParams], StoredKeys],
    *,
    at: int,
) -> JudgedDeal:
    """Return whether a release for this deal would be refused on every machine, and whose policy one must meet."""
    params, keys = None, NO_KEYS
    try:
        check_agreement(snapshot, federation=federation)  # (6)
        params = read_params(snapshot.deal)  # (7) (7.8) (7.13)
        if shown.refusal is not None:
            raise shown.refusal  # (7.3) (7.17)
        keys = keys_of(params)
        demand = check_deal(snapshot.app_checksum, snapshot, params, keys, at=at)  # (5) (7)
    except ReleaseRefused as refusal:
        return JudgedDeal(refusal, None, params, keys)
    return JudgedDeal(None, demand.policy, params, keys)


def machine_rules(policy: Policy, app: Digest, offered: Sequence[OfferedMachine]) -> tuple[MachineRule, ...]:
    """Return what an owner asks of machines, and whether the pool says that it has one of the allowed kind (5)."""
    kinds = {(each.runtime, int(each.platform)) for each in policy.allowed if each.app == app}
    names = ", ".join(f"{Platform(platform).name} runtime {runtime}" for runtime, platform in sorted(kinds))
    has = None if not offered else any((each.runtime, each.platform) in kinds for each in offered)
    rules = [MachineRule(check="5", rule=f"The app runs on one of: {names}.", advertised=has)]
    asked, usual = policy.machines, Machines()
    for check, name, rule in _MACHINE_RULES:
        if getattr(asked, name) != getattr(usual, name):
            rules.append(MachineRule(check=check, rule=rule))
    return tuple(rules)


def _is_settled(judged: JudgedDeal, snapshot: DealSnapshot, then: StateAtMatch | None) -> bool:
    refusal = judged.refusal
    if then is None or not isinstance(refusal, DealRefused):
        return False
    return stood_at_match(refusal, snapshot, judged.params, judged.keys, then)


def _checked(proposal: Proposal) -> Proposal:
    canonical(
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
    if not 1 <= proposal.tasks <= MOST_TASKS:
        raise InputRefused("a proposal has at least one task.")
    return proposal


def _shown_with(vault: Vault, snapshot: DealSnapshot, request: PreviewRequest, proposal: Proposal) -> DealDocuments:
    sale: MatchedSale | None = None
    if proposal.dataset_order is not None:
        order = from_document(DatasetOrder, proposal.dataset_order)
        # The deal would be matched from this very order: PoCo compares it with its owner's signature.
        proposed = sale_of(order, vault.federation.orders, None)
        sale = replace(proposed, matched=proposed.hash)
    return DealDocuments(sale, request.result_key, refusal=_refusal_of_bulk(snapshot.deal, request.bulk))


def _refusal_of_bulk(deal: DealView, shown: BulkDocuments | None) -> DealRefused | None:
    try:
        params = read_params(deal)
        if params.bulk_cid is not None:
            read_slice(shown, params, deal, deal.bot_size - 1)
    except DealRefused as refusal:
        return refusal
    except ReleaseRefused:
        return None  # its lists were not shown: nobody can tell
    return None
