"""The terms of a watch by its options, and its start over the network's names."""

from types import SimpleNamespace

import pytest

from sealgrid.ados.watch import assembly
from sealgrid.ados.watch.assembly import WatchOptions, schedule_terms, watch
from sealgrid.ados.watch.buyer import PurchaseTerms
from sealgrid.errors import InputRefused
from sealgrid.shipped_apps.ados.quality.score import ROWS_AFTER, ROWS_BEFORE


class Names:
    """What the names of a network stand for."""

    def __init__(self, address):
        self.address = address

    async def show(self, name):
        return SimpleNamespace(address=self.address)


def options(tmp_path, source="day.csv", **changes):
    purchase = PurchaseTerms("ados", "stations", changes.pop("rows", 6), changes.pop("feed", None))
    return WatchOptions(str(source), tmp_path / "journal", purchase, 600, **changes)


@pytest.mark.parametrize("rows", [1, 6, 100])
def test_by_default_a_run_has_all_rows_on_which_its_scores_depend(tmp_path, rows):
    terms = schedule_terms(options(tmp_path, rows=rows))
    assert (terms.before * rows >= ROWS_BEFORE, (terms.before - 1) * rows < ROWS_BEFORE) == (True, True)
    assert (terms.after * rows >= ROWS_AFTER, (terms.after - 1) * rows < ROWS_AFTER) == (True, True)
    assert (terms.grace, terms.signed) == (600, False)
    assert schedule_terms(options(tmp_path, feed="0xfeed", after=0)).signed


async def test_a_watch_keeps_the_addresses_of_its_first_start_and_the_place_where_it_began(tmp_path, monkeypatch):
    bought = []

    class Buyer:
        def __init__(self, client, terms):
            bought.append((terms.app, terms.model))

        async def roster(self):
            return None

        async def buy(self, record, journal):
            raise AssertionError("all readings are older than the first window")

    monkeypatch.setattr(assembly, "NetworkBuyer", Buyer)
    (tmp_path / "day.csv").write_text("time,sensor,value\n0,a,1\n600,a,2\n")
    for address, now in (("0x1", 1e9), ("0x2", 2e9)):
        client = SimpleNamespace(apps=Names(address), models=Names(address))
        begin = options(tmp_path, tmp_path / "day.csv", once=True)
        assert await watch(client, begin, clock=lambda now=now: now, report=print)
    assert bought == [("0x1", "0x1")] * 2


async def test_a_broker_has_no_end(tmp_path):
    with pytest.raises(InputRefused, match="a broker has none"):
        await watch(None, options(tmp_path, "mqtt://b/t", once=True), clock=lambda: 0.0, report=print)
