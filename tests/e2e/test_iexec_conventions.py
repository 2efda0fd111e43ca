"""An app that was written for iExec runs unchanged: one test per variable, and the outcomes of its failures."""

import asyncio
import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from Crypto.Hash import keccak

from sealgrid.chain.abi import ContractAbi
from sealgrid.chain.artifacts.generate import compile_contract
from sealgrid.chain.assets import Assets
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.errors import ContainerRefused, DealRefused, InputRefused, SharesRefused
from sealgrid.poco.ids import task_id
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, deploy, fetch_receipt, open_result, publish, run_inputs
from sealgrid.sdk.operations.follow import follow, history
from sealgrid.sdk.resources.runs import AsyncRun
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.wire.vault import PolicyRequest

HERE = Path(__file__).resolve().parent
RECEIVER = compile_contract(HERE.parents[1] / "contracts/mocks/ResultReceiver.vy")
APP_PRICE = 5
WEIGHTS = "the owner's weights"
DEVELOPER_SECRET, REQUESTER_SECRET = "key of the developer's service", "password of the requester"
FILES = (("b.txt", b"first file"), ("a.txt", b"second file"))
SECONDS = 90

pytestmark = pytest.mark.localnet


def folder_of(place: Path, *, version: str, seconds: int) -> Path:
    place.mkdir()
    shutil.copy(HERE / "iexec_style_app.py", place / "app.py")
    settings = f'name = "iexec-style"\nversion = "{version}"\nentrypoint = ["app.py"]\n'
    (place / "app.toml").write_text(f"{settings}[limits]\nwall_seconds = {seconds}\n")
    return place


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def app(people, tmp_path_factory) -> Address:
    folder = folder_of(tmp_path_factory.mktemp("developer") / "app", version="1.0.0", seconds=60)
    deployed = await deploy.deploy(people.developer, folder, price=APP_PRICE)
    await deploy.set_secret(people.developer, deployed.address, "an older secret")
    await deploy.set_secret(people.developer, deployed.address, DEVELOPER_SECRET)
    return deployed.address


async def published(people, app: Address, folder: Path) -> publish.PublishedModel:
    source = folder / "weights"
    source.write_text(WEIGHTS)
    return await publish.publish(people.owner, source, name="iexec-weights", apps=[app])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def model(people, app, tmp_path_factory) -> publish.PublishedModel:
    return await published(people, app, tmp_path_factory.mktemp("owner"))


@dataclass(frozen=True)
class EndedRun:
    job: buy.PurchasedTask
    envelope: bytes
    result: open_result.RunResult

    @property
    def app_output(self) -> Any:
        return self.result.json()

    @property
    def variables(self) -> dict[str, str]:
        return self.app_output["environment"]


async def wait_for_result(requester, job: buy.PurchasedTask) -> EndedRun:
    await asyncio.wait_for(follow(requester, job), SECONDS)
    envelope = await fetch_receipt.fetch_receipt(requester, job.task)
    result = await open_result.open_result(requester, parse_envelope(envelope).settle, job.result_key)
    return EndedRun(job, envelope, result)


async def run_app(requester, app: Address, *args: str, **options: Any) -> EndedRun:
    return await wait_for_result(requester, await buy.run(requester, RunRequest(app, args=args, **options)))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def both_tasks(people, app, model) -> list[EndedRun]:
    """Run both tasks of one deal that uses every option."""
    first = await buy.run(
        people.requester,
        RunRequest(
            app,
            model=model.address,
            files=FILES,
            args=["a private text", "--deep"],
            public_args="--mode 'two words'",
            secrets={"1": REQUESTER_SECRET, "3": "three"},
            tasks=2,
        ),
    )
    second = replace(first, task=task_id(first.deal, 1))
    return [await wait_for_result(people.requester, job) for job in (first, second)]


def test_iexec_task_id(both_tasks):
    assert [each.variables["IEXEC_TASK_ID"] for each in both_tasks] == [each.job.task for each in both_tasks]


def test_iexec_deal_id(both_tasks):
    assert {each.variables["IEXEC_DEAL_ID"] for each in both_tasks} == {both_tasks[0].job.deal}


def test_iexec_task_index(both_tasks):
    assert [each.variables["IEXEC_TASK_INDEX"] for each in both_tasks] == ["0", "1"]


def test_iexec_bot_size(both_tasks):
    assert [each.variables["IEXEC_BOT_SIZE"] for each in both_tasks] == ["2", "2"]


def test_iexec_bot_first_index(both_tasks):
    assert [each.variables["IEXEC_BOT_FIRST_INDEX"] for each in both_tasks] == ["0", "0"]


def test_iexec_bot_task_index(both_tasks):
    assert [each.variables["IEXEC_BOT_TASK_INDEX"] for each in both_tasks] == ["0", "1"]


def test_iexec_in(both_tasks):
    assert both_tasks[0].variables["IEXEC_IN"] == "/iexec_in"
    assert both_tasks[0].app_output["dataset"] == WEIGHTS  # the app read it there


def test_iexec_out(both_tasks):
    assert both_tasks[0].variables["IEXEC_OUT"] == "/iexec_out"
    assert {"result.json", "computed.json"} <= set(both_tasks[0].result.files)  # the app wrote them there


def test_iexec_dataset_address(both_tasks, model):
    assert both_tasks[0].variables["IEXEC_DATASET_ADDRESS"] == model.address


def test_iexec_dataset_filename(both_tasks):
    assert "/" not in both_tasks[0].variables["IEXEC_DATASET_FILENAME"]
    assert both_tasks[0].app_output["dataset"] == WEIGHTS


def test_iexec_input_files_number(both_tasks):
    assert both_tasks[0].variables["IEXEC_INPUT_FILES_NUMBER"] == "2"


def test_iexec_input_files_folder(both_tasks):
    assert both_tasks[0].variables["IEXEC_INPUT_FILES_FOLDER"] == "/iexec_inputs"  # apart from IEXEC_IN
    assert both_tasks[0].app_output["files"] == ["first file", "second file"]


def test_iexec_input_file_name_n(both_tasks):
    names = [both_tasks[0].variables[f"IEXEC_INPUT_FILE_NAME_{number}"] for number in (1, 2)]
    assert names == [name for name, _ in FILES]
    assert "IEXEC_INPUT_FILE_NAME_0" not in both_tasks[0].variables
    assert "IEXEC_INPUT_FILE_NAME_3" not in both_tasks[0].variables


def test_iexec_requester_secret_n(both_tasks):
    secrets = {name: text for name, text in both_tasks[0].variables.items() if "REQUESTER_SECRET" in name}
    assert secrets == {"IEXEC_REQUESTER_SECRET_1": REQUESTER_SECRET, "IEXEC_REQUESTER_SECRET_3": "three"}


def test_iexec_app_developer_secret(both_tasks):
    for name in ("IEXEC_APP_DEVELOPER_SECRET", "IEXEC_APP_DEVELOPER_SECRET_1"):
        assert {each.variables[name] for each in both_tasks} == {DEVELOPER_SECRET}


def test_arguments_are_split_like_a_shells_the_public_ones_first(both_tasks):
    assert both_tasks[0].app_output["args"] == ["--mode", "two words", "a private text", "--deep"]


def test_only_the_public_arguments_are_on_the_chain(both_tasks):
    params = json.loads(both_tasks[0].job.terms.request.params)
    assert params["iexec_args"] == "--mode 'two words'"
    assert "private" not in both_tasks[0].job.terms.request.params


def test_deterministic_output_path_of_a_file(both_tasks):
    result = both_tasks[0].result
    expected = hashlib.sha256(result.files["result.json"]).hexdigest()
    assert result.json("sealgrid.json") == {"exit": 0, "digest": "0x" + expected}
    assert (result.exit, result.log) == (0, "")


async def test_deterministic_output_path_of_a_folder(people, app):
    result = (await run_app(people.requester, app, "folder")).result
    parts = b"".join(hashlib.sha256(result.files[f"out/{name}"]).digest() for name in ("one.json", "two.txt"))
    expected = keccak.new(digest_bits=256, data=parts).hexdigest()
    assert result.json("sealgrid.json") == {"exit": 0, "digest": "0x" + expected}


async def test_without_files_and_secrets_their_variables_are_missing(people, app):
    variables = (await run_app(people.requester, app)).variables
    assert variables["IEXEC_INPUT_FILES_NUMBER"] == "0"
    assert not [name for name in variables if "FILE_NAME" in name or "REQUESTER" in name]


async def test_without_a_dataset_its_variables_name_the_zero_address(people, app):
    run = await run_app(people.requester, app)
    named = {name: value for name, value in run.variables.items() if "DATASET" in name}
    assert named == dict.fromkeys(("IEXEC_DATASET_ADDRESS", "IEXEC_DATASET_FILENAME"), ZERO_ADDRESS)
    assert run.app_output["dataset"] is None, "there is no such file"


async def test_a_secret_without_a_number_is_refused_before_the_purchase(people, app):
    before = await people.requester.hub.account(people.requester.address)
    for name in ("", "0", "01", "one", "1=2"):
        with pytest.raises(InputRefused, match="number"):
            await buy.run(people.requester, RunRequest(app, secrets={name: "x"}))
    assert await people.requester.hub.account(people.requester.address) == before


@dataclass(frozen=True)
class Receiver:
    """A contract on the chain that stores its callback data."""

    conn: Any = field(repr=False)
    address: Address
    abi: ContractAbi

    async def read(self, function: str, task: str) -> Any:
        return self.abi.decode(function, await self.conn.node.call(self.address, self.abi.call_data(function, task)))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def receiver(people) -> Receiver:
    code = bytes.fromhex(RECEIVER["bytecode"][2:])
    address = await people.requester.wallet.deploy(code, RECEIVER["abi"])
    return Receiver(people.requester, address, ContractAbi(RECEIVER["abi"]))


DATA = bytes(range(32))


async def test_callback_data_reach_the_deals_contract(people, app, receiver):
    done = await run_app(people.requester, app, "callback", "0x" + DATA.hex(), callback=receiver.address)
    assert await receiver.read("results", done.job.task) == DATA
    digest = (await people.requester.hub.view_task(done.job.task)).result_digest
    assert digest == "0x" + keccak.new(digest_bits=256, data=DATA).hexdigest()
    report = await fetch_receipt.verify_online(people.stranger, done.envelope)
    assert report.ok, report.failed


async def test_a_failing_app_is_paid_and_calls_back_without_data(people, app, receiver):
    done = await run_app(people.requester, app, "fail", callback=receiver.address)
    assert done.result.exit == 3
    assert await receiver.read("called", done.job.task)
    assert await receiver.read("results", done.job.task) == b""


async def test_an_app_without_callback_data_fails(people, app, receiver):
    done = await run_app(people.requester, app, callback=receiver.address)
    assert done.result.exit == -1
    assert "no callback-data" in done.result.log
    assert await receiver.read("results", done.job.task) == b""


async def test_a_callback_needs_the_permission_of_the_models_owner(people, app, receiver, tmp_path):
    forbidden = await published(people, app, tmp_path)
    options = {"model": forbidden.address, "callback": receiver.address}
    with pytest.raises(DealRefused, match="does not allow a callback to publish results") as caught:
        await buy.run(people.requester2, RunRequest(app, args=["callback", "0x" + DATA.hex()], **options))
    assert caught.value.check == "7.3"
    args = ["callback", "0x" + DATA.hex()]
    job = await buy.run(people.requester2, RunRequest(app, args=args, **options), preview=False)
    with pytest.raises(DealRefused, match="The run was paid") as settled:
        await AsyncRun(people.requester2, job).result(timeout=SECONDS)
    assert settled.value.check == "7.3"
    assert await receiver.read("results", job.task) == b"", "no data of the model are published"

    with_callback = tuple(msgspec.structs.replace(each, callback=True) for each in forbidden.policy.allowed)
    policy = msgspec.structs.replace(forbidden.policy, version=2, allowed=with_callback)
    signed = PolicyRequest(policy=policy, signature=policy.sign(people.owner.domain, people.owner.key))
    for vault in people.owner.vaults:
        await vault.set_policy(signed)
    allowed = await run_app(people.requester, app, "callback", "0x" + DATA.hex(), **options)
    assert await receiver.read("results", allowed.job.task) == DATA


async def test_a_failing_app_is_paid_and_its_log_opens_for_the_requester_only(people, app, localnet):
    mark = "a text that must not be found: 7f3a91c2"
    done = await run_app(people.requester, app, "fail", secrets={"1": mark})
    assert done.result.exit == 3
    assert sorted(done.result.log.splitlines()) == [f"secret {mark}", "this input makes no sense"]
    assert "result.json" not in done.result.files
    envelope = parse_envelope(done.envelope)
    assert envelope.receipt.body.exit_class == "app-failed"
    assert (await fetch_receipt.verify_online(people.stranger, done.envelope)).ok
    paid = {payment.account: payment.amount for payment in await people.requester.hub.payments(done.job.task)}
    assert paid[people.developer.address] == APP_PRICE
    with pytest.raises(ContainerRefused):
        await open_result.open_result(people.stranger, envelope.settle, HpkeKey.generate())
    files = [path.read_bytes() for path in localnet.layout.root.rglob("*") if path.is_file()]
    assert any(done.job.task.encode() in content for content in files)  # control: the search finds a public value
    assert not any(mark.encode() in content for content in files)


async def test_arguments_that_cannot_be_split_are_attributed_to_the_requester(people, app, monkeypatch):
    with pytest.raises(InputRefused, match=r"\(input\.8\)"):
        await buy.run(people.requester, RunRequest(app, public_args="'never closed"))
    monkeypatch.setattr(run_inputs, "split_arguments", lambda text: [text])  # as another client would
    done = await run_app(people.requester, app, public_args="'never closed")
    assert done.result.exit == -1
    assert "quotation mark" in done.result.log


async def test_an_app_that_runs_too_long_is_paid_only_if_it_had_its_processor_time(people, tmp_path):
    folder = folder_of(tmp_path / "slow", version="1.0.1", seconds=1)
    slow = await deploy.deploy(people.developer, folder, price=APP_PRICE)
    job = await buy.run(people.requester2, RunRequest(slow.address, args=["sleep"]))
    async with asyncio.timeout(SECONDS):
        stages = ()
        while not stages or stages[-1].stage not in {"completed", "failed"}:
            await asyncio.sleep(0.1)
            stages = await history(people.requester2, job.task)
    status = (await people.requester2.hub.view_task(job.task)).status
    paid = bool(await people.requester2.hub.payments(job.task))
    if stages[-1].stage == "completed":
        envelope = parse_envelope(await fetch_receipt.fetch_receipt(people.requester2, job.task))
        result = await open_result.open_result(people.requester2, envelope.settle, job.result_key)
        assert "the app did not end within its time limit" in result.log
        assert (envelope.receipt.body.exit_class, status, paid) == ("app-failed", TaskStatus.COMPLETED, True)
    else:  # the machine was too slow to attribute the ending to the app
        assert "the app did not end within its time limit" in " ".join(stage.detail for stage in stages)
        assert not {stage.stage for stage in stages} & {"sealed", "settled", "finalizing"}
        assert (status, paid) == (TaskStatus.ACTIVE, False)


async def test_only_its_owner_can_set_an_apps_secret(people, app):
    with pytest.raises(SharesRefused) as caught:
        await deploy.set_secret(people.stranger, app, "another secret")
    assert caught.value.check == "deposit.4"


async def test_a_transferred_app_has_no_secret_of_its_former_owner(people, tmp_path):
    folder = folder_of(tmp_path / "given", version="1.0.2", seconds=60)
    given = await deploy.deploy(people.developer, folder)
    await deploy.set_secret(people.developer, given.address, DEVELOPER_SECRET)
    assets = Assets(people.developer.hub)
    await assets.transfer(people.developer.wallet, "App", given.address, people.stranger.address)
    await deploy.sell(people.stranger, given.address, price=0, uses=9)
    variables = (await run_app(people.requester, given.address)).variables
    assert not [name for name in variables if "DEVELOPER" in name]
    with pytest.raises(SharesRefused):
        await deploy.set_secret(people.developer, given.address, "not mine any more")
    await deploy.set_secret(people.stranger, given.address, "the new owner's")
    renewed = (await run_app(people.requester, given.address)).variables
    assert renewed["IEXEC_APP_DEVELOPER_SECRET"] == "the new owner's"
