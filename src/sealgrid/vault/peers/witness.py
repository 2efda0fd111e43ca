"""Watch the other vaults' logs: follow each from head to head, countersign what follows, keep proof of what does not.

A vault that shows one log to its enclaves and another to its owner must show one of them to the witnesses too.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Column, Integer, LargeBinary, Table, Text, select
from sqlalchemy.dialects.sqlite import insert as upsert

from sealgrid.attestation.vault_log import Contradiction, check_head, contradiction, witness_of
from sealgrid.errors import SealgridError
from sealgrid.units import Address
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.database import VaultDatabase, metadata
from sealgrid.wire.log import Alarm, LogClient, SignedHead, WitnessedHead, WitnessReport

LEAST_SECONDS = 1  #: between two rounds, whoever asks
_log = logging.getLogger("sealgrid")

heads = Table(
    "witnessed_heads",
    metadata,
    Column("vault", Text, primary_key=True),
    Column("head", LargeBinary, nullable=False),
)

alarms = Table(
    "log_alarms",
    metadata,
    Column("vault", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # the first of each kind is proof enough
    Column("alarm", LargeBinary, nullable=False),
    Column("raised", Integer, nullable=False),
)


class WitnessStore:
    """What a vault saw of the others' logs, in its database."""

    def __init__(self, store: VaultDatabase) -> None:
        self._store = store

    def head(self, vault: Address) -> SignedHead | None:
        """Return the newest head of a vault that could be followed."""
        with self._store.reading() as connection:
            found = connection.scalar(select(heads.c.head).where(heads.c.vault == vault))
        return None if found is None else msgspec.json.decode(found, type=SignedHead)

    def follow(self, head: SignedHead) -> None:
        """Remember a newer head."""
        row = {"vault": head.head.vault, "head": msgspec.json.encode(head)}
        with self._store.transaction() as connection:
            connection.execute(upsert(heads).values(row).on_conflict_do_update(index_elements=["vault"], set_=row))

    def alarm(self, alarm: Alarm) -> None:
        """Remember a contradiction for ever; the first of its kind."""
        row = {
            "vault": alarm.vault,
            "kind": alarm.kind,
            "alarm": msgspec.json.encode(alarm),
            "raised": alarm.raised,
        }
        with self._store.transaction() as connection:
            connection.execute(upsert(alarms).values(row).on_conflict_do_nothing())

    def alarms(self) -> tuple[Alarm, ...]:
        """Return every contradiction, the oldest first."""
        with self._store.reading() as connection:
            rows = connection.scalars(select(alarms.c.alarm).order_by(alarms.c.raised)).all()
        return tuple(msgspec.json.decode(row, type=Alarm) for row in rows)


class LogWitnessing:
    """One vault as a witness of the others."""

    def __init__(self, vault: Vault, peers: Mapping[Address, LogClient]) -> None:
        self._vault, self._peers, self._seen = vault, peers, WitnessStore(vault.store)
        self._looking = asyncio.Lock()
        self._looked = 0

    async def look(self) -> WitnessReport:
        """Ask every other vault for its head, unless that was done a moment ago; return what was seen so far."""
        async with self._looking:
            if self._vault.clock() - self._looked >= LEAST_SECONDS:
                await asyncio.gather(*(self._follow(vault, peer) for vault, peer in self._peers.items()))
                self._looked = self._vault.clock()
        return self._report()

    async def keep_looking(self, every: float) -> None:
        """Look for ever, with so many seconds in between."""
        while True:
            await asyncio.sleep(every)
            await self.look()

    async def _follow(self, vault: Address, peer: LogClient) -> None:
        held = self._seen.head(vault)
        try:
            offered = await peer.head()
            check_head(offered.head, offered.signature, vault, self._vault.federation.domain)
            grew = held is not None and 0 < held.head.size < offered.head.size
            path = (await peer.consistency(held.head.size, offered.head.size)).path if held and grew else ()
        except SealgridError as error:
            # A vault that does not answer, or signs nothing, has contradicted nothing.
            _log.warning("vault %s shows no head of its log: %s", vault, error.message)
            return
        self._judge(held, offered, path)

    def _judge(self, held: SignedHead | None, offered: SignedHead, path: Sequence[bytes]) -> None:
        kind = None if held is None else contradiction(held.head, offered.head, path)
        if held is not None and kind is not None:
            self._raise(kind, held, offered, path)
        elif held is None or offered.head.size > held.head.size:
            self._seen.follow(offered)

    def _raise(self, kind: Contradiction, held: SignedHead, offered: SignedHead, path: Sequence[bytes]) -> None:
        vault = offered.head.vault
        _log.error("ALARM %s: vault %s signed two heads of its log that contradict each other", kind, vault)
        raised = self._vault.clock()
        self._seen.alarm(Alarm(vault=vault, kind=kind, held=held, offered=offered, path=tuple(path), raised=raised))

    def _report(self) -> WitnessReport:
        followed = [head for peer in self._peers if (head := self._seen.head(peer)) is not None]
        return WitnessReport(
            witness=self._vault.us,
            heads=tuple(WitnessedHead(head=head, signature=self._countersigned(head)) for head in followed),
            alarms=self._seen.alarms(),
        )

    def _countersigned(self, head: SignedHead) -> bytes:
        return self._vault.sign(witness_of(head.head, self._vault.us))
