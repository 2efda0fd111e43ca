"""The sensor data demo on a network: shards on three workers, rounds on a feed, a picture and a page."""

from pathlib import Path

import pytest

from tests.e2e.shell import run_demo

pytestmark = [pytest.mark.localnet, pytest.mark.long]


def test_a_day_is_scored_on_three_workers_and_each_station_has_its_round(localnet):
    code, report, printed = run_demo("ados", localnet.layout.root)
    assert code == 0, printed
    assert report["ok"]
    assert report["merged_equals_whole"]
    assert len(report["shard_tasks"]) == 3
    assert len(report["workers"]) >= 2  # whichever were quick enough
    assert report["found"] / report["faulty"] > 0.8
    assert report["false_alarms"] < 0.01 * report["readings"]
    assert report["receipts_hold"] == report["receipts"] == 3 + report["stations"]
    assert [each["sensor"] for each in report["rounds"]] == [f"station-{number:03}" for number in range(1, 21)]
    assert Path(report["picture"]).read_bytes().startswith(b"\x89PNG")
    assert report["feed"] in Path(report["page"]).read_text()
