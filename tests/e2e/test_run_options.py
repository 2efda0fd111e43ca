"""Secrets, public arguments, callbacks, several tasks and waiting, in the client and on the command line."""

import json
import shutil
import time
from pathlib import Path

import msgspec
import pytest

import sealgrid
from sealgrid.chain import artifacts
from sealgrid.chain.abi import ContractAbi, interface
from sealgrid.chain.accounts import development_key
from sealgrid.chain.artifacts.generate import compile_contract
from sealgrid.errors import (
    AppFailed,
    ContractReverted,
    InputRefused,
    NotFound,
    OrderRefused,
    ServiceUnavailable,
    StillRunning,
)
from sealgrid.poco.typed_data import order_hash
from sealgrid.sdk.connection import connect
from sealgrid.sdk.network import load_network
from sealgrid.sdk.stores.job_store import JobStore
from sealgrid.sdk.stores.model_store import ModelStore
from tests.unit.cli.cli_runner import run_cli

HERE = Path(__file__).resolve().parent
RECEIVER = compile_contract(HERE.parents[1] / "contracts/mocks/ResultReceiver.vy")
WEIGHTS = b"weights of the owner"

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("takes")
    (folder / "app").mkdir()
    shutil.copy(HERE / "iexec_style_app.py", folder / "app" / "app.py")
    (folder / "app" / "app.toml").write_text('name = "takes"\nversion = "2.0.0"\nentrypoint = ["app.py"]\n')
    (folder / "weights").write_bytes(WEIGHTS)
    return folder


@pytest.fixture(scope="session")
def developer(localnet):
    with sealgrid.connect("developer", data=localnet.layout.root) as me:
        yield me


@pytest.fixture(scope="session")
def app(developer, folder):
    return developer.apps.deploy(folder / "app")


@pytest.fixture
def owner(localnet, tmp_path):
    with sealgrid.connect("owner", network=localnet.layout.network, data=tmp_path / "owner") as me:
        yield me


@pytest.fixture
def requester(localnet, tmp_path):
    with sealgrid.connect("requester", network=localnet.layout.network, data=tmp_path / "requester") as me:
        yield me


def test_the_app_gets_both_secrets_and_all_arguments(developer, requester, app):
    developer.apps.set_secret(app, "the developer's")
    steps = []
    run = requester.run(
        app,
        args=["private"],
        public_args=["two words", "shown"],
        secrets={2: "the requester's"},
        on_progress=lambda step: steps.append(step.what),
    )
    app_output = run.result().json()
    assert app_output["args"] == ["two words", "shown", "private"]
    assert app_output["environment"]["IEXEC_REQUESTER_SECRET_2"] == "the requester's"
    assert app_output["environment"]["IEXEC_APP_DEVELOPER_SECRET"] == "the developer's"
    assert steps[0] == "choosing the cheapest offers"
    assert steps[-1] == "making the deal on the chain"


def test_only_its_owner_can_set_an_apps_secret(requester, app):
    with pytest.raises(sealgrid.SealgridError, match=r"\(deposit\.4\)"):
        requester.apps.set_secret(app, "mine now")
    with pytest.raises(InputRefused, match="belongs to another account"):
        requester.apps.set_secret("takes", "mine now")


def test_a_deal_of_several_tasks_has_a_handle_and_a_key_for_each(requester, app, tmp_path):
    run = requester.run(app, tasks=2, max_price="9")
    assert len({each.task for each in run.tasks}) == 2
    assert {entry.task for entry in JobStore(tmp_path / "requester" / "jobs").all()} == {
        each.task for each in run.tasks
    }
    app_output = [requester.reopen(each.task).result().json()["environment"] for each in run.tasks]
    assert [each["IEXEC_BOT_TASK_INDEX"] for each in app_output] == ["0", "1"]
    with pytest.raises(OrderRefused, match="more than"):
        requester.run(app, tasks=3, max_price=sealgrid.Amount(3 * run.price - 1))
    with pytest.raises(InputRefused):
        requester.run(app, tasks=0)


def test_more_tasks_than_any_offer_has_are_refused_before_the_purchase(requester, owner, app, folder):
    model = owner.models.publish(folder / "weights", app=app, price="1", uses=1, check_file=False, name="takes-few")
    before = requester.account.balance()
    with pytest.raises(OrderRefused, match="has 2 uses left; the largest has 1"):
        requester.run(app, model=model, tasks=2)
    assert requester.account.balance() == before


def test_a_run_continues_after_its_requester_stops_waiting(requester, app):
    run = requester.run(app)
    with pytest.raises(StillRunning, match="it continues"):
        run.result(timeout=0)
    assert run.result(timeout=120).json()
    assert run.status().deadline > time.time() - 3600


async def received(network, task: str, address: str) -> bytes:
    abi = ContractAbi(RECEIVER["abi"])
    async with connect(network, development_key("stranger")) as conn:
        return abi.decode("results", await conn.node.call(address, abi.call_data("results", task)))


async def test_a_callback_gets_the_apps_data_if_the_models_owner_allows_it(localnet, app, folder, tmp_path):
    network = load_network(localnet.layout.network)
    async with connect(network, development_key("requester2")) as conn:
        contract = await conn.wallet.deploy(bytes.fromhex(RECEIVER["bytecode"][2:]), RECEIVER["abi"])
    async with (
        sealgrid.connect_async("owner", network=network, data=tmp_path / "o") as owner,
        sealgrid.connect_async("requester2", network=network, data=tmp_path / "r") as requester,
    ):
        options = {"callback": True, "check_file": False, "name": "loud"}
        model = await owner.models.publish(folder / "weights", app=app, price="1", **options)
        run = await requester.run(app, model=model, args=["callback", "0x" + "ab" * 32], callback=contract)
        await run.result(timeout=120)
        assert await received(network, run.task, contract) == bytes.fromhex("ab" * 32)
        with pytest.raises(InputRefused, match="not a contract address"):
            await requester.run(app, callback="my-contract")


async def test_a_deferred_callback_is_delivered_once_the_run_is_paid(localnet, app, folder, tmp_path):
    network = load_network(localnet.layout.network)
    async with (
        connect(network, development_key("requester2")) as conn,
        sealgrid.connect_async("owner", network=network, data=tmp_path / "o") as owner,
        sealgrid.connect_async("requester2", network=network, data=tmp_path / "r") as requester,
    ):
        # The owner allows no plain callback: nothing is published before the payment.
        model = await owner.models.publish(folder / "weights", app=app, price="1", check_file=False, name="deferred")
        code, abi = artifacts.bytecode("AnswerReceiver"), artifacts.abi("AnswerReceiver")
        trusted = (network.hub, network.broker, app.address, model.address)
        contract = await conn.wallet.deploy(code, abi, *trusted)
        run = await requester.run(app, model=model, args=["callback", "0x" + "cd" * 32], deferred_callback=True)
        await run.result(timeout=120)
        receipt = await run.receipt.verify()
        assert receipt.ok
        await run.deliver(contract)
        receiver = interface("AnswerReceiver")
        call = receiver.call_data("answers", run.task)
        assert receiver.decode("answers", await conn.node.call(contract, call)) == bytes.fromhex("cd" * 32)
        with pytest.raises(ContractReverted, match="here already"):
            await run.deliver(contract)
        plain = await requester.run(app, model=model)
        await plain.result(timeout=120)
        with pytest.raises(InputRefused, match="no deferred callback"):
            await plain.deliver(contract)
        with pytest.raises(InputRefused, match="not both"):
            await requester.run(app, callback=contract, deferred_callback=True)


def test_an_offer_that_no_market_lists_is_cancelled_from_the_record(localnet, app, folder, tmp_path):
    network = load_network(localnet.layout.network)
    without_market = msgspec.structs.replace(network, market_url="http://127.0.0.1:1")
    with sealgrid.connect("owner", network=without_market, data=tmp_path) as owner, pytest.raises(ServiceUnavailable):
        owner.models.publish(
            folder / "weights", app=app.address, price="1", check_file=False, name="unlisted", unproved=True
        )
    (record,) = ModelStore(tmp_path / "models").all()
    offers = record.offers()
    assert len(offers) == 10
    with sealgrid.connect("owner", network=without_market, data=tmp_path) as owner:
        done = owner.models.unlist("unlisted")
    assert done.cancelled == 1  # one offer, of ten orders
    assert "the market does not answer" in done.unreached[0]
    with sealgrid.connect("owner", network=network, data=tmp_path) as owner, pytest.raises(NotFound):
        owner.models.unlist(record.model)
    assert all(consumed(network, offer) == offer.volume for offer in offers)


def consumed(network, offer) -> int:
    import asyncio

    async def ask() -> int:
        async with connect(network, development_key("stranger")) as conn:
            return await conn.hub.view_consumed(order_hash(offer, conn.order_domain))

    return asyncio.run(ask())


def test_unlisting_without_a_record_names_the_missing_source(localnet, owner, app, folder, tmp_path):
    model = owner.models.publish(folder / "weights", app=app, price="1", check_file=False, name="elsewhere")
    with sealgrid.connect("owner", network=localnet.layout.network, data=tmp_path / "new machine") as other:
        done = other.models.unlist(model.address)
    assert done.cancelled == 1
    assert "no record" in done.unreached[0]


def test_an_owner_recovers_a_lost_file_from_the_network(owner, app, folder, tmp_path):
    model = owner.models.publish(folder / "weights", app=app, price="1", check_file=False, name="lost")
    assert owner.models.recover("lost", tmp_path / "found").read_bytes() == WEIGHTS
    with pytest.raises(InputRefused, match="nothing was overwritten"):
        owner.models.recover(model, tmp_path / "found")
    with pytest.raises(NotFound, match="no key of a model"):
        owner.models.recover("never-had", tmp_path / "other")
    owner.models.unlist(model)


def test_the_command_line_has_all_of_these_options(localnet, app, folder, tmp_path):
    (tmp_path / "token").write_text("a token\n")
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(localnet.layout.network, home / "network.json")

    def command(*words: object):
        return run_cli(*words, home=home, folder=tmp_path)

    stored = command("app", "secret", app.address, "token")
    assert stored.code == 0, stored.err
    assert "Never publish a real secret" in stored.err
    ended = command(
        "run",
        app.address,
        "--arg",
        "private",
        "--public-arg",
        "shown",
        "--secret",
        "1=token",
        "--tasks",
        "2",
        "--max-price",
        "9",
        "--timeout",
        "120",
        "--out",
        "answers",
    )
    assert ended.code == 0, ended.err
    assert "PUBLIC for ever" in ended.err
    assert "bought 2 tasks" in ended.err
    assert "a token" not in ended.out + ended.err
    for number in ("1", "2"):
        app_output = json.loads((tmp_path / "answers" / f"task-{number}" / "result" / "result.json").read_text())
        assert app_output["args"] == ["shown", "private"]
        assert app_output["environment"]["IEXEC_REQUESTER_SECRET_1"] == "a token"
        assert app_output["environment"]["IEXEC_APP_DEVELOPER_SECRET"] == "a token"
    failed = command("run", app.address, "--arg", "fail", "--tasks", "2", "--out", "failed")
    assert failed.code == 1
    assert failed.err.count("The run was paid") == 3  # each task's, and the last line
    assert sorted(path.parent.name for path in tmp_path.glob("failed/*/app.log")) == ["task-1", "task-2"]


def test_the_requester_reads_the_complete_log_of_a_failed_app(requester, app):
    run = requester.run(app, args=["fail"], secrets={1: "x"})
    with pytest.raises(AppFailed, match=r"this input makes no sense|secret x"):
        run.result()
    assert sorted(run.log().splitlines()) == ["secret x", "this input makes no sense"]
