"""Checks with the vaults before a purchase: the app is approved for the model, and the deal would be released."""

from collections.abc import Sequence
from dataclasses import dataclass

from sealgrid.chain.assets import Assets
from sealgrid.errors import DECODE_ERRORS, DealRefused, NotFound, OrderRefused, SealgridError, ServiceUnavailable
from sealgrid.poco.orders import to_document
from sealgrid.poco.typed_data import order_hash
from sealgrid.sdk.concurrency import require_replies
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import format_time
from sealgrid.sdk.operations.deal_terms import DealOrders
from sealgrid.sdk.operations.policies import policy_of_quorum
from sealgrid.sdk.operations.refusals import NO_MACHINE, refusal_sentence
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.preview import OfferedMachine, PreviewRequest, Proposal, VaultOpinion, preview
from sealgrid.wire.quorum import call_all
from sealgrid.wire.vault import AssetView


async def check_approved(conn: Connection, model: Address, app: Address) -> None:
    """Raise OrderRefused when so many vaults refuse the model's key to this app that no run can succeed.

    Raises ServiceUnavailable when too few vaults answer.
    """
    assets = Assets(conn.hub)
    owner, code = await assets.owner(model), await assets.checksum("App", app)
    replies = await call_all([vault.asset(model, owner) for vault in conn.vaults], enough=conn.network.threshold)
    refusals = [reason for reply in replies if (reason := _refusal(reply, code, conn.clock()))]
    if len(refusals) > len(conn.vaults) - conn.network.threshold:
        raise OrderRefused(
            f"the model {model} cannot be used: {refusals[0]}, by {len(refusals)} of {len(replies)} vaults; ask its "
            f"owner, {owner}."
        )
    require_replies([None if isinstance(reply, NotFound) else reply for reply in replies], conn.network.threshold)


def _refusal(reply: AssetView | BaseException, code: Digest, now: float) -> str | None:
    if isinstance(reply, NotFound):
        return "a vault has no key for it"
    if isinstance(reply, BaseException):
        return None
    policy = reply.policy
    if policy is None:
        return "its owner has approved no app"
    if policy.expiry <= now:
        return f"its owner's approval expired at {format_time(policy.expiry)}"
    if not any(allowed.app == code for allowed in policy.allowed):
        return "its owner has not approved this app"
    return None


@dataclass(frozen=True, slots=True)
class ReleasePreview:
    """The terms on which enough vaults would release the keys of a deal."""

    quorum: int  #: vaults that must release
    conditions: tuple[str, ...]  #: of the model's owner on the machine, which only the enclave's evidence can meet


async def check_release(conn: Connection, terms: DealOrders, on_progress: Progress = ignore_progress) -> ReleasePreview:
    """Raise DealRefused, with the number of the check, unless enough vaults would release keys for these orders.

    Enough is t, or the quorum of the model's policy if that is larger. Raises ServiceUnavailable when fewer vaults
    answer, because a release would fail then. Vaults without previews do not count as refusals; ``on_progress`` is
    called for them.
    """
    needed = await _required_vaults(conn, terms.dataset.dataset)
    request = PreviewRequest(proposal=proposal_of(conn, terms), machines=await _offered_machines(conn, terms))
    requests = [
        preview(client.transport, request, vault, conn.domain)
        for client, vault in zip(conn.vaults, conn.vault_addresses, strict=True)
    ]
    replies = await call_all(requests, enough=needed)
    require_replies([reply if isinstance(reply, ServiceUnavailable) else None for reply in replies], needed)
    opinions = [reply for reply in replies if isinstance(reply, VaultOpinion)]
    check_enough(opinions, conn.vault_addresses, needed)
    for reply in replies:
        if isinstance(reply, SealgridError):
            on_progress(ProgressStep(f"a vault could not preview whether it will release ({reply.reason.rstrip('.')})"))
        elif isinstance(reply, BaseException) and not isinstance(reply, (ValueError, *DECODE_ERRORS)):
            raise reply
    unknown = {rule.check: rule.rule for each in opinions for rule in each.machines if rule.check != "5"}
    return ReleasePreview(needed, tuple(f"({check}) {rule}" for check, rule in sorted(unknown.items())))


def proposal_of(conn: Connection, terms: DealOrders) -> Proposal:
    """Return the deal that these orders would make."""
    request = terms.request
    return Proposal(
        app=terms.app.app,
        dataset=terms.dataset.dataset,
        workerpool=terms.workerpool.workerpool,
        requester=request.requester,
        beneficiary=request.beneficiary,
        callback=request.callback,
        params=request.params,
        tag=request.tag,
        trust=request.trust,
        tasks=request.volume,
        request=order_hash(request, conn.order_domain),
        dataset_order=None if terms.dataset.dataset == ZERO_ADDRESS else to_document(terms.dataset),
    )


async def _required_vaults(conn: Connection, model: Address) -> int:
    """Return the number of vaults that must release: t, or the quorum of the model's signed policy."""
    if model == ZERO_ADDRESS:
        return conn.network.threshold
    policy = await policy_of_quorum(conn, model)
    quorum = (
        0 if policy is None else policy.quorum_among(len(conn.vaults))
    )  # without a policy: a key through iExec's SMS API
    return max(conn.network.threshold, quorum)


def check_enough(opinions: Sequence[VaultOpinion], vaults: Sequence[Address], needed: int) -> None:
    """Raise DealRefused when so many of the vaults refuse that fewer than ``needed`` are left."""
    may_refuse = len(vaults) - needed
    refusing = [each for each in opinions if each.check]
    if len(refusing) > may_refuse:
        check = refusing[0].check
        alike = [each.vault for each in refusing if each.check == check]
        raise DealRefused(check, refusal_sentence(check, refusing[0].sentence, alike, vaults))
    unmet = {each.vault: [rule for rule in each.machines if rule.advertised is False] for each in opinions}
    without_machine = [vault for vault, rules in unmet.items() if rules]
    if len(without_machine) > may_refuse:
        rule = unmet[without_machine[0]][0]
        reason = f"the pool has no machine that the model's owner allows ({rule.rule.rstrip('.')})"
        raise DealRefused(rule.check, refusal_sentence(NO_MACHINE, reason, without_machine, vaults))


async def _offered_machines(conn: Connection, terms: DealOrders) -> tuple[OfferedMachine, ...]:
    if terms.workerpool.workerpool != conn.network.workerpool:
        return ()  # the machines of other pools are unknown
    try:
        return (await conn.pool.view()).machines
    except SealgridError:
        return ()
