"""The Python client as a model owner uses it: publish, get paid, withdraw, unlist."""

import asyncio
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio

import sealgrid
from sealgrid.errors import AppFailed, InputRefused, NotFound, OrderRefused
from sealgrid.sdk.stores.job_store import JobStore
from tests.unit.shipped_apps.onnx_writer import passing

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = (ROOT / "docs" / "howto" / "your-own-model.md").read_text()
RUN_OPTIONS = (ROOT / "docs" / "howto" / "what-a-run-takes.md").read_text()
PRICE = sealgrid.Amount(3 * 10**9)

pytestmark = pytest.mark.localnet


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("owner")
    (folder / "my-model.onnx").write_bytes(passing((1, 3)))
    (folder / "input.json").write_text("[[1, 2, 3]]")
    return folder


@pytest_asyncio.fixture(loop_scope="session")
async def owner(localnet):
    async with sealgrid.connect_async("owner", data=localnet.layout.root) as me:
        yield me


@pytest_asyncio.fixture(loop_scope="session")
async def requester(localnet, tmp_path):
    pins = localnet.layout.network
    async with sealgrid.connect_async("requester", network=pins, data=tmp_path / "requester") as me:
        yield me


async def published(owner, folder, name, **more):
    with pytest.warns(sealgrid.SimulatedPlatformWarning, match="Never publish a real secret"):
        return await owner.models.publish(folder / "my-model.onnx", price="3", name=name, **more)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def spare(localnet, folder) -> str:
    """Publish a model for runs that are not bought or that fail."""
    async with sealgrid.connect_async("owner", data=localnet.layout.root) as me:
        return (await published(me, folder, "spare")).address


async def test_an_owner_publishes_a_model_is_paid_for_a_run_withdraws_and_unlists(owner, requester, folder):
    model = await published(owner, folder, "face")
    assert "SIMULATED" in model.warning
    before = await owner.account.earnings()
    run = await requester.run("onnx-runner", model="face", files=[folder / "input.json"], max_price="10")
    result = await run.result()
    assert result.json()["outputs"]["y"]["values"] == [[1.0, 2.0, 3.0]]
    assert (await run.status()).state == "answered"
    assert (await run.receipt.verify()).ok
    after = await owner.account.earnings()
    assert after.total - before.total == PRICE
    assert after.payments[-1].task == run.task
    before_withdrawal = await owner.account.balance()
    left = await owner.account.withdraw(PRICE)
    assert (left.escrow, left.wallet) == (before_withdrawal.escrow - PRICE, before_withdrawal.wallet + PRICE)
    assert [offer.uses for offer in (await owner.models.show(model)).offers] == [999]
    assert (await owner.models.unlist(model)).cancelled == 1
    for named in ("face", model):
        with pytest.raises(OrderRefused, match="nobody offers"):
            await requester.run("onnx-runner", model=named, files=[folder / "input.json"])
    with pytest.raises(NotFound):
        await owner.models.unlist(model)


@pytest.mark.long
async def test_a_client_that_crashed_opens_its_paid_result_later(localnet, owner, folder, tmp_path):
    model = await published(owner, folder, "crash")
    code = (
        "import os, sealgrid\n"
        "you = sealgrid.connect('requester2')\n"
        f"run = you.run('onnx-runner', model={model.address!r}, files=['input.json'])\n"
        "print(run.task, flush=True)\n"
        "os._exit(9)\n"
    )
    home = os.environ | {"SEALGRID_HOME": str(localnet.layout.root)}
    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], cwd=folder, env=home, capture_output=True, text=True, check=False
    )
    assert died.returncode == 9, died.stderr
    task = died.stdout.strip()
    keys = JobStore(localnet.layout.root / "jobs")
    assert stat.S_IMODE(keys.path(task).stat().st_mode) == 0o600
    async with sealgrid.connect_async("requester2", data=localnet.layout.root) as again:
        assert (await again.reopen(task).result()).json()["outputs"]["y"]["values"] == [[1.0, 2.0, 3.0]]
    await owner.models.unlist(model)


async def test_a_failed_purchase_leaves_no_key(localnet, spare, folder, tmp_path):
    async with sealgrid.connect_async("vault1", network=localnet.layout.network, data=tmp_path) as poor:
        with pytest.raises(InputRefused, match="are missing; deposit them first"):
            await poor.run("onnx-runner", spare, files=[folder / "input.json"])
    assert JobStore(tmp_path / "jobs").all() == ()


async def test_nothing_is_bought_if_the_results_key_cannot_be_stored(localnet, spare, folder, tmp_path):
    (tmp_path / "jobs").write_text("a file in place of the folder")
    async with sealgrid.connect_async("requester", network=localnet.layout.network, data=tmp_path) as me:
        before = await me.account.balance()
        with pytest.raises(InputRefused, match="nothing was bought"):
            await me.run("onnx-runner", spare, files=[folder / "input.json"])
        assert await me.account.balance() == before


async def test_a_price_above_the_maximum_is_refused_and_a_failed_app_is_paid(requester, spare, folder):
    with pytest.raises(OrderRefused, match="more than"):
        await requester.run("onnx-runner", spare, files=[folder / "input.json"], max_price="1 nRLC")
    run = await requester.run("onnx-runner", spare, files=[folder / "input.json"], args=["--outputs", "absent"])
    with pytest.raises(AppFailed, match="no output 'absent'") as failed:
        await run.result()
    assert "was paid" in failed.value.money


async def test_a_file_that_is_not_a_model_is_refused_before_anything_is_sent(owner, folder, tmp_path):
    wrong = tmp_path / "weights.pt"
    wrong.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(InputRefused, match="zip"):
        await owner.models.publish(wrong, price="3")
    with pytest.raises(InputRefused, match="cannot be read"):
        await owner.models.publish(tmp_path / "nowhere", price="3")
    with pytest.warns(sealgrid.SimulatedPlatformWarning):
        odd = await owner.models.publish(wrong, price="3", check_file=False)
    await owner.models.unlist(odd)


async def test_a_name_alone_never_selects_another_developers_app(localnet, owner, folder, tmp_path):
    lure = tmp_path / "lure"
    lure.mkdir()
    (lure / "main.py").write_text("print('give me your model')")
    (lure / "app.toml").write_text('name = "lure"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    impostor = tmp_path / "impostor"
    impostor.mkdir()
    (impostor / "main.py").write_text("print('I am the real one')")
    (impostor / "app.toml").write_text('name = "onnx-runner"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    async with sealgrid.connect_async("thief", data=localnet.layout.root) as thief:
        await thief.apps.deploy(lure)
        fake = await thief.apps.deploy(impostor)
    with pytest.raises(InputRefused, match="names are not unique; give its address"):
        await owner.models.publish(folder / "my-model.onnx", app="lure", price="3", check_file=False)
    assert (await owner.apps.show("onnx-runner")).digest != fake.digest


def blocks(language: str, page: str = HOW_TO) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def in_python(lines: str, localnet, folder) -> subprocess.CompletedProcess[str]:
    home = os.environ | {"SEALGRID_HOME": str(localnet.layout.root)}
    return subprocess.run(
        [sys.executable, "-c", lines], cwd=folder, env=home, capture_output=True, text=True, check=False
    )


def in_a_shell(commands: str, localnet, folder) -> list[subprocess.CompletedProcess[str]]:
    home = os.environ | {
        "SEALGRID_HOME": str(localnet.layout.root),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    ended = [
        subprocess.run(shlex.split(line), cwd=folder, env=home, capture_output=True, text=True, check=False)
        for line in commands.strip().splitlines()
    ]
    assert [each.returncode for each in ended] == [0] * len(ended), [each.stderr for each in ended]
    return ended


@pytest.mark.long
def test_the_examples_of_the_run_options_page_work(localnet, folder):
    (lines,), (commands,) = (blocks(language, RUN_OPTIONS) for language in ("python", "sh"))
    done = in_python(lines, localnet, folder)
    assert done.stdout.count("[[1.0, 2.0, 3.0]]") == 2, done.stderr
    in_a_shell(commands, localnet, folder)
    assert len(list(folder.glob("answers/*/receipt.json"))) == 2


def test_the_eight_lines_of_the_how_to_work(localnet, folder):
    (lines,) = blocks("python")
    assert len(lines.strip().splitlines()) <= 8
    done = in_python(lines, localnet, folder)
    assert done.returncode == 0, done.stderr
    assert "[[1.0, 2.0, 3.0]]" in done.stdout
    assert re.search(r"^earned [\d.]+ RLC$", done.stdout, re.MULTILINE)
    assert "SimulatedPlatformWarning" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2, done.stderr


def test_the_four_commands_of_the_how_to_work(localnet, folder):
    (commands,) = blocks("sh")
    assert len(commands.strip().splitlines()) <= 4
    sold, used, paid, gone = in_a_shell(commands, localnet, folder)
    assert "Never publish a real secret" in sold.stderr
    assert "completed" in used.stderr or "finalizing" in used.stderr
    assert (folder / "answer" / "result" / "result.json").exists()
    assert re.search(r"earned [\d.]+ RLC \(test credits\)", paid.stdout)
    assert "cancelled 1 offer" in gone.stdout
