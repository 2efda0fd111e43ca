"""Read what each vault's log says about one asset, and believe only what is proved (docs/protocol/log.md)."""

import asyncio
from dataclasses import dataclass

from sealgrid.attestation.statements import LogHead
from sealgrid.attestation.vault_log import LogEntry, check_entry, check_head, check_witness, contradiction
from sealgrid.crypto.signing import Domain
from sealgrid.errors import LogRefused, SealgridError, ServiceUnavailable
from sealgrid.sdk.connection import Connection
from sealgrid.units import Address
from sealgrid.wire.log import MOST_ENTRIES, Alarm, LogClient, LogPage, WitnessReport


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """One vault's log, as far as it is about one asset and was proved to us."""

    vault: Address
    head: LogHead | None  #: the last that it signed for us; None when it showed none
    entries: tuple[LogEntry, ...]
    trouble: tuple[str, ...]  #: a sentence for each thing that it did not prove


@dataclass(frozen=True, slots=True)
class LogAccusation:
    """What one vault proves against another, or fails to."""

    vault: Address  #: who lied
    sentence: str


async def read_books(conn: Connection, asset: Address) -> tuple[VerifiedLog, ...]:
    """Read every vault's log, in the order of the network's vaults; one that is away has a book with trouble."""
    return tuple(
        await asyncio.gather(
            *(_read(log, vault, asset, conn.domain) for vault, log in zip(conn.vault_addresses, conn.logs, strict=True))
        )
    )


async def hear_witnesses(conn: Connection, books: tuple[VerifiedLog, ...]) -> tuple[LogAccusation, ...]:
    """Have every vault look at the others now; return each contradiction that its signatures prove."""
    reports = await asyncio.gather(*(log.witnesses() for log in conn.logs), return_exceptions=True)
    shown = {book.vault: book.head for book in books if book.head is not None}
    clients = dict(zip(conn.vault_addresses, conn.logs, strict=True))
    found: list[LogAccusation] = []
    for witness, report in zip(conn.vault_addresses, reports, strict=True):
        if isinstance(report, WitnessReport):
            found += [_judged(alarm, witness, conn.domain) for alarm in report.alarms]
            found += await _compared(report, witness, shown, clients, conn.domain)
        elif not isinstance(report, SealgridError):
            raise report
    return tuple(dict.fromkeys(found))


async def _read(log: LogClient, vault: Address, asset: Address, domain: Domain) -> VerifiedLog:
    head: LogHead | None = None
    entries: list[LogEntry] = []
    try:
        first = 0
        while True:
            page = await log.entries_of(asset, first)
            now = check_head(page.head.head, page.head.signature, vault, domain)
            await _expect_grown(log, head, now)
            head = now
            entries += _proved(page, asset, first, head)
            if len(page.entries) < MOST_ENTRIES:
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
            raise LogRefused("log.4", f"vault {head.vault} shows entries out of order or of another asset.")
        entries.append(entry)
        least = each.index + 1
    return entries


async def _expect_grown(log: LogClient, before: LogHead | None, now: LogHead) -> None:
    kind = None if before is None else await _contradiction(log, before, now)
    if kind is not None:
        raise LogRefused("log.6", f"vault {now.vault} showed two logs while it was read ({kind}).")


async def _contradiction(log: LogClient, one: LogHead, other: LogHead) -> str | None:
    held, offered = sorted((one, other), key=lambda head: head.size)
    if one.size > other.size and other.issued > one.issued:
        return "rollback"
    if held.size in (0, offered.size):
        return contradiction(held, offered, ())
    try:
        return contradiction(held, offered, (await log.consistency(held.size, offered.size)).path)
    except ServiceUnavailable:
        return None  # it proves nothing now, and contradicts nothing either


async def _compared(
    report: WitnessReport,
    witness: Address,
    shown: dict[Address, LogHead],
    clients: dict[Address, LogClient],
    domain: Domain,
) -> list[LogAccusation]:
    found = []
    for each in report.heads:
        head = each.head.head
        ours = shown.get(head.vault)
        try:
            check_head(head, each.head.signature, head.vault, domain)
            check_witness(head, witness, each.signature, domain)
            kind = None if ours is None else await _contradiction(clients[head.vault], head, ours)
        except SealgridError as error:
            found.append(LogAccusation(witness, f"passed on a head of vault {head.vault} that does not hold: {error}"))
            continue
        if kind is not None:
            found.append(LogAccusation(head.vault, f"signed one log for us and another for vault {witness} ({kind})."))
    return found


def _judged(alarm: Alarm, witness: Address, domain: Domain) -> LogAccusation:
    try:
        for signed in (alarm.held, alarm.offered):
            check_head(signed.head, signed.signature, alarm.vault, domain)
        true = contradiction(alarm.held.head, alarm.offered.head, alarm.path) is not None
    except LogRefused:
        true = False
    if not true:
        return LogAccusation(
            witness, f"raised an alarm against vault {alarm.vault} that its own evidence does not bear."
        )
    return LogAccusation(
        alarm.vault, f"contradicted its own log ({alarm.kind}); vault {witness} keeps both signatures."
    )
