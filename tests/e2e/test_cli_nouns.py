"""Every noun of the command line on a local network, and offline verification of receipts that ``run`` wrote."""

import re
from pathlib import Path

import msgspec
import pytest

from tests.e2e.shell import Shell
from tests.unit.shipped_apps.onnx_writer import passing

INPUT = ("--model", "nouns", "--file", "input.json")

pytestmark = pytest.mark.localnet


@pytest.fixture(scope="session")
def sealgrid(localnet, tmp_path_factory) -> Shell:
    folder = tmp_path_factory.mktemp("shell")
    (folder / "nouns.onnx").write_bytes(passing((1, 3)))
    (folder / "input.json").write_text("[[1, 2, 3]]")
    (folder / "bad-input.json").write_text("[[1, 2]]")
    return Shell(folder, localnet.layout.root)


@pytest.fixture(scope="session")
def bought(sealgrid) -> Path:
    sealgrid.output("app", "deploy", "onnx-runner", "--price", "0.25")
    sealgrid.output("model", "publish", "nouns.onnx", "--price", "3", "--uses", "5")
    sealgrid.output(
        "run", "onnx-runner", "--model", "nouns", "--file", "input.json", "--out", "answer", "--max-price", "9"
    )
    return sealgrid.folder / "answer"


def task_of(answer: Path) -> str:
    return msgspec.json.decode((answer / "receipt.json").read_bytes())["receipt"]["body"]["task"]


def test_models_and_apps_are_listed_and_shown(sealgrid, bought):
    assert re.search(r"0x[0-9a-f]{40} +3 RLC +4 uses +'nouns'", sealgrid.output("model", "list", "--mine"))
    assert "0.25 RLC" in sealgrid.output("app", "list", "--mine")
    assert "code digest" in sealgrid.output("app", "show", "onnx-runner")
    assert "for each of 4 uses, for the app 0x" in sealgrid.output("model", "show", "nouns")


def test_a_receipt_is_verified_on_a_machine_without_a_network(sealgrid, bought, tmp_path):
    ended = sealgrid("receipt", "verify", bought / "receipt.json", "--network", bought / "network.json", home=tmp_path)
    assert ended.code == 0, ended.err
    assert "all 14 checks hold" in ended.out
    assert "all 20 checks hold" in sealgrid.output("receipt", "verify", bought / "receipt.json", "--online")


def test_the_saved_pins_name_no_folder_of_this_machine(sealgrid, bought):
    assert msgspec.json.decode((bought / "network.json").read_bytes())["folder"] == ""
    assert str(sealgrid.home) not in (bought / "network.json").read_text()


def test_a_task_is_listed_and_its_result_opens_again(sealgrid, bought, tmp_path):
    listed = [line.split()[0] for line in sealgrid.output("task", "list").splitlines()]
    task = task_of(bought)
    assert task in listed
    # The app costs 0.25, or nothing if another test of this network offers the same code.
    assert re.match(
        r"answered, bought for 5(\.25)? RLC\n.*completed$", sealgrid.output("task", "show", task), re.DOTALL
    )
    sealgrid.output("task", "result", task, "--out", tmp_path / "again")
    first, again = (folder / "result" / "result.json" for folder in (bought, tmp_path / "again"))
    assert first.read_bytes() == again.read_bytes()


def test_a_deposit_into_escrow_can_be_withdrawn(sealgrid, localnet):
    before = sealgrid.output("account", "balance", "--account", "publisher")
    after = sealgrid.output("account", "deposit", "2.5", "--account", "publisher")
    assert float(re.search(r"escrow +(\S+)", after)[1]) == float(re.search(r"escrow +(\S+)", before)[1]) + 2.5
    sealgrid.output("account", "withdraw", "2.5", "--account", "publisher")
    assert sealgrid.output("account", "balance", "--account", "publisher") == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("run", "no-such-app"), "nobody offers an app called 'no-such-app'"),
        (("run", "0x" + "12" * 20), "no app is registered at 0x1212"),
        (("run", "onnx-runner", "--model", "no-such-model"), "nobody offers a model called 'no-such-model'"),
        (("run", "onnx-runner", "--model", "nouns", "--file", "nowhere.json"), "nowhere.json cannot be read"),
        (("run", "onnx-runner", *INPUT, "--max-price", "0.1"), "more than the"),
        (("run", "onnx-runner", "--as", "nobody"), "there is no account 'nobody'"),
        (("run", "onnx-runner", *INPUT, "--account", "vault2"), "are missing; deposit them first"),
        (("model", "publish", "input.json", "--price", "3"), "input.json is not an ONNX model"),
        (("model", "publish", "nouns.onnx", "--price", "three"), "'three' is not a valid amount"),
        (("model", "unlist", "nouns", "--account", "thief"), "the model 'nouns' belongs to another account"),
        (("account", "withdraw", "1000000", "--account", "publisher"), "is free in escrow"),
        (("account", "deposit", "80000000"), "wallet holds less"),
        (("app", "deploy", "nowhere"), "neither a folder with an app.toml nor a shipped app"),
        (("task", "result", "0x12"), "is not a valid task id"),
    ],
)
def test_an_error_is_one_line_and_for_a_run_it_says_that_no_money_moved(sealgrid, bought, words, line):
    refused = sealgrid.error_line(*words)
    assert line in refused
    assert refused.startswith("sealgrid: ")
    assert ("No money moved" in refused) == (words[0] == "run")


def test_the_error_of_a_failed_app_says_that_the_run_was_paid(sealgrid, bought):
    wrong = ("--file", "input.json", "--arg=--outputs", "--arg=absent", "--out", "failed")
    refused = sealgrid.error_line("run", "onnx-runner", "--model", "nouns", *wrong)
    assert "the app failed: the model has no output 'absent'" in refused
    assert "The run was paid" in refused
    assert "no output 'absent'" in (sealgrid.folder / "failed" / "app.log").read_text()


def test_an_input_that_does_not_fit_the_models_signature_is_not_bought(sealgrid, bought):
    refused = sealgrid.error_line("run", "onnx-runner", "--model", "nouns", "--file", "bad-input.json")
    assert "the input 'x' has the shape [1, 2]; the model takes [1, 3]. No money moved." in refused


def test_a_result_that_cannot_be_written_can_be_opened_again(sealgrid, bought, tmp_path):
    task = task_of(bought)
    (tmp_path / "file").write_text("")
    refused = sealgrid.error_line("task", "result", task, "--out", tmp_path / "file" / "below")
    assert f"open it again with: sealgrid task result {task}" in refused


def test_the_sealed_file_of_a_model_is_removed_with_its_last_offer(sealgrid, bought, localnet):
    told = sealgrid.output("model", "unlist", "nouns", "--delete-file")
    assert f"cancelled 1 offer of nouns\n{localnet.network.storage_url} removed the sealed file" in told
    refused = sealgrid.error_line("run", "onnx-runner", "--model", "nouns", *INPUT, "--as", "owner")
    assert "the sealed file of 'nouns' is gone from this network's storage" in refused
    assert "No money moved" in refused
    assert sealgrid.output("model", "usage", "nouns").count("  task 0x") >= 1, "its usage stays readable"
