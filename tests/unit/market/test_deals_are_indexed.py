"""However many deals there are, a question about them reads an index and the page that it shows."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from sealgrid.market.chain.deals import FILTERS
from sealgrid.market.chain.store import MarketChainStore


@pytest.mark.parametrize("name", ["", *FILTERS])
def test_no_question_about_deals_reads_all_of_them(tmp_path: Path, name: str) -> None:
    store, asked = MarketChainStore(tmp_path / "chain.sqlite"), list[tuple[str, Any]]()
    engine = store.deals._engine

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    sql.event.listen(engine, "before_cursor_execute", listen)
    store.deals.find({name: 1 if name == "category" else "0x12"} if name else {}, start=0, size=20)
    sql.event.remove(engine, "before_cursor_execute", listen)
    with engine.connect() as connection:
        for statement, parameters in asked:
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            assert len(plan) == 1, plan  # nothing is sorted
            # All deals that are complete stand in each of these indexes, so SQLite may count them in any.
            any_will_do = not name and "ORDER BY" not in statement
            assert f"INDEX deals_by_{'' if any_will_do else FILTERS.get(name, 'block')}" in plan[0]
    assert len(asked) == 2
    store.close()
