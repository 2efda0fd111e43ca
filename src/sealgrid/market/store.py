"""What the market remembers of its users: orders and challenges, in SQLite or, for several replicas, in PostgreSQL.

Every batch is one transaction: what ``perform`` returned from survives a kill.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from sealgrid.errors import InputRefused
from sealgrid.market.book.order_book import PublishedOrder
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.market.order_tables import CHALLENGES, CHANGES, ORDERS, PLACE
from sealgrid.poco.orders import to_document
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import Address, Digest
from sealgrid.wire.market import Kind

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_MIGRATION_LOCK: Final = 0x5EA1621D  #: PostgreSQL's advisory lock that one replica holds while it migrates


CHALLENGE_SECONDS: Final = 300  #: how long a challenge may be answered


class StoreOrder(msgspec.Struct, frozen=True):
    """List an order."""

    listed: PublishedOrder


class RemoveOrder(msgspec.Struct, frozen=True):
    """Take an order off the list."""

    order_hash: Digest


class StoreChallenge(msgspec.Struct, frozen=True):
    """Somebody is asked to prove that an address is theirs."""

    digest: Digest
    address: Address
    now: int  #: Unix seconds


class ConsumeChallenge(msgspec.Struct, frozen=True):
    """A challenge was answered; nobody may answer it again."""

    digest: Digest
    address: Address
    now: int  #: Unix seconds


Operation = StoreOrder | RemoveOrder | StoreChallenge | ConsumeChallenge


class StoreChange(msgspec.Struct, frozen=True):
    """What became of an order, by this replica or another; ``listed`` is None for one that was taken off."""

    number: int
    order_hash: Digest
    listed: PublishedOrder | None


class BatchResult(msgspec.Struct, frozen=True):
    """What a batch did: of each operation whether it did anything, and the changes to the book."""

    did: tuple[bool, ...]
    changes: tuple[StoreChange, ...]


class OrderStore:
    """One market's database; ``url`` is SQLAlchemy's. Used from one thread at a time."""

    def __init__(self, url: str, place: OrderDomain) -> None:
        self._engine = sql.create_engine(url)
        self._upsert: Any = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _write_ahead)
        try:
            migrate(self._engine)
            self._claim(place)
        except BaseException:
            self._engine.dispose()
            raise

    def perform(self, operations: Sequence[Operation]) -> BatchResult:
        """Do a batch in one transaction. A challenge that is spent twice, or too late, is the only thing not done."""
        changing = [each for each in operations if isinstance(each, StoreOrder | RemoveOrder)]
        with self._engine.begin() as connection:
            _ask(connection, [each for each in operations if isinstance(each, StoreChallenge)])
            spent = self._spend(connection, [each for each in operations if isinstance(each, ConsumeChallenge)])
            changes = self._change(connection, changing) if changing else ()
        # Of two who spend one challenge in one batch, the first has done it.
        did = tuple(
            not isinstance(each, ConsumeChallenge) or _taken(spent, (each.digest, each.address)) for each in operations
        )
        return BatchResult(did, changes)

    def changes_since(self, number: int) -> tuple[StoreChange, ...]:
        """Return what became of every order that changed after the change of this number, in order."""
        wanted = sql.select(ORDERS).where(ORDERS.c.change > number).order_by(ORDERS.c.change)
        with self._engine.connect() as connection:
            return tuple(_change(row) for row in connection.execute(wanted))

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def _spend(self, connection: sql.Connection, spends: Sequence[ConsumeChallenge]) -> set[tuple[str, str]]:
        if not spends:
            return set()
        _expire(connection, max(each.now for each in spends))
        pair = sql.tuple_(CHALLENGES.c.digest, CHALLENGES.c.address)
        mine = CHALLENGES.delete().where(pair.in_([(each.digest, each.address) for each in spends]))
        found = connection.execute(mine.returning(CHALLENGES.c.digest, CHALLENGES.c.address))
        return {(row.digest, row.address) for row in found}

    def _change(
        self, connection: sql.Connection, operations: Sequence[StoreOrder | RemoveOrder]
    ) -> tuple[StoreChange, ...]:
        counted = sql.update(CHANGES).values(made=CHANGES.c.made + len(operations)).returning(CHANGES.c.made)
        last = int(connection.execute(counted).scalar_one())
        changes = [_as_change(each, last - len(operations) + 1 + n) for n, each in enumerate(operations)]
        rows = [_row(each.listed) | {"change": each.number} for each in changes if each.listed is not None]
        if rows:
            insert = self._upsert(ORDERS)
            renewed = {name: insert.excluded[name] for name in rows[0]}
            connection.execute(insert.on_conflict_do_update(index_elements=["order_hash"], set_=renewed), rows)
        for each in changes:
            if each.listed is None:
                mine = sql.update(ORDERS).where(ORDERS.c.order_hash == each.order_hash)
                connection.execute(mine.values(withdrawn=True, document=b"", change=each.number))
        return tuple(changes)

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


def _ask(connection: sql.Connection, asked: Sequence[StoreChallenge]) -> None:
    if not asked:
        return
    _expire(connection, max(each.now for each in asked))
    rows = [{"digest": each.digest, "address": each.address, "expires": each.now + CHALLENGE_SECONDS} for each in asked]
    connection.execute(CHALLENGES.insert(), rows)


def _expire(connection: sql.Connection, now: int) -> None:
    connection.execute(CHALLENGES.delete().where(CHALLENGES.c.expires <= now))


def _taken(spent: set[tuple[str, str]], one: tuple[str, str]) -> bool:
    if one not in spent:
        return False
    spent.remove(one)
    return True


def _as_change(operation: StoreOrder | RemoveOrder, number: int) -> StoreChange:
    if isinstance(operation, StoreOrder):
        return StoreChange(number, operation.listed.order_hash, operation.listed)
    return StoreChange(number, operation.order_hash, None)


def _row(listed: PublishedOrder) -> dict[str, object]:
    return {
        "order_hash": listed.order_hash,
        "kind": listed.kind,
        "document": msgspec.json.encode(to_document(listed.order)),
        "signer": listed.signer,
        "published": listed.published,
        "withdrawn": False,
        "presigned": listed.presigned,
    }


def _change(row: sql.Row[Any]) -> StoreChange:
    name = Digest(row.order_hash)
    if row.withdrawn:
        return StoreChange(row.change, name, None)
    kind = msgspec.convert(row.kind, Kind)
    order = KINDS[kind].read(msgspec.json.decode(row.document, type=dict[str, str]))
    listed = PublishedOrder(
        kind=kind,
        order_hash=name,
        order=order,
        signer=Address(row.signer),
        published=row.published,
        presigned=row.presigned,
    )
    return StoreChange(row.change, name, listed)
