"""The plates demo: one command, a plate, a receipt, payments, four refused thefts."""

import io
from pathlib import Path

import pytest
from PIL import Image

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene
from tests.e2e.shell import run_demo

ROOT = Path(__file__).resolve().parents[2]
FONT = cached_files.font()
SEED = 2

pytestmark = pytest.mark.localnet


@pytest.fixture(scope="module")
def demo_run(localnet) -> tuple[dict, str]:
    code, report, printed = run_demo("plates", localnet.layout.root, "--seed", str(SEED))
    assert code == 0, printed
    return report, printed


def test_the_enclave_reads_the_plate_that_was_drawn_and_that_the_model_reads_outside(demo_run):
    report, _ = demo_run
    assert report["ok"]
    assert report["plate"] == report["reference"] == report["expected"] == draw_scene(SEED, FONT).expected


def test_every_check_of_the_receipt_holds(demo_run):
    checks = demo_run[0]["receipt_checks"]
    assert [check["number"] for check in checks] == [str(number) for number in range(1, 21)]
    assert all(check["ok"] for check in checks)


def test_owner_developer_worker_and_pool_are_paid(demo_run):
    paid = {payment["party"]: payment["amount"] for payment in demo_run[0]["payments"]}
    assert set(paid) == {"owner", "developer", "worker", "pool"}
    assert all(amount > 0 for amount in paid.values())


def test_four_thefts_are_refused_each_by_a_numbered_check(demo_run):
    refused = {refusal["theft"]: refusal["check"] for refusal in demo_run[0]["refused"]}
    assert refused == {
        "a worker asks for the model's key with its own quote": "2.2",
        "a pool finalises without an enclave": "10",
        "an unapproved app copies the model out": "5",
        "a requester keeps the sealed result and is refunded": "open.2",
    }


def test_the_annotated_picture_differs_from_the_input_picture(demo_run):
    report, _ = demo_run
    with Image.open(report["annotated"]) as annotated:
        assert annotated.size == (960, 640)
        original = draw_scene(SEED, FONT).png
        assert annotated.tobytes() != Image.open(io.BytesIO(original)).convert(annotated.mode).tobytes()


def test_the_machine_saw_only_ciphertext_and_the_search_finds_a_planted_secret(demo_run):
    exposure = demo_run[0]["exposure"]
    assert any("53474331" in line for line in exposure)
    assert any("no byte window of model or picture" in line and "a planted one was found" in line for line in exposure)


def test_the_demo_prints_every_stage(demo_run):
    _, printed = demo_run
    for word in ("attested", "released", "running", "sealed"):  # after it, the chain may complete first
        assert word in printed


@pytest.mark.long
def test_a_picture_without_a_plate_gives_no_plate(localnet, tmp_path):
    street = tmp_path / "street.png"
    street.write_bytes(draw_scene(SEED, FONT, with_plate=False).png)
    code, report, printed = run_demo("plates", localnet.layout.root, "--picture", str(street))
    assert code == 0, printed
    assert report["plate"] == report["reference"] == "no plate"
    assert report["expected"] is None


def test_a_missing_picture_is_refused_in_one_line(localnet, tmp_path):
    code, _, printed = run_demo("plates", localnet.layout.root, "--picture", str(tmp_path / "nothing.png"))
    assert code == 1
    assert "cannot be read" in printed
    assert "Traceback" not in printed
