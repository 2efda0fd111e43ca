"""Hostile apps as jobs of a real network: each ends as a typed failure, and the worker then runs the next job."""

import asyncio

import pytest

from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, deploy, fetch_receipt, open_result
from sealgrid.sdk.operations.follow import follow, history
from sealgrid.sdk.run_request import RunRequest

pytestmark = pytest.mark.localnet

SECONDS = 120
LIMITS = "[limits]\nwall_seconds = 4\nmemory = 268435456\nprocesses = 4\noutput_bytes = 1048576\n"
MARKER = "text-of-the-app"
PRINT_MARKER = f"print({MARKER!r}, flush=True)\n"
SELF_INFLICTED = {
    "fork bomb": ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "more processes"),
    "memory bomb": ("held = []\nwhile True: held.append(bytearray(8 << 20))", "by a signal"),
    "full disk": (
        "import itertools\nfor n in itertools.count(): open(f'/iexec_out/{n}', 'wb').write(bytes(1 << 19))",
        "wrote more",
    ),
    "suicide": ("import os\nos.kill(os.getpid(), 9)", "by a signal"),
}
ENDLESS = "while True: print('x' * 1000)"


async def deploy_app(people, place, source: str, name: str) -> str:
    place.mkdir()
    (place / "main.py").write_text(PRINT_MARKER + source)
    (place / "app.toml").write_text(f'name = "{name}"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n{LIMITS}')
    return (await deploy.deploy(people.developer, place)).address


async def result_of(people, app: str):
    job = await buy.run(people.requester, RunRequest(app, files=[("letter", b"dear machine")]))
    async with asyncio.timeout(SECONDS):
        await follow(people.requester, job)
        envelope = await fetch_receipt.fetch_receipt(people.requester, job.task)
        return await open_result.open_result(people.requester, parse_envelope(envelope).settle, job.result_key)


async def stake_of_the_pool(conn) -> int:
    account = await conn.hub.account((await conn.pool.view()).owner)
    return account.stake + account.locked


async def stage_details(conn, job: buy.PurchasedTask) -> str:
    """Return the details of all stages in the pool's history of a job."""
    return " ".join(at.detail for at in await history(conn, job.task))


@pytest.mark.parametrize("name", SELF_INFLICTED)
async def test_an_app_that_ends_itself_is_settled_and_the_pool_keeps_its_stake(people, tmp_path, name):
    source, why = SELF_INFLICTED[name]
    bad = await deploy_app(people, tmp_path / "bad", source, f"bad-{name.replace(' ', '-')}")
    before = await stake_of_the_pool(people.requester)
    result = await result_of(people, bad)
    assert result.exit != 0
    assert why in result.log
    assert MARKER in result.log  # its requester reads the app's output
    assert await stake_of_the_pool(people.requester) >= before


async def test_a_job_that_exceeds_its_time_limit_is_judged_by_the_processor_speed(people, tmp_path):
    bad = await deploy_app(people, tmp_path / "bad", ENDLESS, "bad-endless-log")
    job = await buy.run(people.requester2, RunRequest(bad))
    settled = asyncio.create_task(follow(people.requester2, job))
    async with asyncio.timeout(SECONDS):
        while not settled.done() and "did not end within its time limit" not in await stage_details(
            people.requester2, job
        ):
            await asyncio.sleep(0.1)
    if not settled.done():  # the machine was too slow to attribute the ending to the app
        assert MARKER not in await stage_details(people.requester2, job)
        settled.cancel()
        return
    envelope = parse_envelope(await fetch_receipt.fetch_receipt(people.requester2, job.task))
    result = await open_result.open_result(people.requester2, envelope.settle, job.result_key)
    assert "did not end within its time limit" in result.log[-200:]


async def test_the_worker_runs_the_next_job_after_hostile_ones(people, tmp_path):
    good = await deploy_app(
        people,
        tmp_path / "good",
        "open('/iexec_out/x', 'w').write('done')\n"
        "open('/iexec_out/computed.json', 'w').write('{\"deterministic-output-path\": \"/iexec_out/x\"}')",
        "good-after-bad",
    )
    assert (await result_of(people, good)).files["x"] == b"done"


async def test_an_app_whose_output_is_a_link_fails_and_its_requester_reads_the_reason(people, tmp_path):
    source = "import os\nos.symlink('/iexec_in/letter', '/iexec_out/x')\n"
    app = await deploy_app(people, tmp_path / "link", source, "bad-link")
    assert "not a plain file" in (await result_of(people, app)).log
