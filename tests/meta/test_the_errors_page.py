"""docs/reference/errors.md names every situation that was promised, and each is held against the real command."""

import re
import sys
from pathlib import Path
from typing import get_args

import pytest

from sealgrid.sdk.money import Kind, Money, moment, sentence
from sealgrid.units import TaskId

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "e2e"))

from error_table import PAGE, TABLE  # noqa: E402

TESTS = "".join(
    (ROOT / "tests" / "e2e" / name).read_text()
    for name in ("test_error_lines.py", "test_parts_that_fail.py", "test_own_accounts.py")
)
PROMISED = (
    "unknown app", "wrong file", "not an ONNX model", "requester without funds", "price above the maximum",
    "model restricted to another app", "model restricted to another person", "sold-out order", "expired approval",
    "app that crashes", "app that runs too long", "app that writes too much", "tampered sealed file",
    "one vault down", "two vaults down", "storage down", "worker killed in the job", "pool killed and restarted",
    "port taken", "wrong password", "disk full where the model is sealed", "disk full at the storage node", "network not running",
)  # fmt: skip
NO_RUN = set(
    re.findall(
        r"^\| ([^|]+?) \| `", PAGE.read_text().split("## Where no run is bought")[1].split("##")[0], re.MULTILINE
    )
)


def test_every_sentence_about_money_that_the_page_promises_is_the_one_that_is_said():
    task, page = TaskId("TASK"), PAGE.read_text()
    for kind in get_args(Kind):
        said = sentence(Money(kind, task, 0)).replace(moment(0), "TIME")
        assert f"| {said} |" in page, kind


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
def test_every_row_says_what_became_of_the_money(row):
    assert row.money in {"none moved", "paid", "held, comes back"}
    if row.situation in NO_RUN:
        assert not re.search(r"money|paid|price is|comes back", row.line), "it knows no task"
    elif row.code:
        words = {"none moved": "No money moved.", "paid": "The run was paid", "held, comes back": "comes back"}
        assert words[row.money] in row.line
