"""Read and verify each vault's log about one asset, and cross-check the vaults' heads (docs/protocol/log.md)."""

import asyncio
from dataclasses import dataclass

from sealgrid.attestation.statements import LogHead
from sealgrid.attestation.vault_log import LogEntry, check_entry, check_head, check_witness, contradiction
from sealgrid.crypto.signing import Domain
from sealgrid.errors import LogRefused, SealgridError, ServiceUnavailable
from sealgrid.sdk.connection import Connection
from sealgrid.units import Address
from sealgrid.wire.log import MAX_ENTRIES, Alarm, LogClient, LogPage, WitnessReport


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """The verified entries of one vault's log about one asset."""

    vault: Address
    head: LogHead | None  #: the last signed head; None when the vault returned none
    entries: tuple[LogEntry, ...]
    faults: tuple[str, ...]  #: one sentence a failed proof


@dataclass(frozen=True, slots=True)
class LogAccusation:
    """A proof against a vault: a contradiction, or a false accusation that it made."""

    vault: Address  #: that lied
    sentence: str


async def read_logs(conn: Connection, asset: Address) -> tuple[VerifiedLog, ...]:
    """Read every vault's log, in the order of the network's vaults; failures are in ``faults``."""
    return tuple(
        await asyncio.gather(
            *(_read(log, vault, asset, conn.domain) for vault, log in zip(conn.vault_addresses, conn.logs, strict=True))
        )
    )


async def read_witnesses(conn: Connection, logs: tuple[VerifiedLog, ...]) -> tuple[LogAccusation, ...]:
    """Request a witness report of every vault; return each contradiction that signatures prove."""
    reports = await asyncio.gather(*(log.witnesses() for log in conn.logs), return_exceptions=True)
    heads = {log.vault: log.head for log in logs if log.head is not None}
    clients = dict(zip(conn.vault_addresses, conn.logs, strict=True))
    accusations: list[LogAccusation] = []
    for witness, report in zip(conn.vault_addresses, reports, strict=True):
        if isinstance(report, WitnessReport):
            # One of each vault and kind, as a witness stores them: a longer report costs its reader nothing more.
            alarms = {(alarm.vault, alarm.kind): alarm for alarm in reversed(report.alarms)}
            accusations += [_judge_alarm(alarm, witness, conn.domain) for alarm in alarms.values()]
            accusations += await _compare_heads(report, witness, heads, clients, conn.domain)
        elif not isinstance(report, SealgridError):
            raise report
    return tuple(dict.fromkeys(accusations))


async def _read(log: LogClient, vault: Address, asset: Address, domain: Domain) -> VerifiedLog:
    head: LogHead | None = None
    entries: list[LogEntry] = []
    try:
        first = 0
        while True:
            page = await log.entries_of(asset, first)
            now = check_head(page.head.head, page.head.signature, vault, domain)
            await _check_growth(log, head, now)
            head = now
            entries += _proved(page, asset, first, head)
            if len(page.entries) < MAX_ENTRIES:
                return VerifiedLog(vault, head, tuple(entries), ())
            first = page.entries[-1].index + 1
    except LogRefused as error:
        return VerifiedLog(vault, head, tuple(entries), (f"({error.check}) {error.message}",))
    except SealgridError as error:
        return VerifiedLog(vault, head, tuple(entries), (f"its log cannot be read: {error.message}",))


def _proved(page: LogPage, asset: Address, first: int, head: LogHead) -> list[LogEntry]:
    entries, least = [], first
    for each in page.entries:
        entry = check_entry(each.entry.encode(), each.index, each.path, head)
        if each.index < least or entry.asset != asset:
            raise LogRefused("log.4", f"vault {head.vault} returned entries out of order or of another asset.")
        entries.append(entry)
        least = each.index + 1
    return entries


async def _check_growth(log: LogClient, before: LogHead | None, now: LogHead) -> None:
    kind = None if before is None else await _contradiction(log, before, now)
    if kind is not None:
        raise LogRefused("log.6", f"vault {now.vault} returned two logs during one read ({kind}).")


async def _contradiction(log: LogClient, one: LogHead, other: LogHead) -> str | None:
    smaller, larger = sorted((one, other), key=lambda head: head.size)
    if one.size > other.size and other.issued > one.issued:
        return "rollback"
    if smaller.size in (0, larger.size):
        return contradiction(smaller, larger, ())
    try:
        return contradiction(smaller, larger, (await log.consistency(smaller.size, larger.size)).path)
    except ServiceUnavailable:
        return None  # no consistency proof is no contradiction


async def _compare_heads(
    report: WitnessReport,
    witness: Address,
    heads: dict[Address, LogHead],
    clients: dict[Address, LogClient],
    domain: Domain,
) -> list[LogAccusation]:
    accusations = []
    newest = {each.head.head.vault: each for each in report.heads}  # a witness reports one head of each vault
    for each in newest.values():
        head = each.head.head
        own_head = heads.get(head.vault)
        try:
            check_head(head, each.head.signature, head.vault, domain)
            check_witness(head, witness, each.signature, domain)
            kind = None if own_head is None else await _contradiction(clients[head.vault], head, own_head)
        except SealgridError as error:
            accusations.append(LogAccusation(witness, f"reported an invalid head of vault {head.vault}: {error}"))
            continue
        if kind is not None:
            accusations.append(
                LogAccusation(head.vault, f"signed one log for this client and another for vault {witness} ({kind}).")
            )
    return accusations


def _judge_alarm(alarm: Alarm, witness: Address, domain: Domain) -> LogAccusation:
    try:
        for signed in (alarm.held, alarm.offered):
            check_head(signed.head, signed.signature, alarm.vault, domain)
        true = contradiction(alarm.held.head, alarm.offered.head, alarm.path) is not None
    except LogRefused:
        true = False
    if not true:
        return LogAccusation(witness, f"raised an alarm against vault {alarm.vault} that its evidence does not prove.")
    return LogAccusation(alarm.vault, f"contradicted its own log ({alarm.kind}); vault {witness} has both signatures.")
