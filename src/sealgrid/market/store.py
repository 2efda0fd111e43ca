"""What the market remembers of its users: orders and challenges, in SQLite or, for several replicas, in PostgreSQL.

Every batch is one transaction: what ``perform`` returned from survives a kill.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from sealgrid.errors import InputRefused
from sealgrid.market.book import Listed
from sealgrid.market.kinds import KINDS
from sealgrid.market.tables import CHALLENGES, CHANGES, ORDERS, PLACE
from sealgrid.poco.orders import to_document
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import Address, Digest
from sealgrid.wire.market import Kind

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_MIGRATION_LOCK: Final = 0x5EA1621D  #: PostgreSQL's advisory lock that one replica holds while it migrates


class Publish(msgspec.Struct, frozen=True):
    """List an order."""

    listed: Listed


class Withdraw(msgspec.Struct, frozen=True):
    """Take an order off the list."""

    order_hash: Digest


class Challenge(msgspec.Struct, frozen=True):
    """Somebody is asked to prove that an address is theirs."""

    digest: Digest
    address: Address
    expires: int  #: Unix seconds


class Spend(msgspec.Struct, frozen=True):
    """A challenge was answered; nobody may answer it again."""

    digest: Digest
    address: Address
    now: int  #: Unix seconds


Operation = Publish | Withdraw | Challenge | Spend


class Change(msgspec.Struct, frozen=True):
    """What became of an order, by this replica or another."""

    number: int
    listed: Listed
    withdrawn: bool


class OrderStore:
    """One market's database; ``url`` is SQLAlchemy's. Used from one thread at a time."""

    def __init__(self, url: str, place: OrderDomain) -> None:
        self._engine = sql.create_engine(url)
        self._upsert: Any = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _write_ahead)
        migrate(self._engine)
        self._claim(place)

    def perform(self, operations: Sequence[Operation]) -> list[bool]:
        """Do a batch in one transaction, in order; tell of each whether it did anything: a spent challenge does not."""
        with self._engine.begin() as connection:
            first = self._next_change(connection, operations)
            return [self._do(connection, each, first + number) for number, each in enumerate(operations)]

    def changes_since(self, number: int) -> Iterable[Change]:
        """Return what became of every order that changed after the change of this number, in order."""
        wanted = sql.select(ORDERS).where(ORDERS.c.change > number).order_by(ORDERS.c.change)
        with self._engine.connect() as connection:
            return [_change(row) for row in connection.execute(wanted)]

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def _next_change(self, connection: sql.Connection, operations: Sequence[Operation]) -> int:
        if not any(isinstance(each, Publish | Withdraw) for each in operations):
            return 0
        counted = sql.update(CHANGES).values(made=CHANGES.c.made + len(operations)).returning(CHANGES.c.made)
        return int(connection.execute(counted).scalar_one()) - len(operations) + 1

    def _do(self, connection: sql.Connection, operation: Operation, change: int) -> bool:
        match operation:
            case Publish(listed):
                row = _row(listed) | {"withdrawn": False, "change": change}
                insert = self._upsert(ORDERS).values(row)
                connection.execute(insert.on_conflict_do_update(index_elements=["order_hash"], set_=row))
                return True
            case Withdraw(order_hash):
                mine = sql.update(ORDERS).where(ORDERS.c.order_hash == order_hash, ~ORDERS.c.withdrawn)
                return connection.execute(mine.values(withdrawn=True, change=change)).rowcount == 1
            case Challenge(digest, address, expires):
                connection.execute(CHALLENGES.insert().values(digest=digest, address=address, expires=expires))
                return True
            case Spend(digest, address, now):
                connection.execute(CHALLENGES.delete().where(CHALLENGES.c.expires <= now))
                asked = CHALLENGES.delete().where(CHALLENGES.c.digest == digest, CHALLENGES.c.address == address)
                return connection.execute(asked).rowcount == 1

    def _claim(self, place: OrderDomain) -> None:
        with self._engine.begin() as connection:
            row = {"chain": place.chain, "hub": place.hub}
            connection.execute(self._upsert(PLACE).values(row).on_conflict_do_nothing())
            found = connection.execute(sql.select(PLACE)).all()
        if [tuple(each) for each in found] != [(place.chain, place.hub)]:
            raise InputRefused("the market's database is about another hub; give this market a database of its own.")


def migrate(engine: sql.Engine) -> None:
    """Bring a database to the newest revision; replicas that start together do it one after the other."""
    # Here, because Alembic is needed by this moment of a market's own process and by nothing else.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sql.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _write_ahead(connection: Any, _: object) -> None:
    # In WAL mode a commit survives a kill of the process without waiting for the disk.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=5000")


def _row(listed: Listed) -> dict[str, object]:
    return {
        "order_hash": listed.order_hash,
        "kind": listed.kind,
        "document": msgspec.json.encode(to_document(listed.order)),
        "signer": listed.signer,
        "published": listed.published,
    }


def _change(row: sql.Row[Any]) -> Change:
    kind = msgspec.convert(row.kind, Kind)
    order = KINDS[kind].read(msgspec.json.decode(row.document, type=dict[str, str]))
    listed = Listed(
        kind=kind, order_hash=Digest(row.order_hash), order=order, signer=Address(row.signer), published=row.published
    )
    return Change(number=row.change, listed=listed, withdrawn=row.withdrawn)
