"""The data demo: a company sells the use of a table, another developer's app runs on it, the company sees every use."""

import json
import re
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.shipped_apps.csv_statistics.rides import NAMES, draw_rides
from tests.e2e.shell import Shell, run_demo

SEED = 2
HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "your-own-model.md"

pytestmark = [pytest.mark.localnet, pytest.mark.long]


@pytest.fixture(scope="module")
def demo_run(localnet) -> tuple[dict, str]:
    code, report, printed = run_demo("data", localnet.layout.root, "--seed", str(SEED))
    assert code == 0, printed
    return report, printed


def test_the_buyer_gets_correct_statistics_and_no_row(demo_run):
    report, _ = demo_run
    assert report["ok"]
    assert report["differences"] == []
    assert [column["name"] for column in report["result"]["columns"]] == list(NAMES)
    rows = draw_rides(SEED).decode().splitlines()
    written = Path(report["statistics"]).read_text()
    assert json.loads(written) == report["result"]
    assert not any(row in written for row in rows[1:])


def test_the_company_sees_account_time_and_app_of_each_use(localnet, demo_run):
    report, _ = demo_run
    (use,) = report["uses"]
    assert (use["user"], use["requester"]) == ("requester", development_key("requester").address)
    assert (use["app"], use["task"]) == ("csv-statistics", report["task"])
    assert use["logs"] >= localnet.network.threshold
    assert use["time"] > 0


def test_company_and_developer_are_paid(demo_run):
    paid = {payment["party"]: payment["amount"] for payment in demo_run[0]["payments"]}
    assert set(paid) == {"owner", "developer", "worker", "pool"}
    assert (paid["owner"], paid["developer"]) == (2 * 10**9, 10**9 // 4)


def test_every_check_of_the_receipt_holds(demo_run):
    checks = demo_run[0]["receipt_checks"]
    assert len(checks) == 20
    assert all(check["ok"] for check in checks)


def test_an_app_that_the_company_did_not_approve_gets_no_key(demo_run):
    (refusal,) = demo_run[0]["refused"]
    assert (refusal["theft"], refusal["check"]) == ("an unapproved app copies the table out", "5")


def test_the_machine_saw_only_ciphertext(demo_run):
    assert any(
        "no byte window of table" in line and "a planted one was found" in line for line in demo_run[0]["exposure"]
    )


def test_a_file_that_is_not_a_table_is_refused_in_one_line(localnet, tmp_path):
    (tmp_path / "table.csv").write_text("city,price\nLyon,1\n")
    code, _, printed = run_demo("data", localnet.layout.root, "--file", str(tmp_path / "table.csv"))
    assert code == 1
    assert "fewer than 10" in printed
    assert "Traceback" not in printed


def test_the_how_tos_three_commands_publish_use_and_audit_a_table(localnet, tmp_path):
    (tmp_path / "rides.csv").write_bytes(draw_rides(SEED, rows=200))
    sealgrid = Shell(tmp_path, localnet.layout.root)
    commands = re.findall(r"^    sealgrid (data .*|run csv.*)$", HOW_TO.read_text(), re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        printed = sealgrid.output(*command.split())
    assert json.loads((tmp_path / "answer" / "result" / "result.json").read_text())["rows"] == 200
    assert f"by {development_key('requester').address}" in printed
    assert "LIES" not in printed


def test_data_that_its_app_cannot_read_are_refused_before_they_are_sealed(localnet, tmp_path):
    (tmp_path / "short.csv").write_text("city,price\nLyon,1\n")
    refused = Shell(tmp_path, localnet.layout.root).error_line("data", "publish", "short.csv", "--price", "1")
    assert refused.startswith("sealgrid: short.csv cannot be sold as a table: the table has 1 rows")
