"""``--json``: one document per noun, with fixed keys, amounts in whole nRLC."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.cli_runner import run_cli
from tests.unit.shipped_apps.onnx_writer import passing

pytestmark = pytest.mark.localnet

OFFER = {
    "address",
    "name",
    "owner",
    "digest",
    "price",
    "uses",
    "app",
    "buyer",
    "presigned",
    "tee",
    "pools",
    "orders",
    "runs",
    "release",
}
LISTING = {
    "address",
    "name",
    "owner",
    "digest",
    "location",
    "offers",
    "versions",
    "iexec_compatible",
    "unopened",
    "opened",
    "signature",
    "release",
    "changelog",
    "newer",
}
PRICE = 3 * 10**9


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "documents.onnx").write_bytes(passing((1, 3)))
    (folder / "input.json").write_text("[[1, 2, 3]]")
    return folder


@pytest.fixture(scope="session")
def document(localnet, folder):
    """Return what a command prints as the one JSON document on its standard output."""

    def read(*words: object, code: int = 0):
        ended = run_cli(*words, "--json", home=localnet.layout.root, folder=folder)
        assert ended.code == code, ended.err
        return json.loads(ended.out)

    return read


@pytest.fixture(scope="session")
def bought(localnet, folder, document) -> str:
    """Publish a model, run it once, return the task."""
    for words in (
        ("model", "publish", "documents.onnx", "--price", "3"),
        ("run", "onnx-runner", "--model", "documents", "--file", "input.json", "--out", "answer"),
    ):
        ended = run_cli(*words, home=localnet.layout.root, folder=folder)
        assert ended.code == 0, ended.err
    return json.loads((folder / "answer" / "receipt.json").read_text())["receipt"]["body"]["task"]


def test_model_list(document, bought):
    found = document("model", "list")
    assert all(set(offer) == OFFER for offer in found)
    (ours,) = [offer for offer in found if offer["name"] == "documents"]
    assert (ours["price"], ours["uses"]) == (PRICE, 999)


def test_model_show(document, bought):
    found = document("model", "show", "documents")
    assert set(found) == LISTING
    assert [set(offer) for offer in found["offers"]] == [OFFER]


def test_app_list(document, bought):
    found = document("app", "list")
    assert found
    assert all(set(offer) == OFFER and offer["app"] is None for offer in found)


def test_app_show(document, bought):
    found = document("app", "show", "onnx-runner")
    assert set(found) == LISTING
    assert isinstance(found["offers"][0]["price"], int)


def test_app_usage(document, bought):
    found = document("app", "usage", "onnx-runner")
    assert set(found) == {"app", "runs", "complete", "counts", "revenue", "buyers", "uses"}
    (ours,) = [use for use in found["uses"] if use["task"] == bought]
    assert set(ours) == {"task", "deal", "requester", "model", "price", "time", "state"}
    assert (ours["state"], ours["model"]) == ("answered", document("model", "show", "documents")["address"])
    assert found["runs"] == len(found["uses"]) == sum(found["counts"].values())
    assert found["revenue"] == sum(use["price"] for use in found["uses"])


def test_task_list(document, bought):
    found = document("task", "list")
    names = {"app", "app_name", "model", "model_name"}
    assert all(set(task) == {"task", "time", "state", "amount", "requester", "deal"} | names for task in found)
    (ours,) = [task for task in found if task["task"] == bought]
    assert ours["amount"] >= PRICE
    assert (ours["state"], ours["model_name"]) == ("answered", "documents")
    assert ours["model"] == document("model", "show", "documents")["address"]


def test_task_show(document, bought):
    found = document("task", "show", bought)
    assert set(found) == {"task", "deal", "state", "price", "payer", "deadline", "money", "stages"}
    assert (found["task"], found["state"]) == (bought, "answered")
    assert [set(stage) for stage in found["stages"]] == [{"stage", "at", "detail", "check"}] * len(found["stages"])


def test_account_balance(document, bought):
    found = document("account", "balance", "--as", "requester")
    assert set(found) == {"account", "wallet", "escrow", "locked"}
    assert all(isinstance(found[where], int) for where in ("wallet", "escrow", "locked"))


def test_earnings(document, bought):
    found = document("earnings")
    assert set(found) == {"total", "withdrawable", "payments"}
    (ours,) = [payment for payment in found["payments"] if payment["task"] == bought]
    fields = {"task", "amount", "block", "time", "app", "app_name", "model", "model_name", "requester", "state"}
    assert set(ours) == fields
    assert (ours["amount"], ours["app_name"], ours["model_name"]) == (PRICE, "onnx-runner", "documents")


def test_earnings_by_model(document, bought):
    (ours,) = [group for group in document("earnings", "--by", "model") if group["name"] == "documents"]
    assert ours == {
        "key": document("model", "show", "documents")["address"],
        "name": "documents",
        "runs": 1,
        "amount": PRICE,
    }


def test_status(document, localnet, tmp_path):
    addresses = {"rpc_url", "market_url", "web_url", "storage_urls", "pool_url", "vaults", "sms_url", "platform_url"}
    keys = {"running", "process", "data", "chain", "workerpool", "python", "start_error", "shop_error"} | addresses
    found = document("status")
    assert set(found) == keys
    assert all(found[name] for name in addresses)
    assert [set(vault) for vault in found["vaults"]] == [{"address", "url"}] * 3
    assert (found["running"], found["chain"]) == (True, 31337)
    away = document("status", "--home", tmp_path, code=1)
    assert set(away) == keys
    assert (away["running"], away["process"], away["chain"]) == (False, None, None)


def test_receipt_verify(document, bought, folder, tmp_path):
    pins = ("--network", folder / "answer" / "network.json")
    found = document("receipt", "verify", folder / "answer" / "receipt.json", *pins)
    assert set(found) == {"ok", "checks"}
    assert found["ok"] is True
    assert [set(check) for check in found["checks"]] == [{"number", "sentence", "ok", "detail"}] * 14
    forged = (folder / "answer" / "receipt.json").read_bytes().replace(b'"attempt":1', b'"attempt":2')
    (tmp_path / "forged.json").write_bytes(forged)
    refused = document("receipt", "verify", tmp_path / "forged.json", *pins, code=1)
    assert refused["ok"] is False
    assert next(check["number"] for check in refused["checks"] if not check["ok"]) == 4
