"""The situations of docs/reference/errors.md in which all parts work: line, exit code and state of the money."""

import asyncio
import os
import re
import shutil
import subprocess
import time
from asyncio import to_thread
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from sealgrid.bundle.build import build
from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.errors import InterpreterMismatch
from sealgrid.poco.orders import DatasetOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.external_wallet import recording_connection
from sealgrid.sdk.network import load_network
from sealgrid.sdk.operations import buy, deploy
from sealgrid.sdk.operations import publish as models
from sealgrid.sdk.operations.client_sealed import ClientSealedInput, prepare_purchase
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.operations.orders import fresh_salt, sign_and_publish
from sealgrid.sdk.operations.policies import policy_of, set_policy
from sealgrid.sdk.run_request import RunRequest
from sealgrid.sdk.stores.job_store import JobStore
from sealgrid.wire.storage import location
from tests.e2e.error_table import TABLE, moved
from tests.e2e.running_network import SEALGRID
from tests.e2e.shell import Shell
from tests.unit.cli.cli_runner import CliResult
from tests.unit.shipped_apps.onnx_writer import passing

BUYER = "beneficiary"  #: only test_full_disks buys with this account as well
#: one account for each of the runs that no machine can finish; they run in parallel
BATCH = ("worker2", "worker3", "stranger")
PAGE = 4096
OTHER_PYTHON = "3.10"  #: a Python that no network has

ODD = """
import json, os, pathlib, sys, time
out = pathlib.Path(os.environ["IEXEC_OUT"])
match sys.argv[1:]:
    case ["crash"]:
        raise ValueError("this picture is no picture")
    case ["sleep"]:
        time.sleep(60)
    case ["write"]:
        for number in range(3):
            (out / str(number)).write_bytes(bytes(1 << 15))
    case ["flood"]:
        for number in range(100):
            (out / str(number)).write_bytes(bytes(1 << 15))
        time.sleep(60)
    case _:
        (out / "result.json").write_text('"done"')
        (out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))
"""
#: a loaded machine takes more than a second to start an interpreter and to notice what an app wrote
LIMITS = "[limits]\nwall_seconds = 6\noutput_bytes = 65536\n"

pytestmark = pytest.mark.localnet


@pytest.fixture(scope="module")
def sealgrid(localnet, tmp_path_factory) -> Shell:
    folder = tmp_path_factory.mktemp("errors")
    (folder / "input.json").write_text("[[1, 2, 3]]")
    (folder / "again").mkdir()
    (folder / "again" / "Input.json").write_text("[[1, 2, 3]]")
    (folder / "errors.onnx").write_bytes(passing((1, 3)))
    for name in ("odd", "other"):
        (folder / name).mkdir()
        (folder / name / "main.py").write_text(ODD)
        head = f'name = "{name}-of-errors"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n'
        (folder / name / "app.toml").write_text(head + LIMITS)
    return Shell(folder, localnet.layout.root)


@pytest.fixture(scope="module")
def odd(sealgrid) -> str:
    return sealgrid.output("app", "deploy", "./odd", "--price", "1").split()[0]


@pytest.fixture(scope="module")
def model(sealgrid, odd) -> Callable[..., str]:
    def publish(name: str, *more: object) -> str:
        words = ("errors.onnx", "--no-check-file", "--app", odd, "--price", "1", "--name", name, *more)
        return sealgrid.output("model", "publish", *words).split()[0]

    return publish


def expect_row(sealgrid: Shell, situation: str, *words: object, account: str = BUYER) -> CliResult:
    """Run a command; compare its output, exit code and effect on the account's money with the page."""
    before = sealgrid.escrow(account)
    ended = sealgrid(*words, "--account", account)
    TABLE[situation].expect(ended.code, ended.err)
    assert moved(before, sealgrid.escrow(account)) == TABLE[situation].money
    return ended


@pytest.mark.parametrize(
    ("situation", "words"),
    [
        ("unknown app", ("run", "no-such-app")),
        ("wrong file", ("run", "ODD", "--file", "nowhere.json")),
        ("two files of one name", ("run", "ODD", "--file", "input.json", "--file", "again/Input.json")),
        ("not an ONNX model", ("model", "publish", "input.json", "--price", "1")),
        ("price above the maximum", ("run", "ODD", "--max-price", "0.1")),
    ],
)
def test_an_invalid_command_costs_nothing(sealgrid, odd, situation, words):
    expect_row(sealgrid, situation, *[odd if word == "ODD" else word for word in words])


def test_a_requester_without_funds_gets_an_error_and_leaves_no_key(sealgrid, odd):
    before = JobStore(sealgrid.home / "jobs").all()
    expect_row(sealgrid, "requester without funds", "run", odd, account="vault3")
    assert JobStore(sealgrid.home / "jobs").all() == before


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def foreign(people, sealgrid) -> str:
    """Offer an app that is built for a Python that this network does not have."""
    made, developer = build(sealgrid.folder / "odd", python=OTHER_PYTHON), people.developer
    stored = await developer.storage.put_bytes(made.archive)
    address = await Assets(developer.hub).create_app(
        developer.wallet, name="for-another-python", multiaddr=location(stored), checksum=made.app_digest
    )
    await deploy.sell(developer, address, price=0, uses=10)
    return address


async def test_an_app_for_another_python_is_never_bought(sealgrid, people, foreign, localnet):
    await to_thread(expect_row, sealgrid, "app for another Python", "run", foreign)
    assert not [each for each in JobStore(sealgrid.home / "jobs").all() if each.job().terms.app.app == foreign]
    sealed = ClientSealedInput(
        app=foreign, sha256="0x" + "11" * 32, commitments=("0x" + "22" * 32,) * 3, result_key="0x" + "33" * 32
    )
    conn, steps = recording_connection(people.stranger, people.stranger.address)
    with pytest.raises(InterpreterMismatch, match="No money moved"):
        await prepare_purchase(conn, sealed)
    assert steps == []
    page = await localnet.page(f"/apps/{foreign}")
    assert f"This app is built for Python {OTHER_PYTHON}" in page
    assert "Buy one run" not in page


async def test_a_model_whose_proof_cannot_be_paid_or_bought_is_not_published(sealgrid, people, odd):
    publish = ("model", "publish", "errors.onnx", "--no-check-file", "--price", "1", "--app")
    await to_thread(
        expect_row, sealgrid, "the run that proves that a model opens is too dear", *publish, odd, account="vault3"
    )
    nowhere = await Assets(people.owner.hub).create_app(
        people.owner.wallet, name="offered-nowhere", multiaddr="/ipfs/app", checksum="0x" + "77" * 32
    )
    await to_thread(
        expect_row,
        sealgrid,
        "the run that proves that a model opens is for sale nowhere",
        *publish,
        nowhere,
        account="owner",
    )


def test_a_key_without_a_proof_can_be_neither_offered_nor_bought(sealgrid, odd, model):
    address = model("proved-anew")
    sealgrid.output("model", "rotate", address, "--unproved")
    offer = ("model", "offer", address, "--price", "1")
    expect_row(sealgrid, "a model that was never proved, offered by hand", *offer, account="owner")
    expect_row(sealgrid, "a model of somebody else that was never proved", "run", odd, "--model", address)
    assert "an enclave opened the file" in sealgrid.output("model", "prove", address)
    assert sealgrid("run", odd, "--model", address, "--account", BUYER).code == 0


def test_an_app_toml_that_requires_the_networks_python_is_deployed_and_another_is_refused(sealgrid):
    ours, folder = load_network(sealgrid.home / "network.json").python, sealgrid.folder / "demanding"
    shutil.copytree(sealgrid.folder / "odd", folder)
    text = (folder / "app.toml").read_text().replace("odd-of", "demanding-of")
    (folder / "app.toml").write_text(f'python = "{OTHER_PYTHON}"\n{text}')
    expect_row(sealgrid, "app.toml that requires another Python", "app", "deploy", "./demanding")
    (folder / "app.toml").write_text(f'python = "{ours}"\n{text}')
    assert f"for Python {ours}, measured as 0x" in sealgrid.output("app", "deploy", "./demanding")


def test_inputs_that_an_app_does_not_take_cost_nothing(sealgrid, model):
    folder = sealgrid.folder / "picky"
    shutil.copytree(sealgrid.folder / "odd", folder)
    inputs = '[inputs.files]\nmedia_types = ["image/png"]\n'
    (folder / "app.toml").write_text((folder / "app.toml").read_text().replace("odd-of", "picky-of") + inputs)
    app = sealgrid.output("app", "deploy", "./picky").split()[0]
    own = sealgrid.output(
        "model", "publish", "errors.onnx", "--no-check-file", "--app", app, "--price", "1", "--unproved"
    )
    expect_row(sealgrid, "no file for an app that needs one", "run", app)
    expect_row(sealgrid, "a file of a type that the app does not take", "run", app, "--file", "input.json")
    expect_row(sealgrid, "a model for an app that takes none", "run", app, "--model", own.split()[0])


def test_an_app_with_wheels_for_another_python_is_not_deployed(sealgrid):
    folder = sealgrid.folder / "wheeled"
    shutil.copytree(sealgrid.folder / "odd", folder)
    (folder / "app.toml").write_text('wheels = ["greeting==1.0"]\n' + (folder / "app.toml").read_text())
    (folder / "wheels").mkdir()
    (folder / "wheels" / "greeting-1.0-cp310-cp310-linux_x86_64.whl").write_bytes(b"")
    expect_row(sealgrid, "wheels for another Python", "app", "deploy", "./wheeled")


def test_a_model_restricted_to_another_app_is_not_bought_for_this_one(sealgrid, model):
    other = sealgrid.output("app", "deploy", "./other", "--price", "1").split()[0]
    expect_row(sealgrid, "model restricted to another app", "run", other, "--model", model("of-another-app"))


async def test_a_model_restricted_to_another_person_is_sold_to_that_person_alone(sealgrid, people, odd, model):
    address = await to_thread(model, "of-another-person")
    assert (await to_thread(sealgrid, "model", "unlist", address)).code == 0
    restricted = DatasetOrder(
        dataset=address,
        datasetprice=10**9,
        volume=5,
        tag=TEE_TAG,
        apprestrict=odd,
        requesterrestrict=people.requester.address,
        salt=fresh_salt(),
    )
    await sign_and_publish(people.owner, restricted)
    await to_thread(expect_row, sealgrid, "model restricted to another person", "run", odd, "--model", address)
    assert (await to_thread(sealgrid, "run", odd, "--model", address, "--account", "requester")).code == 0


async def test_an_order_sells_each_of_its_uses_once(sealgrid, people, odd, model, monkeypatch):
    address = await to_thread(model, "sold-out", "--uses", "1")
    job = await buy.run(people.stranger, RunRequest(odd, model=address))
    await follow(people.stranger, job)
    await to_thread(expect_row, sealgrid, "sold-out order", "run", odd, "--model", "sold-out")

    async def outdated_offers(*_, **__):
        return job.terms.app, job.terms.dataset, job.terms.workerpool

    monkeypatch.setattr(buy, "choose_offers", outdated_offers)
    await to_thread(expect_row, sealgrid, "order sold out while it was bought", "run", odd)


async def test_a_model_whose_owners_approval_expired_is_not_bought(sealgrid, people, odd, monkeypatch):
    monkeypatch.setattr(models, "POLICY_SECONDS", 2)
    made = await models.publish(people.owner, sealgrid.folder / "errors.onnx", name="expired", apps=[odd])
    while time.time() < made.policy.expiry:
        await asyncio.sleep(0.1)
    await to_thread(expect_row, sealgrid, "expired approval", "run", odd, "--model", made.address)


async def test_a_model_whose_owner_refuses_the_account_is_not_bought(sealgrid, people, odd, model):
    address = await to_thread(model, "refusing")
    terms = await policy_of(people.owner, address)
    buyer = development_key(BUYER).address
    await set_policy(people.owner, msgspec.structs.replace(terms, refused=(buyer,)))
    await to_thread(expect_row, sealgrid, "model whose owner refuses you", "run", odd, "--model", address)


def test_a_callback_that_the_owner_does_not_allow_is_not_bought(sealgrid, odd, model):
    words = ("run", odd, "--model", model("quiet"), "--callback", "0x" + "55" * 20)
    expect_row(sealgrid, "callback that the model's owner does not allow", *words)


def test_more_uses_than_the_owner_allows_in_an_hour_are_not_bought(sealgrid, odd, model):
    words = ("run", odd, "--model", model("rare", "--uses-per-hour", "1"))
    assert sealgrid(*words, "--account", BUYER).code == 0
    expect_row(sealgrid, "more uses in an hour than the model's owner allows", *words)


def test_the_error_of_a_crashed_app_has_the_apps_message(sealgrid, odd):
    expect_row(sealgrid, "app that crashes", "run", odd, "--arg", "crash", "--out", "crashed")
    assert "Traceback" in (sealgrid.folder / "crashed" / "app.log").read_text()


def test_the_error_of_an_app_that_writes_too_much_names_the_limit(sealgrid, odd):
    expect_row(sealgrid, "app that writes too much", "run", odd, "--arg", "write")


def stored_file(localnet, digest: str) -> Path:
    name = digest.removeprefix("0x")
    return localnet.layout.part("storage") / "files" / name[:2] / name


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.long
def test_the_cause_of_an_ending_decides_whether_the_price_is_refunded(localnet, sealgrid, odd, model):
    tampered = model("tampered", "--unproved")  # no worker has the file yet
    sealed = re.search(r"sealed file +(0x\w+)", sealgrid.output("model", "show", tampered))[1]
    flip_a_byte(stored_file(localnet, sealed))
    cases = {
        "app that runs too long": ("--arg", "sleep"),
        "app that never stops writing": ("--arg", "flood"),
        "tampered sealed file": ("--model", tampered),
    }
    before = {account: sealgrid.escrow(account) for account in BATCH}
    home = os.environ | {"SEALGRID_HOME": str(localnet.layout.root), "COLUMNS": "200"}
    running = [
        subprocess.Popen(
            [SEALGRID, "run", odd, *words, "--account", account], env=home, stderr=subprocess.PIPE, text=True
        )
        for words, account in zip(cases.values(), BATCH, strict=True)
    ]
    ended = [(each.communicate(timeout=250)[1], each.returncode) for each in running]
    for situation, account, (printed, code) in zip(cases, BATCH, ended, strict=True):
        money = moved(before[account], sealgrid.escrow(account))
        # An overloaded machine cannot prove that the app had its processor time.
        slow = situation == "app that runs too long" and money != TABLE[situation].money
        row = TABLE["app that runs too long on a slow machine" if slow else situation]
        row.expect(code, printed)
        assert money == row.money


def test_an_altered_result_is_refused_and_opens_after_it_is_restored(localnet, sealgrid, odd):
    ended = sealgrid("run", odd, "--account", BUYER, "--out", "altered")
    assert ended.code == 0, ended.err
    task = re.search(r"task result (0x\w+)", ended.err)[1]
    receipt = msgspec.json.decode((sealgrid.folder / "altered" / "receipt.json").read_bytes())["receipt"]["body"]
    result = stored_file(localnet, receipt["result_sha256"])
    flip_a_byte(result)
    before = sealgrid.escrow(BUYER)
    ended = sealgrid("task", "result", task, "--account", BUYER)
    TABLE["tampered sealed result"].expect(ended.code, ended.err)
    flip_a_byte(result)
    assert sealgrid.output("task", "result", task, "--account", BUYER) == '"done"\n'
    assert sealgrid.escrow(BUYER) == before


def test_a_network_that_is_not_running_and_a_taken_port_are_named(localnet, tmp_path):
    nowhere = Shell(tmp_path, tmp_path / "home")
    ended = nowhere("run", "onnx-runner")
    TABLE["network not running"].expect(ended.code, ended.err)
    port = localnet.network.rpc_url.rpartition(":")[2]
    ended = nowhere("up", "--port", port)
    TABLE["port taken"].expect(ended.code, ended.err)
