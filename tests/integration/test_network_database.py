"""The PostgreSQL of a local network is started again after it was killed, with its data and at its address."""

import os
import signal
import time

import sqlalchemy as sql

from sealgrid.localnet.database import start_database
from sealgrid.localnet.layout import EMBEDDED, POSTGRES, Layout
from sealgrid.localnet.processes import ChildProcess, fork, stop


def statement(url: str, text: str) -> list[sql.Row]:
    engine = sql.create_engine(url, poolclass=sql.NullPool)
    with engine.begin() as connection:
        result = connection.execute(sql.text(text))
        return list(result.all()) if result.returns_rows else []


def test_a_killed_server_is_started_again_by_its_part_with_its_data(tmp_path):
    layout, children = Layout(tmp_path / "net"), list[ChildProcess]()
    try:
        url = start_database(layout, EMBEDDED, children, lambda line: None)
        statement(url, "CREATE TABLE kept AS SELECT 1 AS number")
        os.killpg(int((layout.part(POSTGRES) / "data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        while children[0].is_alive():
            time.sleep(0.01)
        children.append(fork(POSTGRES, children[0].log, children[0].body))
        children[1].wait_ready(60)
        assert statement(url, "SELECT number FROM kept") == [(1,)]
    finally:
        stop(children)
