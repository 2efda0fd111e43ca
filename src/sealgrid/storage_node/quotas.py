"""Who may store how much at a node, and whose files make room: a state machine without clock, disk or socket.

Each event is a method. It returns effects for the node to carry out, or raises QuotaReached or StoreFull and changes
nothing. A file that several clients stored is charged to each of them and goes when the last of them loses it.
"""

from collections.abc import Iterable
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

SLOW_SECONDS: Final = 60.0  #: an upload may be slower at its beginning
FRESH_SECONDS: Final = 3600.0  #: for so long it holds that the chain does not name a file
_NOTHING: Final[Counts] = (0, 0, 0)

#: Whose files and stalled uploads make room for a client of a kind, the first ones first.
_MAKE_ROOM: Final[dict[ClientKind, tuple[ClientKind, ...]]] = {
    ClientKind.ADDRESS: (ClientKind.ADDRESS,),
    ClientKind.ACCOUNT: (ClientKind.ADDRESS, ClientKind.ACCOUNT),
    ClientKind.RESULT: (ClientKind.ADDRESS, ClientKind.RESULT),
}


@dataclass(slots=True)
class _OpenUpload:
    client: StorageClientId
    limit: int | None  #: declared bytes; their disk is reserved from the beginning
    opened: float
    touched: float
    size: int = 0
    busy: int = 0  #: pieces that are being written

    @property
    def disk(self) -> int:
        return disk_bytes(max(self.size, self.limit or 0))


@dataclass(slots=True)
class _QuotaFile:
    kind: ClientKind  #: for which it counts: the highest of those who ever held it
    disk: int = 0
    holds: dict[str, FileHold] = field(default_factory=dict)
    named: bool = False  #: by the chain
    asked: float = -1.0  #: when the chain was last asked; negative for never


@dataclass(slots=True)
class _EvictionPlan:
    """What would make room, before it is done."""

    uploads: list[str] = field(default_factory=list)
    lost: list[FileHold] = field(default_factory=list)
    of_clients: dict[str, Counts] = field(default_factory=dict)
    of_kinds: dict[ClientKind, Counts] = field(default_factory=dict)

    def free(self, client: str, kind: ClientKind, charged: Counts, used: Counts | None = None) -> None:
        self.of_clients[client] = _plus(self.of_clients.get(client, _NOTHING), charged)
        self.of_kinds[kind] = _plus(self.of_kinds.get(kind, _NOTHING), charged if used is None else used)


class StorageQuotas:
    """Files, holds and open uploads of one node. Every ``now`` is Unix seconds.

    With ``asks`` the node can ask which files the chain names, and none expires or is evicted before it asked.
    """

    def __init__(
        self, limits: StorageLimits, *, asks: bool, holds: Iterable[FileHold] = (), named: Iterable[Digest] = ()
    ) -> None:
        self.limits, self._asks = limits, asks
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
        """Return what counts for clients of a kind."""
        return self._used[kind]

    def charged(self, client: str) -> Counts:
        """Return what is charged to one client."""
        return self._charged.get(client, _NOTHING)

    def holds(self, file: Digest) -> tuple[FileHold, ...]:
        """Return who has the node keep a file."""
        return tuple(self._files[file].holds.values()) if file in self._files else ()

    # Uploads

    def begin(self, upload: str, client: StorageClientId, size: int | None, now: float) -> tuple[Effect, ...]:
        """Open an upload; ``size`` is what its ticket declares, None for an upload without a ticket."""
        started = _OpenUpload(client, size, now, now)
        effects = self._admit(client, (started.disk, 1, 1), now)
        self._open[upload] = started
        self._charge(client, (started.disk, 1, 1))
        return effects

    def grow(self, upload: str, more: int, now: float) -> tuple[Effect, ...]:
        """Write ``more`` bytes to an upload; ``wrote`` says when that is done."""
        known = self._find(upload)
        if known.limit is not None and known.size + more > known.limit:  # (ticket.7)
            raise TicketRefused("ticket.7", f"the upload's ticket is for {known.limit} bytes, and more came.")
        known.touched = now
        before = known.disk
        after = disk_bytes(max(known.size + more, known.limit or 0))
        known.busy += 1
        try:
            effects = self._admit(known.client, (after - before, 0, 0), now) if after > before else ()
        except (QuotaReached, StoreFull):
            known.busy -= 1
            raise
        known.size += more
        self._charge(known.client, (after - before, 0, 0))
        return effects

    def wrote(self, upload: str, now: float) -> None:
        """Note that a piece is on the disk."""
        if upload in self._open:
            known = self._open[upload]
            known.busy, known.touched = known.busy - 1, now

    def keep_busy(self, upload: str) -> None:
        """Keep an upload from being dropped while it is made durable."""
        self._find(upload).busy += 1

    def drop(self, upload: str) -> tuple[Effect, ...]:
        """Discard an upload; none when it is not open."""
        known = self._open.pop(upload, None)
        if known is None:
            return ()
        self._charge(known.client, (-known.disk, -1, -1))
        return (DropUpload(upload),)

    def store(
        self, upload: str, file: Digest, size: int, now: float, reader: Address | None = None
    ) -> tuple[Effect, ...]:
        """Turn a finished upload into a file of ``size`` bytes of disk."""
        client = self._find(upload).client
        self.drop(upload)
        seconds = {
            ClientKind.ADDRESS: self.limits.address_seconds,
            ClientKind.ACCOUNT: self.limits.account_seconds,
            ClientKind.RESULT: self.limits.result_seconds,
        }[client.kind]
        pinned = now + seconds if client.kind is ClientKind.RESULT else 0.0
        hold = FileHold(file, client.name, client.kind, size, now, now + seconds, pinned, reader)
        self._add(hold)
        return (RecordHold(hold),)

    # Files

    def read(self, file: Digest, now: float) -> tuple[Effect, ...]:
        """Note that a file was read: what accounts stored expires a time after that. At most once an hour each."""
        effects: list[Effect] = []
        for hold in self.holds(file):
            until = now + self.limits.account_seconds
            if hold.kind is ClientKind.ACCOUNT and until > hold.until + 3600:
                effects.append(self._replace(replace(hold, until=until)))
        return tuple(effects)

    def opened(self, file: Digest, reader: Address, now: float) -> tuple[Effect, ...]:
        """Let a result go that its reader opened; nothing happens for any other file or reader."""
        until = now + self.limits.opened_seconds
        return tuple(
            self._replace(replace(hold, pinned=0.0, until=min(hold.until, until)))
            for hold in self.holds(file)
            if hold.reader == reader and hold.pinned
        )

    def to_ask(self, now: float, most: int) -> list[Digest]:
        """Return files of which the chain should be asked whether it names them, those asked the longest ago first."""
        due = [
            (known.asked, file)
            for file, known in self._files.items()
            if not known.named
            and known.kind is not ClientKind.RESULT
            and now - max(known.asked, *(hold.stored for hold in known.holds.values())) >= self.limits.young
        ]
        return [file for _, file in sorted(due)[:most]]

    def answered(self, asked: Iterable[Digest], named: Iterable[Digest], now: float) -> tuple[Effect, ...]:
        """Take the chain's answer; a file that it names stays."""
        yes, effects = set(named), []
        for file in (file for file in asked if file in self._files):
            known = self._files[file]
            known.asked = now
            if file in yes and not known.named:
                known.named = True
                effects.append(RecordChainReference(file))
        return tuple(effects)

    def is_named(self, file: Digest) -> bool:
        """Return whether the chain names a file."""
        return file in self._files and self._files[file].named

    def tick(self, now: float) -> tuple[Effect, ...]:
        """Drop uploads that are silent."""
        effects: list[Effect] = []
        for upload, known in list(self._open.items()):
            patience = self.limits.silence if known.size else min(self.limits.stalled, self.limits.silence)
            if not known.busy and now - known.touched > patience:
                effects += self.drop(upload)
        return tuple(effects)

    def expire(self, now: float) -> tuple[Effect, ...]:
        """Remove files whose time is over, but for those that the chain names or may name."""
        effects: list[Effect] = []
        for file, stored in list(self._files.items()):
            for hold in list(stored.holds.values()):
                if hold.until <= now and self._removable(hold, now):
                    effects += self._lose(file, hold.client)
        return tuple(effects)

    # Room

    def _admit(self, client: StorageClientId, more: Counts, now: float) -> tuple[Effect, ...]:
        """Make room for ``more`` of a client; change nothing when there is none."""
        plan = _EvictionPlan()
        while (over := self._over_quota(client, more, plan)) is not None:
            if not self._plan_drop(plan, now, only=client.name, kinds=tuple(ClientKind)):
                raise quota_reached(client, over)
        while (over := self._over_share(client.kind, more, plan)) is not None:
            found = self._plan_drop(plan, now, only=None, kinds=_MAKE_ROOM[client.kind])
            if not found and (over == UPLOADS or not self._plan_eviction(plan, client, more, now)):
                raise store_full(client.kind, over)
        effects = [effect for upload in plan.uploads for effect in self.drop(upload)]
        effects += [effect for hold in plan.lost for effect in self._lose(hold.file, hold.client)]
        return tuple(effects)

    def _over_quota(self, client: StorageClientId, more: Counts, plan: "_EvictionPlan") -> int | None:
        """Return the index of the count that goes beyond the client's own quota."""
        after = _plus(self.charged(client.name), more, plan.of_clients.get(client.name, _NOTHING))
        return next((n for n in range(3) if more[n] and after[n] > client.quota[n]), None)

    def _over_share(self, kind: ClientKind, more: Counts, plan: "_EvictionPlan") -> int | None:
        """Return the index of the count that goes beyond the share of the kind, or of one above it."""
        total = _plus(*(self._now_used(each, plan) for each in ClientKind if each < kind), _NOTHING)
        for upper in (each for each in ClientKind if each >= kind):
            total = _plus(total, self._now_used(upper, plan))
            after, cap = _plus(total, more), self.limits.cap(upper)
            for index in range(3):
                if more[index] and after[index] > cap[index]:
                    return index
        return None

    def _now_used(self, kind: ClientKind, plan: "_EvictionPlan") -> Counts:
        return _plus(self.used(kind), plan.of_kinds.get(kind, _NOTHING))

    def _plan_drop(self, plan: "_EvictionPlan", now: float, *, only: str | None, kinds: tuple[ClientKind, ...]) -> bool:
        """Plan to drop a stalled upload: of the client with most of them, the longest silent."""
        found = [
            (-self.charged(known.client.name)[2], known.touched, upload)
            for upload, known in self._open.items()
            if upload not in plan.uploads
            and known.client.kind in kinds
            and only in {None, known.client.name}
            and self._is_stalled(known, now)
        ]
        if not found:
            return False
        upload = min(found)[2]
        known = self._open[upload]
        plan.uploads.append(upload)
        plan.free(known.client.name, known.client.kind, (-known.disk, -1, -1))
        return True

    def _plan_eviction(self, plan: "_EvictionPlan", client: StorageClientId, more: Counts, now: float) -> bool:
        """Plan to evict a file: of the lowest kind, of the client that holds most of it, the oldest.

        A client never evicts what a client of its own kind holds that has less than itself.
        """
        own = _plus(self.charged(client.name), more)[0]
        for kind in _MAKE_ROOM[client.kind]:
            most = sorted(self._by_kind[kind], key=lambda name: (-self._left(name, plan), name))
            for name in most:
                if kind is client.kind and name != client.name and self._left(name, plan) < own:
                    break
                hold = self._evictable(name, plan, now)
                if hold is not None:
                    self._plan_loss(plan, hold)
                    return True
        return False

    def _left(self, client: str, plan: "_EvictionPlan") -> int:
        return _plus(self.charged(client), plan.of_clients.get(client, _NOTHING))[0]

    def _evictable(self, client: str, plan: "_EvictionPlan", now: float) -> FileHold | None:
        for hold in self._clients.get(client, {}).values():
            if now - hold.stored < self.limits.young:
                return None  # holds stand in the order in which they were stored
            if hold not in plan.lost and self._removable(hold, now):
                return hold
        return None

    def _plan_loss(self, plan: "_EvictionPlan", hold: FileHold) -> None:
        known = self._files[hold.file]
        plan.lost.append(hold)
        last = all(other in plan.lost for other in known.holds.values())
        plan.free(hold.client, known.kind, (-hold.size, -1, 0), (-known.disk, -1, 0) if last else _NOTHING)

    def _is_stalled(self, known: _OpenUpload, now: float) -> bool:
        age = now - known.opened
        slow = age > SLOW_SECONDS and known.size < self.limits.slowest * age
        return not known.busy and (slow or now - known.touched > self.limits.stalled)

    def _removable(self, hold: FileHold, now: float) -> bool:
        known = self._files[hold.file]
        if known.named or hold.pinned > now:
            return False
        fresh = known.asked >= 0 and now - known.asked <= FRESH_SECONDS and known.asked >= hold.stored
        return fresh or not self._asks or hold.kind is ClientKind.RESULT

    def _find(self, upload: str) -> _OpenUpload:
        if upload not in self._open:
            raise NotFound("no such upload is open; start again: silent uploads are removed.")
        return self._open[upload]

    # Accounts

    def _charge(self, client: StorageClientId, more: Counts) -> None:
        self._charge_name(client.name, more)
        self._used[client.kind] = _plus(self._used[client.kind], more)

    def _charge_name(self, client: str, more: Counts) -> None:
        self._charged[client] = _plus(self.charged(client), more)
        if self._charged[client] == _NOTHING:
            del self._charged[client]

    def _add(self, hold: FileHold) -> None:
        known = self._files.get(hold.file)
        if known is None:
            known = self._files[hold.file] = _QuotaFile(hold.kind)
        else:
            self._used[known.kind] = _plus(self._used[known.kind], (-known.disk, -1, 0))
        known.kind, known.disk = max(known.kind, hold.kind), max(known.disk, hold.size)
        self._used[known.kind] = _plus(self._used[known.kind], (known.disk, 1, 0))
        if (earlier := known.holds.get(hold.client)) is not None:
            self._charge_name(hold.client, (-earlier.size, -1, 0))
            del self._clients[hold.client][hold.file]
        known.holds[hold.client] = hold
        self._clients.setdefault(hold.client, {})[hold.file] = hold
        self._by_kind[hold.kind].add(hold.client)
        self._charge_name(hold.client, (hold.size, 1, 0))

    def _replace(self, hold: FileHold) -> RecordHold:
        self._files[hold.file].holds[hold.client] = self._clients[hold.client][hold.file] = hold
        return RecordHold(hold)

    def _lose(self, file: Digest, client: str) -> list[Effect]:
        known = self._files[file]
        lost = known.holds.pop(client)
        self._charge_name(client, (-lost.size, -1, 0))
        del self._clients[client][file]
        if not self._clients[client]:
            del self._clients[client]
            self._by_kind[lost.kind].discard(client)
        if known.holds:
            return [RemoveHold(file, client)]
        self._used[known.kind] = _plus(self._used[known.kind], (-known.disk, -1, 0))
        del self._files[file]
        return [RemoveHold(file, client), RemoveFile(file)]


def _plus(*counts: Counts) -> Counts:
    size, files, uploads = (sum(column) for column in zip(*counts, strict=True))
    return size, files, uploads
