"""Quotas and eviction of a storage node: a pure state machine without clock, disk or socket.

Each event is a method that returns effects, or raises QuotaReached or StoreFull and changes nothing. A file with
several holds is charged to each client and removed with the last hold.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from sealgrid.errors import NotFound, QuotaReached, StoreFull, TicketRefused
from sealgrid.storage.content_folder import disk_bytes
from sealgrid.storage_node.quota_types import (
    UPLOADS,
    ClientKind,
    Counts,
    DropUpload,
    Effect,
    FileHold,
    RecordChainReference,
    RecordHold,
    RemoveFile,
    RemoveHold,
    StorageClientId,
    StorageLimits,
    quota_reached,
    store_full,
)
from sealgrid.units import Address, Digest

SLOW_SECONDS: Final = 60.0  #: the minimum rate applies after this time
FRESH_SECONDS: Final = 3600.0  #: lifetime of the answer that no asset on the chain names a file
_NOTHING: Final[Counts] = (0, 0, 0)

#: Kinds whose files and stalled uploads are evicted for a client of a kind, in this order.
_EVICTION_ORDER: Final[dict[ClientKind, tuple[ClientKind, ...]]] = {
    ClientKind.ADDRESS: (ClientKind.ADDRESS,),
    ClientKind.ACCOUNT: (ClientKind.ADDRESS, ClientKind.ACCOUNT),
    ClientKind.RESULT: (ClientKind.ADDRESS, ClientKind.RESULT),
}


@dataclass(slots=True)
class _OpenUpload:
    client: StorageClientId
    limit: int | None  #: declared bytes, reserved at the start
    opened: float
    touched: float
    size: int = 0
    busy: int = 0  #: pieces in progress

    @property
    def disk(self) -> int:
        return disk_bytes(max(self.size, self.limit or 0))


@dataclass(slots=True)
class _QuotaFile:
    kind: ClientKind  #: the highest kind that ever had a hold; the file counts for it
    disk: int = 0
    holds: dict[str, FileHold] = field(default_factory=dict)
    named: bool = False  #: by the chain
    checked: float = -1.0  #: time of the last chain check; negative for never


@dataclass(slots=True)
class _EvictionPlan:
    """Uploads and holds to evict, before any change."""

    uploads: list[str] = field(default_factory=list)
    evicted: list[FileHold] = field(default_factory=list)
    by_client: dict[str, Counts] = field(default_factory=dict)
    by_kind: dict[ClientKind, Counts] = field(default_factory=dict)

    def free(self, client: str, kind: ClientKind, charged: Counts, used: Counts | None = None) -> None:
        self.by_client[client] = _plus(self.by_client.get(client, _NOTHING), charged)
        self.by_kind[kind] = _plus(self.by_kind.get(kind, _NOTHING), charged if used is None else used)


class StorageQuotas:
    """Files, holds and open uploads of one node. Every ``now`` is Unix seconds.

    With ``checks_chain`` no file expires or is evicted before a check whether assets on the chain name it.
    """

    def __init__(
        self, limits: StorageLimits, *, checks_chain: bool, holds: Iterable[FileHold] = (), named: Iterable[Digest] = ()
    ) -> None:
        self.limits, self._checks_chain = limits, checks_chain
        self._files: dict[Digest, _QuotaFile] = {}
        self._open: dict[str, _OpenUpload] = {}
        self._clients: dict[str, dict[Digest, FileHold]] = {}
        self._by_kind: dict[ClientKind, set[str]] = {kind: set() for kind in ClientKind}
        self._used: dict[ClientKind, Counts] = dict.fromkeys(ClientKind, _NOTHING)
        self._charged: dict[str, Counts] = {}
        for hold in holds:
            self._add(hold)
        for file in named:
            if file in self._files:
                self._files[file].named = True

    def used(self, kind: ClientKind) -> Counts:
        """Return the usage of clients of a kind."""
        return self._used[kind]

    def charged(self, client: str) -> Counts:
        """Return the usage charged to one client."""
        return self._charged.get(client, _NOTHING)

    def files(self) -> list[Digest]:
        """Return all files with a hold, also those that the disk has lost."""
        return list(self._files)

    def is_kept(self, file: Digest, now: float) -> bool:
        """Return whether a client's hold on a file has not expired, or an asset on the chain names the file."""
        return self.is_named(file) or any(hold.until > now for hold in self.holds(file))

    def holds(self, file: Digest) -> tuple[FileHold, ...]:
        """Return the holds on a file."""
        return tuple(self._files[file].holds.values()) if file in self._files else ()

    # Uploads

    def begin(self, upload: str, client: StorageClientId, size: int | None, now: float) -> tuple[Effect, ...]:
        """Open an upload; ``size`` is the size in its ticket, None without a ticket."""
        started = _OpenUpload(client, size, now, now)
        effects = self._admit(client, (started.disk, 1, 1), now)
        self._open[upload] = started
        self._charge(client, (started.disk, 1, 1))
        return effects

    def grow(self, upload: str, more: int, now: float) -> tuple[Effect, ...]:
        """Reserve ``more`` bytes for a piece of an upload; call ``piece_written`` when it is on disk."""
        entry = self._find(upload)
        if entry.limit is not None and entry.size + more > entry.limit:  # (ticket.7)
            raise TicketRefused(
                "ticket.7",
                f"the file has more than the {entry.limit} bytes of its ticket; sign a ticket for the whole file.",
            )
        entry.touched = now
        before = entry.disk
        after = disk_bytes(max(entry.size + more, entry.limit or 0))
        entry.busy += 1
        try:
            effects = self._admit(entry.client, (after - before, 0, 0), now) if after > before else ()
        except (QuotaReached, StoreFull):
            entry.busy -= 1
            raise
        entry.size += more
        self._charge(entry.client, (after - before, 0, 0))
        return effects

    def piece_written(self, upload: str, now: float) -> None:
        """Record that a piece is on disk."""
        if upload in self._open:
            entry = self._open[upload]
            entry.busy, entry.touched = entry.busy - 1, now

    def mark_busy(self, upload: str) -> None:
        """Protect an upload from being dropped while it becomes durable."""
        self._find(upload).busy += 1

    def drop(self, upload: str) -> tuple[Effect, ...]:
        """Discard an upload; no effect if it is not open."""
        entry = self._open.pop(upload, None)
        if entry is None:
            return ()
        self._charge(entry.client, (-entry.disk, -1, -1))
        return (DropUpload(upload),)

    def store(
        self, upload: str, file: Digest, size: int, now: float, account: Address | None = None
    ) -> tuple[Effect, ...]:
        """Convert a finished upload to a file of ``size`` bytes of disk, for ``account``."""
        client = self._find(upload).client
        self.drop(upload)
        seconds = {
            ClientKind.ADDRESS: self.limits.address_seconds,
            ClientKind.ACCOUNT: self.limits.account_seconds,
            ClientKind.RESULT: self.limits.result_seconds,
        }[client.kind]
        pinned = now + seconds if client.kind is ClientKind.RESULT else 0.0
        earlier = self._files[file].holds.get(client.name) if file in self._files else None
        if earlier is not None and earlier.account is not None:
            account = earlier.account  # who stores public bytes again at a shared client gets no right over them
        hold = FileHold(file, client.name, client.kind, size, now, now + seconds, pinned, account)
        self._add(hold)
        return (RecordHold(hold),)

    # Files

    def read(self, file: Digest, now: float) -> tuple[Effect, ...]:
        """Extend the expiry of account files after a read, at most once an hour each."""
        effects: list[Effect] = []
        for hold in self.holds(file):
            until = now + self.limits.account_seconds
            if hold.kind is ClientKind.ACCOUNT and until > hold.until + 3600:
                effects.append(self._replace(replace(hold, until=until)))
        return tuple(effects)

    def mark_opened(self, file: Digest, reader: Address, now: float) -> tuple[Effect, ...]:
        """Shorten the expiry of a result that its reader opened; ignore other files and readers."""
        until = now + self.limits.opened_seconds
        return tuple(
            self._replace(replace(hold, pinned=0.0, until=min(hold.until, until)))
            for hold in self.holds(file)
            if hold.account == reader and hold.pinned
        )

    def remove(self, file: Digest, accounts: Collection[Address], issued: int) -> tuple[Effect, ...]:
        """Remove the holds of these accounts on a file, and the file with its last hold, even if the chain names it.

        Results, and what was stored after ``issued``, stay. Raises NotFound for an unknown file.
        """
        if file not in self._files:
            raise NotFound("no such file is stored here.")
        effects: list[Effect] = []
        for hold in self.holds(file):
            stored_for = {hold.account, hold.client} & set(accounts)
            if stored_for and hold.kind is not ClientKind.RESULT and int(hold.stored) <= issued:
                effects += self._remove_hold(file, hold.client)
        return tuple(effects)

    def due_for_chain_check(self, now: float, most: int) -> list[Digest]:
        """Return at most ``most`` files that need a chain check, least recently checked first."""
        due = [
            (entry.checked, file)
            for file, entry in self._files.items()
            if not entry.named
            and entry.kind is not ClientKind.RESULT
            and now - max(entry.checked, *(hold.stored for hold in entry.holds.values())) >= self.limits.min_age_seconds
        ]
        return [file for _, file in sorted(due)[:most]]

    def apply_chain_answer(self, files: Iterable[Digest], named: Iterable[Digest], now: float) -> tuple[Effect, ...]:
        """Apply the result of a chain check; files that assets name never expire."""
        on_chain, effects = set(named), []
        for file in (file for file in files if file in self._files):
            entry = self._files[file]
            entry.checked = now
            if file in on_chain and not entry.named:
                entry.named = True
                effects.append(RecordChainReference(file))
        return tuple(effects)

    def is_named(self, file: Digest) -> bool:
        """Return whether an asset on the chain names a file."""
        return file in self._files and self._files[file].named

    def tick(self, now: float) -> tuple[Effect, ...]:
        """Drop silent uploads."""
        effects: list[Effect] = []
        for upload, entry in list(self._open.items()):
            patience = (
                self.limits.silence_seconds
                if entry.size
                else min(self.limits.stall_seconds, self.limits.silence_seconds)
            )
            if not entry.busy and now - entry.touched > patience:
                effects += self.drop(upload)
        return tuple(effects)

    def expire(self, now: float) -> tuple[Effect, ...]:
        """Remove expired files, except those that an asset on the chain names or may name."""
        effects: list[Effect] = []
        for file, stored in list(self._files.items()):
            for hold in list(stored.holds.values()):
                if hold.until <= now and self._removable(hold, now):
                    effects += self._remove_hold(file, hold.client)
        return tuple(effects)

    # Room

    def _admit(self, client: StorageClientId, more: Counts, now: float) -> tuple[Effect, ...]:
        """Evict until ``more`` fits; change nothing if it cannot fit."""
        plan = _EvictionPlan()
        while (over := self._over_quota(client, more, plan)) is not None:
            if not self._plan_drop(plan, now, only=client.name, kinds=tuple(ClientKind)):
                raise quota_reached(client, over)
        while (over := self._over_share(client.kind, more, plan)) is not None:
            dropped = self._plan_drop(plan, now, only=None, kinds=_EVICTION_ORDER[client.kind])
            if not dropped and (over == UPLOADS or not self._plan_eviction(plan, client, more, now)):
                raise store_full(client.kind, over)
        effects = [effect for upload in plan.uploads for effect in self.drop(upload)]
        effects += [effect for hold in plan.evicted for effect in self._remove_hold(hold.file, hold.client)]
        return tuple(effects)

    def _over_quota(self, client: StorageClientId, more: Counts, plan: _EvictionPlan) -> int | None:
        """Return the index of the count that exceeds the client's quota."""
        after = _plus(self.charged(client.name), more, plan.by_client.get(client.name, _NOTHING))
        return next((n for n in range(3) if more[n] and after[n] > client.quota[n]), None)

    def _over_share(self, kind: ClientKind, more: Counts, plan: _EvictionPlan) -> int | None:
        """Return the index of the count that exceeds the share of the kind or of a higher kind."""
        total = _plus(*(self._planned_usage(each, plan) for each in ClientKind if each < kind), _NOTHING)
        for upper in (each for each in ClientKind if each >= kind):
            total = _plus(total, self._planned_usage(upper, plan))
            after, cap = _plus(total, more), self.limits.cap(upper)
            for index in range(3):
                if more[index] and after[index] > cap[index]:
                    return index
        return None

    def _planned_usage(self, kind: ClientKind, plan: _EvictionPlan) -> Counts:
        return _plus(self.used(kind), plan.by_kind.get(kind, _NOTHING))

    def _plan_drop(self, plan: _EvictionPlan, now: float, *, only: str | None, kinds: tuple[ClientKind, ...]) -> bool:
        """Plan to drop a stalled upload: the longest silent one of the client with the most uploads."""
        stalled = [
            (-self.charged(entry.client.name)[2], entry.touched, upload)
            for upload, entry in self._open.items()
            if upload not in plan.uploads
            and entry.client.kind in kinds
            and only in {None, entry.client.name}
            and self._is_stalled(entry, now)
        ]
        if not stalled:
            return False
        upload = min(stalled)[2]
        entry = self._open[upload]
        plan.uploads.append(upload)
        plan.free(entry.client.name, entry.client.kind, (-entry.disk, -1, -1))
        return True

    def _plan_eviction(self, plan: _EvictionPlan, client: StorageClientId, more: Counts, now: float) -> bool:
        """Plan to evict a file: the oldest one of the largest client of the lowest kind.

        A client never evicts files of a smaller client of its own kind.
        """
        own = _plus(self.charged(client.name), more)[0]
        for kind in _EVICTION_ORDER[client.kind]:
            most = sorted(self._by_kind[kind], key=lambda name: (-self._planned_bytes(name, plan), name))
            for name in most:
                if kind is client.kind and name != client.name and self._planned_bytes(name, plan) < own:
                    break
                hold = self._evictable(name, plan, now)
                if hold is not None:
                    entry = self._files[hold.file]
                    plan.evicted.append(hold)
                    last = all(other in plan.evicted for other in entry.holds.values())
                    plan.free(hold.client, entry.kind, (-hold.size, -1, 0), (-entry.disk, -1, 0) if last else _NOTHING)
                    return True
        return False

    def _planned_bytes(self, client: str, plan: _EvictionPlan) -> int:
        return _plus(self.charged(client), plan.by_client.get(client, _NOTHING))[0]

    def _evictable(self, client: str, plan: _EvictionPlan, now: float) -> FileHold | None:
        for hold in self._clients.get(client, {}).values():
            if now - hold.stored < self.limits.min_age_seconds:
                return None  # holds are ordered by storage time
            if hold not in plan.evicted and self._removable(hold, now):
                return hold
        return None

    def _is_stalled(self, entry: _OpenUpload, now: float) -> bool:
        age = now - entry.opened
        slow = age > SLOW_SECONDS and entry.size < self.limits.min_rate * age
        return not entry.busy and (slow or now - entry.touched > self.limits.stall_seconds)

    def _removable(self, hold: FileHold, now: float) -> bool:
        entry = self._files[hold.file]
        if entry.named or hold.pinned > now:
            return False
        fresh = entry.checked >= 0 and now - entry.checked <= FRESH_SECONDS and entry.checked >= hold.stored
        return fresh or not self._checks_chain or hold.kind is ClientKind.RESULT

    def _find(self, upload: str) -> _OpenUpload:
        if upload not in self._open:
            raise NotFound("no such upload is open; start again: silent uploads are removed.")
        return self._open[upload]

    # Accounts

    def _charge(self, client: StorageClientId, more: Counts) -> None:
        self._charge_client(client.name, more)
        self._used[client.kind] = _plus(self._used[client.kind], more)

    def _charge_client(self, client: str, more: Counts) -> None:
        self._charged[client] = _plus(self.charged(client), more)
        if self._charged[client] == _NOTHING:
            del self._charged[client]

    def _add(self, hold: FileHold) -> None:
        entry = self._files.get(hold.file)
        if entry is None:
            entry = self._files[hold.file] = _QuotaFile(hold.kind)
        else:
            self._used[entry.kind] = _plus(self._used[entry.kind], (-entry.disk, -1, 0))
        entry.kind, entry.disk = max(entry.kind, hold.kind), max(entry.disk, hold.size)
        self._used[entry.kind] = _plus(self._used[entry.kind], (entry.disk, 1, 0))
        if (earlier := entry.holds.get(hold.client)) is not None:
            self._charge_client(hold.client, (-earlier.size, -1, 0))
            del self._clients[hold.client][hold.file]
        entry.holds[hold.client] = hold
        self._clients.setdefault(hold.client, {})[hold.file] = hold
        self._by_kind[hold.kind].add(hold.client)
        self._charge_client(hold.client, (hold.size, 1, 0))

    def _replace(self, hold: FileHold) -> RecordHold:
        self._files[hold.file].holds[hold.client] = self._clients[hold.client][hold.file] = hold
        return RecordHold(hold)

    def _remove_hold(self, file: Digest, client: str) -> list[Effect]:
        entry = self._files[file]
        lost = entry.holds.pop(client)
        self._charge_client(client, (-lost.size, -1, 0))
        del self._clients[client][file]
        if not self._clients[client]:
            del self._clients[client]
            self._by_kind[lost.kind].discard(client)
        if entry.holds:
            return [RemoveHold(file, client)]
        self._used[entry.kind] = _plus(self._used[entry.kind], (-entry.disk, -1, 0))
        del self._files[file]
        return [RemoveHold(file, client), RemoveFile(file)]


def _plus(*counts: Counts) -> Counts:
    size, files, uploads = (sum(column) for column in zip(*counts, strict=True))
    return size, files, uploads
