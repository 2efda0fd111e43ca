"""docs/reference/errors.md has every promised situation, and each row is compared with the real command."""

import re
from pathlib import Path
from typing import get_args

import pytest

from sealgrid.errors import SealgridError, TicketRefused, TooManyRequests
from sealgrid.sdk.money import Kind, MoneyState, format_time, sentence
from sealgrid.storage_node.quota_types import ClientKind, StorageClientId, quota_reached, store_full
from sealgrid.units import TaskId
from sealgrid.wire.rate_limit import RateLimit, TokenBuckets
from tests.e2e.error_table import PAGE, TABLE

ROOT = Path(__file__).resolve().parents[2]

TESTS = "".join(
    (ROOT / "tests" / "e2e" / name).read_text()
    for name in ("test_error_lines.py", "test_full_disks.py", "test_service_failures.py", "test_keystore_accounts.py")
)
PROMISED = (
    "unknown app",
    "wrong file",
    "not an ONNX model",
    "requester without funds",
    "price above the maximum",
    "model restricted to another app",
    "model restricted to another person",
    "sold-out order",
    "expired approval",
    "app that crashes",
    "app that runs too long",
    "app that writes too much",
    "tampered sealed file",
    "one vault down",
    "two vaults down",
    "storage down",
    "worker killed in the job",
    "pool killed and restarted",
    "port taken",
    "wrong password",
    "disk full where the model is sealed",
    "disk full at the storage node",
    "network not running",
)
NO_RUN = set(
    re.findall(
        r"^\| ([^|]+?) \| `", PAGE.read_text().split("## Where no run is bought")[1].split("##")[0], re.MULTILINE
    )
)


def test_every_sentence_about_money_that_the_page_promises_is_the_one_that_is_said():
    task, page = TaskId("TASK"), PAGE.read_text()
    for kind in get_args(Kind):
        text = sentence(MoneyState(kind, task, 0)).replace(format_time(0), "TIME")
        assert f"| {text} |" in page, kind


def test_the_page_has_every_promised_situation():
    assert set(PROMISED) <= set(TABLE)


def test_every_line_that_looks_like_a_row_is_one():
    written = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "`sealgrid: " in line]
    written += [line for line in PAGE.read_text().splitlines() if line.endswith("| 0 | paid |")]
    assert len(written) == len(TABLE)


@pytest.mark.parametrize("situation", TABLE)
def test_every_row_is_held_against_the_command(situation):
    assert f'"{situation}"' in TESTS


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_every_row_names_what_becomes_of_the_money(row):
    assert row.money in {"none moved", "paid", "held, comes back"}
    if row.situation in NO_RUN:
        assert not re.search(r"money|paid|price is|comes back", row.line), "it knows no task"
    elif row.code:
        sentences = {"none moved": "No money moved.", "paid": "The run was paid", "held, comes back": "comes back"}
        assert sentences[row.money] in row.line


LIMITS = re.findall(r"^\| (\d{3}) \| ([^|]+?) \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE)
TICKETS = re.findall(
    r"TicketRefused\(\s*\"(ticket\.\d)\",\s+f?\"([^\"]+)\"",
    "".join(path.read_text() for path in sorted((ROOT / "src" / "sealgrid" / "storage_node").glob("*.py"))),
)


def limits_in_code():
    """Return the HTTP status and the sentence of every error by which a service limits a client."""
    buckets = TokenBuckets(RateLimit(1, burst=1))
    buckets.acquire("a client", 0.0)
    with pytest.raises(TooManyRequests) as often:
        buckets.acquire("a client", 0.0)
    errors: list[SealgridError] = [often.value]
    for count in range(3):
        errors += [quota_reached(StorageClientId(kind, "a client", (1, 1, 1)), count) for kind in ClientKind]
        errors += [store_full(kind, count) for kind in ClientKind]
    errors += [TicketRefused(check, message) for check, message in TICKETS]
    return [(error.http_status, error.reason) for error in errors]


def matches(row, message):
    return re.fullmatch(".+".join(re.escape(part) for part in row.split("…")), message)


def test_every_error_by_which_a_service_limits_a_client_is_on_the_page():
    assert {check for check, _ in TICKETS} == {f"ticket.{number}" for number in range(1, 8)}
    for status, message in limits_in_code():
        assert any(int(code) == status and matches(row, message) for code, row in LIMITS), message


@pytest.mark.parametrize(("status", "row"), LIMITS)
def test_every_row_about_limits_is_an_error_of_the_code(status, row):
    assert any(int(status) == code and matches(row, message) for code, message in limits_in_code())
