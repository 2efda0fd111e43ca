"""What a vault tells about its log, to anybody (docs/protocol/log.md)."""

from sealgrid.attestation.statements import LogHead
from sealgrid.attestation.vault_log import Contradiction
from sealgrid.units import Address
from sealgrid.wire.message import Message, Transport, call

MOST_ENTRIES = 64  #: in one answer


class SignedHead(Message, frozen=True, kw_only=True):
    """The whole log at one moment."""

    head: LogHead
    signature: bytes  #: by the vault whose log it is


class LoggedEntry(Message, frozen=True, kw_only=True):
    """One entry and the proof that it stands under a head."""

    entry: str  #: canonical LogEntry
    index: int
    path: tuple[bytes, ...]


class LogInclusion(Message, frozen=True, kw_only=True):
    """The proof that a release was logged before it was answered."""

    head: SignedHead
    logged: LoggedEntry


class LogPage(Message, frozen=True, kw_only=True):
    """Some entries of a log, in its order, each proved under one head."""

    head: SignedHead
    entries: tuple[LoggedEntry, ...]  #: at most MOST_ENTRIES; fewer than that end the list


class LogPath(Message, frozen=True, kw_only=True):
    """An inclusion or a consistency path."""

    path: tuple[bytes, ...]


class WitnessedHead(Message, frozen=True, kw_only=True):
    """The newest head of another vault that this one saw and could follow."""

    head: SignedHead
    signature: bytes  #: of LogWitness, by this vault


class Alarm(Message, frozen=True, kw_only=True):
    """Two heads that one vault signed and that cannot both be true of one log."""

    vault: Address  #: whose log it is
    kind: Contradiction
    held: SignedHead
    offered: SignedHead
    path: tuple[bytes, ...]  #: what the vault gave as proof that one follows from the other; it does not hold
    raised: int  #: Unix seconds at the witness


class WitnessReport(Message, frozen=True, kw_only=True):
    """What one vault saw of the others' logs."""

    witness: Address
    heads: tuple[WitnessedHead, ...]
    alarms: tuple[Alarm, ...]


class LogClient:
    """Read one vault's log."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def head(self) -> SignedHead:
        """Return the log as it is now."""
        return await call(self._transport, "GET", "/log/head", None, SignedHead)

    async def entries(self, first: int) -> LogPage:
        """Return entries from an index on."""
        return await call(self._transport, "GET", f"/log/entries/{first}", None, LogPage)

    async def entries_of(self, asset: Address, first: int) -> LogPage:
        """Return the entries about one asset from an index on."""
        return await call(self._transport, "GET", f"/log/assets/{asset}/{first}", None, LogPage)

    async def inclusion(self, index: int, size: int) -> LogPath:
        """Return the path of an entry in the tree that the log once was."""
        return await call(self._transport, "GET", f"/log/inclusion/{index}/{size}", None, LogPath)

    async def consistency(self, first: int, second: int) -> LogPath:
        """Return the path by which one state of the log follows from an earlier one."""
        return await call(self._transport, "GET", f"/log/consistency/{first}/{second}", None, LogPath)

    async def witnesses(self) -> WitnessReport:
        """Have the vault look at the others' logs now, and return what it saw of them so far."""
        return await call(self._transport, "GET", "/log/witnesses", None, WitnessReport)
