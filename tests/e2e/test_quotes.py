"""The price of a run before it is bought: parts, money, past runs, and what the vaults would refuse."""

import json

import pytest

import sealgrid
from sealgrid.errors import DealRefused
from tests.e2e.shell import Shell
from tests.unit.shipped_apps.onnx_writer import passing

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]
CALLBACK = "0x" + "55" * 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quotes")
    (folder / "face.onnx").write_bytes(passing((1, 3)))
    (folder / "input.json").write_text("[[1, 2, 3]]")
    return folder


@pytest.fixture(scope="module")
def model(localnet, folder):
    with sealgrid.connect("owner", data=localnet.layout.root) as me:
        yield me.models.publish(folder / "face.onnx", price="3", name="quoted")


@pytest.fixture(scope="module")
def requester(localnet):
    with sealgrid.connect("requester", data=localnet.layout.root) as me:
        yield me


def test_a_quote_has_the_price_of_the_run_and_moves_no_money(requester, model, folder):
    before = requester.account.balance()
    quote = requester.quote("onnx-runner", model, files=[folder / "input.json"], tasks=2)
    assert quote.total == 2 * (quote.app_price + quote.model_price + quote.computing_price)
    assert str(quote.model_price) == "3 RLC"
    assert (quote.escrow, quote.wallet, quote.missing) == (before.escrow, before.wallet, 0)
    assert (quote.quorum, quote.vaults, quote.conditions) == (2, 3, ())
    assert requester.account.balance() == before
    run = requester.run("onnx-runner", model, files=[folder / "input.json"], max_price=quote.total)
    assert len(run.tasks) == 1
    run.result(timeout=120)
    after = requester.quote("onnx-runner", model, check_inputs=False)
    assert after.past_runs == quote.past_runs + 1
    assert 0 <= after.expected_seconds <= after.slowest_seconds


def test_a_run_that_the_vaults_would_refuse_has_no_quote(requester, model, folder):
    with pytest.raises(
        DealRefused, match=r"vaults 1, 2 and 3 of 3 refuse this run: .*buy the run without a callback"
    ) as no:
        requester.quote("onnx-runner", model, files=[folder / "input.json"], callback=CALLBACK)
    assert (no.value.check, no.value.money) == ("7.3", "No money moved.")


def test_the_command_prints_a_quote_for_people_and_for_programs(localnet, model, folder):
    sealgrid_ = Shell(folder, localnet.layout.root)
    words = ("run", "onnx-runner", "--model", model.address, "--file", "input.json", "--quote")
    printed = sealgrid_.output(*words)
    assert "model      3 RLC" in printed
    assert printed.endswith("nothing was bought\n")
    document = json.loads(sealgrid_.output(*words, "--json"))
    assert document["model_price"] == 3 * 10**9
    assert document["total"] == document["app_price"] + document["model_price"] + document["computing_price"]


def test_a_sale_states_its_terms(localnet, folder):
    sealgrid_ = Shell(folder, localnet.layout.root)
    words = ("model", "publish", "face.onnx", "--price", "1", "--name", "short", "--unproved")
    ended = sealgrid_(*words, "--until", "2099-12-31", "--uses-per-hour", "7")
    assert ended.code == 0, ended.err
    assert "until 2099-12-31 00:00:00 UTC, at most 7 uses an hour for each account" in ended.err
    granted = sealgrid_.output("model", "grant", ended.out.split()[0], "0x" + "77" * 20)
    assert "until 2099-12-31 00:00:00 UTC, when the model's policy ends" in granted
    assert "which has passed" in sealgrid_.error_line(*words, "--until", "2020-01-01")


def test_a_quote_checks_the_inputs_like_a_purchase(requester, model):
    with pytest.raises(sealgrid.InputMismatch) as refused:
        requester.quote("onnx-runner", model)
    assert refused.value.money == "No money moved."
