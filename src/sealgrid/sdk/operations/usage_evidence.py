"""Usage of a model: read logs, witness reports, chain and receipts, then compare them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from msgspec import UnsetType

from sealgrid.attestation.job_params import parse_params
from sealgrid.attestation.vault_log import parse_entry
from sealgrid.chain.abi import interface
from sealgrid.chain.assets import Assets
from sealgrid.chain.events import Reward, parse_events
from sealgrid.chain.views import PaymentOutcome, TaskStatus, payment_outcome
from sealgrid.errors import InputRefused, SealgridError
from sealgrid.receipts.receipt import ReceiptBody, SignedRelease, parse_envelope
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.fetch_receipt import fetch_receipt, verify_online
from sealgrid.sdk.operations.key_versions import unopened_task, views_of
from sealgrid.sdk.operations.usage import ChainTask, ModelUse, UsageEvidence, UsageReport, compare, uses_of
from sealgrid.sdk.operations.vault_logs import VerifiedLog, read_logs, read_witnesses
from sealgrid.units import Address, TaskId


async def usage_of(conn: Connection, model: Address) -> UsageReport:
    """Return all uses of a model, and all inconsistencies between logs, witnesses and chain."""
    logs = await read_logs(conn, model)
    accusations = await read_witnesses(conn, logs)
    uses = uses_of(logs)
    missed = [use for use in uses if len(use.vaults) < len(conn.vaults)]
    evidence = UsageEvidence(
        tasks=await _tasks(conn, {use.task for use in uses}),
        signed={use.task: await _signers(conn, use, model) for use in missed},
        unlogged=await _unlogged(conn, model, logs),
        unpaid=await _unpaid(conn, {use.task for use in uses}),
    )
    views = await views_of(conn, model, await Assets(conn.hub).owner(model))
    return replace(compare(model, logs, accusations, evidence), unopened=unopened_task(views))


async def _unpaid(conn: Connection, tasks: set[TaskId]) -> dict[TaskId, Address]:
    named, now = sorted(tasks), (await conn.node.block()).timestamp
    views = await asyncio.gather(*(conn.hub.view_task(task) for task in named))
    lost = {
        task: view
        for task, view in zip(named, views, strict=True)
        if payment_outcome(view, now) is PaymentOutcome.UNPAID
    }
    deals = await asyncio.gather(*(conn.hub.view_deal(view.deal) for view in lost.values()))
    return {task: deal.workerpool.pointer for task, deal in zip(lost, deals, strict=True)}


async def _tasks(conn: Connection, tasks: set[TaskId]) -> dict[TaskId, ChainTask]:
    named = sorted(tasks)
    found = await asyncio.gather(*(_task(conn, task) for task in named))
    return {task: one for task, one in zip(named, found, strict=True) if one is not None}


async def _task(conn: Connection, task: TaskId) -> ChainTask | None:
    view = await conn.hub.view_task(task)
    if view.status is TaskStatus.UNSET:
        return None
    deal = await conn.hub.view_deal(view.deal)
    model: Address | None = deal.dataset.pointer
    with suppress(InputRefused):
        if parse_params(deal.params).bulk_cid is not None:
            model = None
    return ChainTask(view.deal, model, deal.requester, deal.app.pointer)


async def _signers(conn: Connection, use: ModelUse, model: Address) -> frozenset[Address]:
    # The receipt may come from a worker, but the vaults' signatures in it are verified here.
    try:
        envelope = parse_envelope(await fetch_receipt(conn, use.task))
    except SealgridError:
        return frozenset()
    return frozenset(
        vault
        for vault, each in envelope.releases.items()
        if each.release.session == use.session
        and each.release.is_signed_by(vault, conn.domain, each.signature)
        and _is_about(each, envelope.receipt.body, model)
    )


def _is_about(release: SignedRelease, body: ReceiptBody, model: Address) -> bool:
    # In a bulk, a vault accounts only for the datasets whose log entries it proved.
    if not isinstance(body.bulk, UnsetType):
        return any(parse_entry(proof.entry.encode()).asset == model for proof in release.bulk)
    return body.dataset is not None and body.dataset.address == model


async def _unlogged(conn: Connection, model: Address, logs: Sequence[VerifiedLog]) -> frozenset[TaskId]:
    entries = [entry for log in logs for entry in log.entries]
    owners = {await Assets(conn.hub).owner(model), *(entry.owner for entry in entries)}
    topics, last = [interface("Hub").topic("Reward")], (await conn.node.block()).number
    events = parse_events(await conn.node.logs(conn.hub.address, [topics], first=0, last=last))
    rewarded = {event.task for event in events if isinstance(event, Reward) and event.account in owners}
    paid = await _tasks(conn, rewarded - {entry.task for entry in entries})
    unlogged = [task for task, one in paid.items() if one.model == model]
    refused = await asyncio.gather(*(_is_refused(conn, task) for task in unlogged))
    return frozenset(task for task, is_refused in zip(unlogged, refused, strict=True) if not is_refused)


async def _is_refused(conn: Connection, task: TaskId) -> bool:
    """Return whether t vaults proved that they refused a paid task, so no enclave got the model's key."""
    try:
        document = await fetch_receipt(conn, task)
        return bool(parse_envelope(document).refusal) and (await verify_online(conn, document)).ok
    except SealgridError:
        return False
