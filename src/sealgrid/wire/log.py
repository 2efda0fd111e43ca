"""Messages of a vault's public log, and a client (docs/protocol/log.md)."""

from sealgrid.attestation.statements import LogHead
from sealgrid.attestation.vault_log import Contradiction
from sealgrid.units import Address
from sealgrid.wire.message import Message, Transport, call

MAX_ENTRIES = 64  #: in one page


class SignedHead(Message, frozen=True, kw_only=True):
    """A signed tree head (RFC 9162): the whole log at one moment."""

    head: LogHead
    signature: bytes  #: by the vault whose log it is


class LoggedEntry(Message, frozen=True, kw_only=True):
    """One entry with its inclusion path."""

    entry: str  #: canonical LogEntry
    index: int
    path: tuple[bytes, ...]


class LogInclusion(Message, frozen=True, kw_only=True):
    """The proof that a release was logged before its response was sent."""

    head: SignedHead
    logged: LoggedEntry


class LogPage(Message, frozen=True, kw_only=True):
    """Consecutive entries of a log, each with its inclusion path under one head."""

    head: SignedHead
    entries: tuple[LoggedEntry, ...]  #: at most MAX_ENTRIES; a shorter page is the last


class LogPath(Message, frozen=True, kw_only=True):
    """An inclusion or a consistency path."""

    path: tuple[bytes, ...]


class WitnessedHead(Message, frozen=True, kw_only=True):
    """The newest head of another vault's log that is consistent with all heads seen before."""

    head: SignedHead
    signature: bytes  #: of LogWitness, by this vault


class Alarm(Message, frozen=True, kw_only=True):
    """Two heads that one vault signed and that cannot both be true of one log."""

    vault: Address  #: whose log it is
    kind: Contradiction
    held: SignedHead
    offered: SignedHead
    path: tuple[bytes, ...]  #: the consistency path that the vault sent; it does not verify
    raised: int  #: Unix seconds at the witness


class WitnessReport(Message, frozen=True, kw_only=True):
    """One vault's observations of the other vaults' logs."""

    witness: Address
    heads: tuple[WitnessedHead, ...]
    alarms: tuple[Alarm, ...]


class LogClient:
    """Client of one vault's log."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def head(self) -> SignedHead:
        """Return the current signed head."""
        return await call(self._transport, "GET", "/log/head", None, SignedHead)

    async def entries(self, first: int) -> LogPage:
        """Return entries from an index on."""
        return await call(self._transport, "GET", f"/log/entries/{first}", None, LogPage)

    async def entries_of(self, asset: Address, first: int) -> LogPage:
        """Return the entries about one asset from an index on."""
        return await call(self._transport, "GET", f"/log/assets/{asset}/{first}", None, LogPage)

    async def inclusion(self, index: int, size: int) -> LogPath:
        """Return the inclusion path of an entry in the tree of the first ``size`` entries."""
        return await call(self._transport, "GET", f"/log/inclusion/{index}/{size}", None, LogPath)

    async def consistency(self, first: int, second: int) -> LogPath:
        """Return the consistency path between two sizes of the log."""
        return await call(self._transport, "GET", f"/log/consistency/{first}/{second}", None, LogPath)

    async def witnesses(self) -> WitnessReport:
        """Make the vault poll the other logs, and return its report."""
        return await call(self._transport, "GET", "/log/witnesses", None, WitnessReport)
