"""A pool's database: one of another version is refused, and one that does not answer is one typed error."""

from pathlib import Path

import pytest
import sqlalchemy as sql

from sealgrid.errors import DatabaseUnavailable, InputRefused
from sealgrid.pool.admission import AdmittedWorkers
from sealgrid.pool.database import POSTGRES_LIMITS, open_engine, session_arguments
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.sql_pool_store import SqlPoolStore


@pytest.mark.parametrize("change", ["ALTER TABLE pool_task DROP COLUMN price", "ALTER TABLE pool_deal ADD later TEXT"])
def test_tables_of_another_version_are_refused_with_the_way_on(tmp_path: Path, change: str) -> None:
    url = f"sqlite:///{tmp_path}/tasks.sqlite"
    SqlPoolStore(url, PoolRules()).close()
    SqlPoolStore(url, PoolRules()).close()
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        named = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        for (index,) in named.all():  # SQLite drops no column that an index names
            connection.exec_driver_sql(f"DROP INDEX {index}")
        connection.exec_driver_sql(change)
    engine.dispose()
    with pytest.raises(InputRefused, match="another version of Sealgrid"):
        SqlPoolStore(url, PoolRules())


def test_a_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/missing/tasks.sqlite"
    with pytest.raises(DatabaseUnavailable):
        SqlPoolStore(url, PoolRules())
    with pytest.raises(DatabaseUnavailable):
        AdmittedWorkers(url)


def test_a_session_has_limits_unless_its_address_sets_them() -> None:
    engine = open_engine("postgresql+psycopg://pool@127.0.0.1:1/tasks?connect_timeout=60")
    arguments = session_arguments(engine)
    assert str(arguments["connect_timeout"]) == "60"
    assert arguments["tcp_user_timeout"] == POSTGRES_LIMITS["tcp_user_timeout"]
    assert session_arguments(open_engine("sqlite://")).keys().isdisjoint(POSTGRES_LIMITS)
