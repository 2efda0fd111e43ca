"""Stores a vault's observations of the other vaults' logs: the newest consistent head of each, and alarms."""

import msgspec
from sqlalchemy import select

from sealgrid.units import Address
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.prepared_statements import PreparedStatement, insert_or_ignore, upsert
from sealgrid.vault.stores.schema import log_alarms, witnessed_heads
from sealgrid.wire.log import Alarm, SignedHead

_SET_HEAD, _ADD_ALARM = PreparedStatement(upsert(witnessed_heads)), PreparedStatement(insert_or_ignore(log_alarms))


class WitnessStore:
    """Heads and alarms in the vault's database."""

    def __init__(self, database: VaultDatabase) -> None:
        self._database = database

    def head(self, vault: Address) -> SignedHead | None:
        """Return the newest head of a vault's log that is consistent with all earlier ones, or None."""
        with self._database.reading() as connection:
            row = connection.scalar(select(witnessed_heads.c.head).where(witnessed_heads.c.vault == vault))
        return None if row is None else msgspec.json.decode(row, type=SignedHead)

    def set_head(self, head: SignedHead) -> None:
        """Replace a vault's head by a newer one."""
        with self._database.transaction() as connection:
            _SET_HEAD.run(connection, vault=head.head.vault, head=msgspec.json.encode(head))

    def add_alarm(self, alarm: Alarm) -> None:
        """Store a contradiction; the first of each kind stays for ever."""
        row = {
            "vault": alarm.vault,
            "kind": alarm.kind,
            "alarm": msgspec.json.encode(alarm),
            "raised": alarm.raised,
        }
        with self._database.transaction() as connection:
            _ADD_ALARM.run(connection, **row)

    def alarms(self) -> tuple[Alarm, ...]:
        """Return all alarms, oldest first."""
        with self._database.reading() as connection:
            rows = connection.scalars(select(log_alarms.c.alarm).order_by(log_alarms.c.raised)).all()
        return tuple(msgspec.json.decode(row, type=Alarm) for row in rows)
