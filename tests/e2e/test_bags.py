"""Bags: one deal for many inputs, each sealed for its task; results in order and as completed; retry and resume."""

import signal
import subprocess
import sys
import textwrap

import pytest

import sealgrid
from sealgrid.errors import AppFailed, InputRefused, OrderRefused
from sealgrid.poco.ids import task_id

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


def test_one_deal_computes_each_input_in_its_place(requester, app):
    said, progress = [], []
    before = requester.account.balance()
    bag = requester.map(
        app, [b"a", b"b", b"c"], args=["x"], max_price="9", on_progress=lambda step: said.append(step.what)
    )
    assert answers(bag.results(on_progress=progress.append)) == ["a x", "b x", "c x"]
    (deal,) = {run.deal for run in bag.runs}
    assert [run.task for run in bag.runs] == [task_id(deal, index) for index in range(3)]
    assert before.escrow - requester.account.balance().escrow == bag.price
    assert [each.ended for each in progress] == [0, 1, 2, 3]
    assert progress[-1].seconds_left == 0
    assert any("3 tasks cost" in each for each in said)
    assert bag.runs[1].receipt.verify().ok


def test_a_failed_shard_is_an_outcome_and_alone_is_bought_again(requester, app):
    bag = requester.map(app, [b"a", b"bad", b"c"])
    outcomes = {each.index: each for each in bag.as_completed()}
    assert {index: type(each.error) for index, each in outcomes.items()} == {0: type(None), 1: AppFailed, 2: type(None)}
    assert outcomes[1].name == "input 1 (input.bin)"
    with pytest.raises(AppFailed, match="no bad input"):
        list(bag.results())
    first, failed, last = bag.results(return_exceptions=True)
    assert (answers([first, last]), type(failed)) == (["a", "c"], AppFailed)
    before = [run.task for run in bag.runs]
    assert bag.retry() == 1
    after = [run.task for run in bag.runs]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]


def test_the_same_key_buys_once_and_other_content_is_refused(requester, app):
    bag = requester.map(app, [b"a", b"b"], key="monday")
    before = requester.account.balance()
    again = requester.map(app, [b"a", b"b"], key="monday")
    assert (again.id, [run.task for run in again.runs]) == (bag.id, [run.task for run in bag.runs])
    with pytest.raises(InputRefused, match="other content"):
        requester.map(app, [b"a", b"B"], key="monday")
    assert requester.account.balance() == before
    assert answers(requester.bag(bag.id).results()) == ["a", "b"]


def test_what_can_be_known_is_refused_before_money_moves(requester, app):
    before = requester.account.balance()
    with pytest.raises(OrderRefused, match="more than"):
        requester.map(app, [b"a", b"b"], max_price=sealgrid.Amount(1))
    with pytest.raises(InputRefused, match="1 to 10000 tasks"):
        requester.map(app, [])
    with pytest.raises(InputRefused, match=r"input 1: .* cannot be read") as caught:
        requester.map(app, [b"a", "/no/such/file"])
    assert caught.value.money == "No money moved."
    assert requester.account.balance() == before


def test_small_offers_make_several_deals_of_one_request(requester, localnet, app, tmp_path):
    (tmp_path / "weights").write_bytes(b"weights")
    with sealgrid.connect("owner", network=localnet.layout.network, data=tmp_path / "owner") as owner:
        model = owner.models.publish(
            tmp_path / "weights", app=app, price="1", uses=3, orders=2, check_file=False, name="few-uses"
        )
    said = []
    bag = requester.map(app, [b"a", b"b", b"c"], model, on_progress=lambda step: said.append(step.what))
    assert answers(bag.results()) == ["a", "b", "c"]
    assert len({run.deal for run in bag.runs}) == 2
    assert any("in 2 deals" in each for each in said)
    with pytest.raises(OrderRefused, match=r"offer 0 right now|nobody offers"):
        requester.map(app, [b"a", b"b"], model)


BUYER = """
import os, sys, sealgrid
from sealgrid.sdk.operations import buy_bag
from sealgrid.chain.hub import Hub

kill_after, made, match = int(sys.argv[1]), 0, buy_bag.match

async def match_and_die(conn, deal, sponsor):
    if kill_after == 0:
        os.kill(os.getpid(), 9)
    await match(conn, deal, sponsor)
    os.kill(os.getpid(), 9)

buy_bag.match = match_and_die
with sealgrid.connect("requester", network=sys.argv[2], data=sys.argv[3]) as me:
    me.map(sys.argv[4], [b"a", b"b"], key="killed")
"""


@pytest.mark.parametrize("deals", [0, 1], ids=["before the deal", "after the deal"])
def test_a_client_that_is_killed_resumes_its_purchase(requester, localnet, app, tmp_path, deals):
    data = tmp_path / "requester"
    arguments = [str(deals), str(localnet.layout.network), str(data), app.address]
    killed = subprocess.run([sys.executable, "-c", BUYER, *arguments], check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = requester.account.balance()
    bag = requester.map(app, [b"a", b"b"], key="killed")
    assert answers(bag.results()) == ["a", "b"]
    spent = before.escrow - requester.account.balance().escrow
    assert spent == (0 if deals else bag.price)
