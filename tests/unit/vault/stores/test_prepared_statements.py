"""Statements that are compiled once: the same rows as SQLAlchemy's own, values apart from the text."""

from sqlalchemy import select

from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.prepared_statements import PreparedStatement, insert_or_ignore, param, upsert
from sealgrid.vault.stores.schema import about

FIND = PreparedStatement(select(about).where(about.c.name == param("sought")))
ALL = PreparedStatement(select(about.c.value).where(about.c.name != param("but")).order_by(about.c.name))


def test_a_row_has_its_columns_by_name_and_a_missing_one_is_none(database: VaultDatabase) -> None:
    with database.transaction() as connection:
        PreparedStatement(upsert(about)).run(connection, name="a", value="1")
        assert FIND.run(connection, sought="a").one_or_none().value == "1"
        assert FIND.run(connection, sought="b").one_or_none() is None


def test_an_upsert_replaces_a_row_and_an_insert_or_ignore_keeps_it(database: VaultDatabase) -> None:
    with database.transaction() as connection:
        for statement, value in ((insert_or_ignore(about), "1"), (insert_or_ignore(about), "2"), (upsert(about), "3")):
            PreparedStatement(statement).run(connection, name="a", value=value)
            if value == "2":
                assert FIND.run(connection, sought="a").one_or_none().value == "1"
        assert ALL.run(connection, but="schema").scalars() == ["3"]


def test_a_value_is_never_read_as_sql(database: VaultDatabase) -> None:
    hostile = "'); DROP TABLE about; --"
    with database.transaction() as connection:
        PreparedStatement(upsert(about)).run(connection, name=hostile, value="1")
        assert FIND.run(connection, sought=hostile).one_or_none().name == hostile
