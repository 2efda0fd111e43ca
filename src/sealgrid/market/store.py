"""Database of orders and challenges: SQLite, or PostgreSQL for several replicas.

Each batch is one transaction; it is durable when ``perform`` returns.
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
from sealgrid.poco.orders import to_document
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import Address, Digest
from sealgrid.wire.market import Kind

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_MIGRATION_LOCK: Final = 0x5EA1621D  #: PostgreSQL advisory lock that serialises migrations
CHALLENGE_SECONDS: Final = 300  #: lifetime of a challenge

META: Final = sql.MetaData()

#: One row: the chain and hub of this database.
DATABASE_DOMAIN: Final = sql.Table(
    "place",
    META,
    sql.Column("chain", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("hub", sql.String(42), nullable=False),
)

#: One row: the number of changes. A writer locks the row until its commit; therefore a replica that has applied
#: change n has applied all before it.
CHANGES: Final = sql.Table(
    "changes",
    META,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("made", sql.BigInteger, nullable=False),
)

ORDERS: Final = sql.Table(
    "orders",
    META,
    sql.Column("order_hash", sql.String(66), primary_key=True),
    sql.Column("kind", sql.String(20), nullable=False),
    sql.Column("document", sql.LargeBinary, nullable=False),
    sql.Column("signer", sql.String(42), nullable=False),
    sql.Column("published", sql.BigInteger, nullable=False),
    sql.Column("withdrawn", sql.Boolean, nullable=False),
    sql.Column("presigned", sql.Boolean, nullable=False, server_default=sql.false()),
    sql.Column("change", sql.BigInteger, nullable=False, index=True),
)

CHALLENGES: Final = sql.Table(
    "challenges",
    META,
    sql.Column("digest", sql.String(66), primary_key=True),
    sql.Column("address", sql.String(42), nullable=False, index=True),
    sql.Column("expires", sql.BigInteger, nullable=False, index=True),
)


class StoreOrder(msgspec.Struct, frozen=True):
    """Publish an order."""

    published: PublishedOrder


class RemoveOrder(msgspec.Struct, frozen=True):
    """Withdraw an order."""

    order_hash: Digest


class StoreChallenge(msgspec.Struct, frozen=True):
    """Store a challenge that was issued to an address."""

    digest: Digest
    address: Address
    now: int  #: Unix seconds


class ConsumeChallenge(msgspec.Struct, frozen=True):
    """Delete an answered challenge; it has no effect when the challenge is unknown, expired or used."""

    digest: Digest
    address: Address
    now: int  #: Unix seconds


Operation = StoreOrder | RemoveOrder | StoreChallenge | ConsumeChallenge


class StoreChange(msgspec.Struct, frozen=True):
    """A numbered change of one order, by any replica; ``published`` is None for a withdrawn order."""

    number: int
    order_hash: Digest
    published: PublishedOrder | None


class BatchResult(msgspec.Struct, frozen=True):
    """Result of a batch: for each operation whether it had an effect, and the changes to the book."""

    had_effect: tuple[bool, ...]
    changes: tuple[StoreChange, ...]


class OrderStore:
    """One market's database at an SQLAlchemy ``url``. Not thread-safe."""

    def __init__(self, url: str, domain: OrderDomain) -> None:
        self._engine = sql.create_engine(url)
        self._upsert: Any = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _enable_write_ahead_log)
        try:
            migrate(self._engine)
            with self._engine.begin() as connection:
                row = {"chain": domain.chain, "hub": domain.hub}
                connection.execute(self._upsert(DATABASE_DOMAIN).values(row).on_conflict_do_nothing())
                rows = connection.execute(sql.select(DATABASE_DOMAIN)).all()
            if [tuple(each) for each in rows] != [(domain.chain, domain.hub)]:
                raise InputRefused(  # noqa: TRY301  the engine is disposed for every error
                    "this database belongs to a market of another hub; configure a separate database for this market."
                )
        except BaseException:
            self._engine.dispose()
            raise

    def perform(self, operations: Sequence[Operation]) -> BatchResult:
        """Perform a batch in one transaction. Only a ConsumeChallenge can have no effect: expired, unknown or used."""
        issued = [each for each in operations if isinstance(each, StoreChallenge)]
        answered = [each for each in operations if isinstance(each, ConsumeChallenge)]
        changing = [each for each in operations if isinstance(each, StoreOrder | RemoveOrder)]
        with self._engine.begin() as connection:
            if issued:
                _expire(connection, max(each.now for each in issued))
                rows = [
                    {"digest": each.digest, "address": each.address, "expires": each.now + CHALLENGE_SECONDS}
                    for each in issued
                ]
                connection.execute(CHALLENGES.insert(), rows)
            consumed = _consume_challenges(connection, answered) if answered else set()
            changes = self._store_changes(connection, changing) if changing else ()
        had_effect = [True] * len(operations)
        for index, each in enumerate(operations):
            if isinstance(each, ConsumeChallenge):
                # Of two that consume one challenge in one batch, the first has the effect.
                challenge = (each.digest, each.address)
                had_effect[index] = challenge in consumed
                consumed.discard(challenge)
        return BatchResult(tuple(had_effect), changes)

    def changes_since(self, number: int) -> tuple[StoreChange, ...]:
        """Return the latest change of each order that changed after this number, in order."""
        query = sql.select(ORDERS).where(ORDERS.c.change > number).order_by(ORDERS.c.change)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        changes: list[StoreChange] = []
        for row in rows:
            published = None
            if not row.withdrawn:
                read = KINDS[msgspec.convert(row.kind, Kind)].read
                published = PublishedOrder(
                    order_hash=Digest(row.order_hash),
                    order=read(msgspec.json.decode(row.document, type=dict[str, str])),
                    signer=Address(row.signer),
                    published_at=row.published,
                    presigned=row.presigned,
                )
            changes.append(StoreChange(row.change, Digest(row.order_hash), published))
        return tuple(changes)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def _store_changes(
        self, connection: sql.Connection, operations: Sequence[StoreOrder | RemoveOrder]
    ) -> tuple[StoreChange, ...]:
        """Store published and withdrawn orders; return the numbered changes."""
        counted = sql.update(CHANGES).values(made=CHANGES.c.made + len(operations)).returning(CHANGES.c.made)
        last = int(connection.execute(counted).scalar_one())
        changes: list[StoreChange] = []
        rows: list[dict[str, object]] = []
        for number, operation in enumerate(operations, start=last - len(operations) + 1):
            if isinstance(operation, RemoveOrder):
                changes.append(StoreChange(number, operation.order_hash, None))
                continue
            published = operation.published
            changes.append(StoreChange(number, published.order_hash, published))
            row: dict[str, object] = {
                "order_hash": published.order_hash,
                "kind": published.kind,
                "document": msgspec.json.encode(to_document(published.order)),
                "signer": published.signer,
                "published": published.published_at,
                "withdrawn": False,
                "presigned": published.presigned,
                "change": number,
            }
            rows.append(row)
        if rows:
            insert = self._upsert(ORDERS)
            renewed = {name: insert.excluded[name] for name in rows[0]}
            connection.execute(insert.on_conflict_do_update(index_elements=["order_hash"], set_=renewed), rows)
        for each in changes:
            if each.published is None:
                statement = sql.update(ORDERS).where(ORDERS.c.order_hash == each.order_hash)
                connection.execute(statement.values(withdrawn=True, document=b"", change=each.number))
        return tuple(changes)


def migrate(engine: sql.Engine) -> None:
    """Migrate a database to the newest revision; a lock serialises replicas that start together."""
    # Imported here because only the start of a market process needs Alembic.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sql.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _enable_write_ahead_log(connection: Any, _: object) -> None:
    # In WAL mode a commit survives a kill of the process without waiting for the disk.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=5000")


def _consume_challenges(connection: sql.Connection, operations: Sequence[ConsumeChallenge]) -> set[tuple[str, str]]:
    """Delete the challenges of one or more operations; return the digest and address of each that existed."""
    _expire(connection, max(each.now for each in operations))
    pair = sql.tuple_(CHALLENGES.c.digest, CHALLENGES.c.address)
    statement = CHALLENGES.delete().where(pair.in_([(each.digest, each.address) for each in operations]))
    deleted = connection.execute(statement.returning(CHALLENGES.c.digest, CHALLENGES.c.address))
    return {(row.digest, row.address) for row in deleted}


def _expire(connection: sql.Connection, now: int) -> None:
    connection.execute(CHALLENGES.delete().where(CHALLENGES.c.expires <= now))
