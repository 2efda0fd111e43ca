"""Assembles a watch from its options: journal, source, schedule and purchases."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from sealgrid.ados.folder_lock import hold_folder
from sealgrid.ados.watch.buyer import NetworkBuyer, PurchaseTerms
from sealgrid.ados.watch.growing_file import GrowingFile
from sealgrid.ados.watch.journal import KEPT_WINDOWS, WatchAssets, WatchIdentity, WatchJournal
from sealgrid.ados.watch.mqtt_source import BrokerAddress, MqttReceiver, parse_broker
from sealgrid.ados.watch.schedule import ScheduleCheckpoint, ScheduleTerms, WindowSchedule
from sealgrid.ados.watch.spool import MessageSpool
from sealgrid.ados.watch.stream import StreamRecord
from sealgrid.ados.watch.watcher import RecordSource, Watcher
from sealgrid.errors import InputRefused
from sealgrid.sdk.client import AsyncClient
from sealgrid.shipped_apps.ados.quality.score import ROWS_AFTER, ROWS_BEFORE


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What a user says about a watch."""

    source: str  #: path of a growing file, or URL of a broker's topic
    journal: Path
    purchase: PurchaseTerms
    interval: int
    after: int | None = None  #: windows; by default those on which scores depend
    grace: float | None = None  #: seconds; by default one interval
    since: float | None = None  #: Unix seconds of the first window; by default the one that has begun
    most_open: int = 16
    at_once: int = 2
    keep: int = KEPT_WINDOWS
    once: bool = False
    broker_password: str | None = field(default=None, repr=False)


async def watch(
    client: AsyncClient, options: WatchOptions, *, clock: Callable[[], float], report: Callable[[str], None]
) -> bool:
    """Follow a source until cancelled, or with ``once`` to its end; return whether no window of this run failed.

    A window that was refused failed, too. Raises InputRefused for a source that cannot be read, for the journal of
    another watch, and while another process has the journal.
    """
    broker = parse_broker(options.source, options.broker_password) if "://" in options.source else None
    if broker is not None and options.once:
        raise InputRefused("--once ends at the end of a file; a broker has none.")
    refusal = f"another process watches with the journal {options.journal}; stop it first, or name another folder."
    with hold_folder(options.journal, refusal):
        return await _watch(client, options, broker, clock, report)


async def _watch(
    client: AsyncClient,
    options: WatchOptions,
    broker: BrokerAddress | None,
    clock: Callable[[], float],
    report: Callable[[str], None],
) -> bool:
    terms = schedule_terms(options)
    journal = WatchJournal(options.journal, _identity(options, terms), options.keep)
    purchase = await _pinned(client, journal, options.purchase)
    checkpoint = journal.checkpoint()
    if checkpoint is None:
        begin = terms.window_of(clock() if options.since is None else options.since)
        size = GrowingFile(Path(options.source)).size if broker is None else 0
        checkpoint = ScheduleCheckpoint(next_window=begin, read_to=size)
        journal.begin(checkpoint)
    open_windows = [each.window for each in journal.windows() if each.state == "due"]
    schedule = WindowSchedule(terms, checkpoint, open_windows)
    buyer = NetworkBuyer(client, purchase)
    receiving = None
    source: RecordSource
    if broker is not None:
        spool = MessageSpool(options.journal / "spool", checkpoint.position)
        receiver = MqttReceiver(broker, _client_id(journal), spool, clock=clock, report=report)
        source = _ReceivedMessages(spool, receiver, schedule)
        receiving = asyncio.create_task(receiver.run())
    else:
        source = GrowingFile(Path(options.source), checkpoint.position)
    watcher = Watcher(source, schedule, journal, buyer, clock=clock, report=report, at_once=options.at_once)
    following = asyncio.create_task(watcher.run(once=options.once))
    try:
        await asyncio.wait([each for each in (following, receiving) if each], return_when=asyncio.FIRST_COMPLETED)
        for each in (following, receiving):
            if each is not None and each.done():
                each.result()
    finally:
        for each in (following, receiving):
            if each is not None:
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each
    return watcher.failures == 0


async def _pinned(client: AsyncClient, journal: WatchJournal, purchase: PurchaseTerms) -> PurchaseTerms:
    """Return the purchase with the addresses of app and model, those of the journal from its second start on."""
    if (assets := journal.assets) is None:
        app, model = await client.apps.show(purchase.app), await client.models.show(purchase.model)
        assets = WatchAssets(app=app.address, model=model.address)
        journal.pin(assets)
    return replace(purchase, app=assets.app, model=assets.model)


def schedule_terms(options: WatchOptions) -> ScheduleTerms:
    """Return the terms of a watch."""
    rows = options.purchase.rows
    return ScheduleTerms(
        interval=options.interval,
        rows=rows,
        before=-(-ROWS_BEFORE // rows),
        after=-(-ROWS_AFTER // rows) if options.after is None else options.after,
        grace=options.interval if options.grace is None else options.grace,
        signed=options.purchase.feed is not None,
        most_open=options.most_open,
    )


class _ReceivedMessages:
    """The spool of a receiver, which makes room in it as it is read."""

    def __init__(self, spool: MessageSpool, receiver: MqttReceiver, schedule: WindowSchedule) -> None:
        self._spool, self._receiver, self._schedule = spool, receiver, schedule

    def read(self) -> tuple[StreamRecord, ...]:
        records = self._spool.read()
        self._receiver.check_room()
        if not records:
            self._spool.remove_before(self._schedule.checkpoint().position)
        return records


def _identity(options: WatchOptions, terms: ScheduleTerms) -> WatchIdentity:
    purchase = options.purchase
    return WatchIdentity(
        source=options.source if "://" in options.source else str(Path(options.source).resolve()),
        app=purchase.app,
        model=purchase.model,
        feed=purchase.feed or "",
        interval=terms.interval,
        rows=terms.rows,
        before=terms.before,
        after=terms.after,
    )


def _client_id(journal: WatchJournal) -> str:
    """Return an identifier of this watch for a broker, which keeps its session by it."""
    return f"sealgrid-{hashlib.sha256(journal.purchase_key(0).encode()).hexdigest()[:16]}"
