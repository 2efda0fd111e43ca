"""Bags: one deal for many inputs, each sealed for its task; results in order and as completed; retry and resume."""

import hashlib
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import sealgrid
from sealgrid.errors import AppFailed, InputRefused, OrderRefused
from sealgrid.poco.ids import task_id
from tests.unit.cli.cli_runner import run_cli

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "many-inputs.md"

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]

APP = """
import json, os, sys
from pathlib import Path
content = (Path("/iexec_inputs") / os.environ["IEXEC_INPUT_FILE_NAME_1"]).read_text()
if content == "bad":
    sys.exit("the app takes no bad input")
out = Path(os.environ["IEXEC_OUT"])
(out / "answer").write_text(f"{content} {' '.join(sys.argv[1:])}".strip())
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": "/iexec_out/answer"}))
"""


@pytest.fixture(scope="module")
def app(localnet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bag-app")
    (folder / "app.py").write_text(textwrap.dedent(APP))
    (folder / "app.toml").write_text('name = "bag-app"\nversion = "1"\nentrypoint = ["app.py"]\n')
    with sealgrid.connect("developer", data=localnet.layout.root) as developer:
        yield developer.apps.deploy(folder)


@pytest.fixture
def requester(localnet, tmp_path):
    with sealgrid.connect("requester", network=localnet.layout.network, data=tmp_path / "requester") as me:
        yield me


def answers(results):
    return [each.files["answer"].decode() for each in results]


def test_one_deal_computes_each_input_in_its_place_and_its_key_buys_it_once(requester, app):
    said, progress = [], []
    before = requester.account.balance()
    bag = requester.map(
        app,
        [b"a", b"b", b"c"],
        args=["x"],
        max_price="9",
        key="monday",
        on_progress=lambda step: said.append(step.what),
    )
    assert answers(bag.results(on_progress=progress.append)) == ["a x", "b x", "c x"]
    (deal,) = {run.deal for run in bag.runs}
    assert [run.task for run in bag.runs] == [task_id(deal, index) for index in range(3)]
    assert [each.ended for each in progress] == [0, 1, 2, 3]
    assert progress[-1].seconds_left == 0
    assert any("3 tasks cost" in each for each in said)
    assert bag.runs[1].receipt.verify().ok
    again = requester.map(app, [b"a", b"b", b"c"], args=["x"], key="monday")
    assert (again.id, [run.task for run in again.runs]) == (bag.id, [run.task for run in bag.runs])
    with pytest.raises(InputRefused, match="other content"):
        requester.map(app, [b"a", b"B", b"c"], args=["x"], key="monday")
    assert before.escrow - requester.account.balance().escrow == bag.price


def test_a_failed_shard_is_an_outcome_and_alone_is_bought_again(requester, app):
    bag = requester.map(app, [b"a", b"bad"])
    outcomes = {each.index: each for each in bag.as_completed()}
    assert {index: type(each.error) for index, each in outcomes.items()} == {0: type(None), 1: AppFailed}
    assert outcomes[1].name == "input 1 (input.bin)"
    with pytest.raises(AppFailed, match="no bad input"):
        list(bag.results())
    first, failed = bag.results(return_exceptions=True)
    assert (answers([first]), type(failed)) == (["a"], AppFailed)
    before = [run.task for run in bag.runs]
    assert bag.retry() == 1
    assert [old == new.task for old, new in zip(before, bag.runs, strict=True)] == [True, False]
    with pytest.raises(InputRefused, match="inputs of this bag are not here"):
        requester.bag(bag.id).retry()


def test_what_can_be_known_is_refused_before_money_moves(requester, app, tmp_path):
    before = requester.account.balance()
    with pytest.raises(OrderRefused, match="more than"):
        requester.map(app, [b"a", b"b"], max_price=sealgrid.Amount(1))
    with pytest.raises(InputRefused, match="0 tasks cannot be bought"):
        requester.map(app, [])
    with pytest.raises(InputRefused, match=r"input 1: .* cannot be read") as caught:
        requester.map(app, [b"a", "/no/such/file"])
    assert caught.value.money == "No money moved."
    empty = run_cli("run", app.address, "--map", tmp_path, home=requester.network.folder)
    assert (empty.code, empty.err) == (
        InputRefused.exit_code,
        f"sealgrid: the folder {tmp_path} has no files. No money moved.\n",
    )
    after = requester.account.balance()  # what earlier tasks lock may be paid meanwhile
    assert (after.wallet, after.escrow) == (before.wallet, before.escrow)


def test_an_executor_buys_runs_and_bags_and_a_table_is_a_bag_of_batches(requester, app, tmp_path):
    (tmp_path / "table.csv").write_text("n\n1\n2\n3\n")
    bag = requester.map_batches(app, tmp_path / "table.csv", rows=2)
    with sealgrid.Executor(requester) as executor:
        single = executor.submit(app, b"s")
        mapped = executor.map(app, [b"a", b"b"], [["x"], ["y"]])
        assert answers([single.result()]) == ["s"]
        assert answers(mapped) == ["a x", "b y"]
    assert answers(bag.results()) == ["n\n1\n2", "n\n3"]


def test_the_block_of_the_how_to_hashes_two_texts(localnet, monkeypatch, capsys):
    monkeypatch.setenv("SEALGRID_HOME", str(localnet.layout.root))
    with sealgrid.connect("developer") as developer:
        developer.apps.deploy("hash-file")
    (block,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    exec(block, {})
    expected = [hashlib.sha256(text).hexdigest() for text in (b"first", b"second")]
    assert [line.removeprefix("0x") for line in capsys.readouterr().out.split()] == expected


BUYER = """
import os, sys, sealgrid
from sealgrid.sdk.operations import buy_bag

match = buy_bag.match

async def match_and_die(conn, deal, sponsor):
    await match(conn, deal, sponsor)
    os.kill(os.getpid(), 9)

buy_bag.match = match_and_die
with sealgrid.connect("requester", network=sys.argv[1], data=sys.argv[2]) as me:
    me.map(sys.argv[3], [b"a", b"b", b"c"], sys.argv[4], key="killed")
"""


@pytest.mark.long
def test_a_client_that_is_killed_between_two_deals_of_small_offers_completes_its_purchase(
    requester, localnet, app, tmp_path
):
    (tmp_path / "weights").write_bytes(b"weights")
    with sealgrid.connect("owner", network=localnet.layout.network, data=tmp_path / "owner") as owner:
        model = owner.models.publish(
            tmp_path / "weights", app=app, price="1", uses=3, orders=2, check_file=False, name="few-uses"
        )
    arguments = [localnet.layout.network, tmp_path / "requester", app.address, model.address]
    killed = subprocess.run(
        [sys.executable, "-c", BUYER, *map(str, arguments)], check=False, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = requester.account.balance()
    bag = requester.map(app, [b"a", b"b", b"c"], model, key="killed")
    assert answers(bag.results()) == ["a", "b", "c"]
    first, second = dict.fromkeys(run.deal for run in bag.runs)
    left = [run for run in bag.runs if run.deal == second]
    assert before.escrow - requester.account.balance().escrow == sum(run.price for run in left)
    with pytest.raises(OrderRefused):  # sold out: no third deal
        requester.map(app, [b"a"], model)
    assert first != second


def test_the_command_buys_the_files_of_a_folder_and_its_failed_shards_again(localnet, app, tmp_path):
    home, folder = localnet.layout.root, tmp_path / "inputs"
    folder.mkdir()
    for name, content in {"1.txt": "a", "2.txt": "bad"}.items():
        (folder / name).write_text(content)
    words = ("run", app.address, "--map", folder, "--key", "folder", "--out", tmp_path / "out")
    quoted = run_cli(*words, "--quote", home=home)
    assert "2, each at these prices" in quoted.out
    bought = run_cli(*words, home=home)
    assert bought.code == AppFailed.exit_code
    assert "2 of 2 shards, 1 failed" in bought.err
    assert (tmp_path / "out" / "shard-00000" / "result" / "answer").read_text() == "a"
    assert not (tmp_path / "out" / "shard-00001").exists()
    again = run_cli(*words, "--retry", home=home)
    assert "bought 1 failed shards again" in again.err
    bag = re.search("sealgrid bag results ([0-9a-f]{16})", again.err)[1]
    assert f"{bag}  " in run_cli("bag", "list", home=home).out
    opened = run_cli("bag", "results", bag, home=home)
    assert "input 0 (1.txt):" in opened.out
    assert "input 1 (2.txt): the app failed" in opened.err
    verified = run_cli("receipt", "verify", tmp_path / "out" / "shard-00000" / "receipt.json", home=home)
    assert verified.code == 0
