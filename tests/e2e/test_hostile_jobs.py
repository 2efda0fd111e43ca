"""Hostile apps as jobs of a real network: each ends as a typed failure, and the same worker does the next job."""

import asyncio

import pytest

from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk import apps, jobs, receipts, results

pytestmark = pytest.mark.localnet

SECONDS = 120
LIMITS = "[limits]\nwall_seconds = 4\nmemory = 268435456\nprocesses = 4\noutput_bytes = 1048576\n"
WORD = "the-word-of-the-model"
SAY = f"print({WORD!r}, flush=True)\n"
STOPPED = {
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "memory bomb": "held = []\nwhile True: held.append(bytearray(8 << 20))",
    "full disk": "import itertools\nfor n in itertools.count(): open(f'/iexec_out/{n}', 'wb').write(bytes(1 << 19))",
    "endless log": "while True: print('x' * 1000)",
}


async def deployed(people, place, source: str, name: str) -> str:
    place.mkdir()
    (place / "main.py").write_text(SAY + source)
    (place / "app.toml").write_text(f'name = "{name}"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n{LIMITS}')
    return (await apps.deploy(people.developer, place)).address


async def outcome(people, app: str):
    job = await jobs.run(people.requester, app, files=[("letter", b"dear machine")])
    async with asyncio.timeout(SECONDS):
        await jobs.follow(people.requester, job)
        envelope = await receipts.fetch_receipt(people.requester, job.task)
        return await results.open_result(people.requester, parse_envelope(envelope).settle, job.result_key)


async def told(conn, job: jobs.Job) -> str:
    """Return all that the pool's history of a job says."""
    return " ".join(at.detail for at in await jobs.history(conn, job.task))


@pytest.mark.parametrize("name", STOPPED)
async def test_a_job_that_a_limit_ends_is_given_back_and_the_worker_goes_on(people, localnet, tmp_path, name):
    bad = await deployed(people, tmp_path / "bad", STOPPED[name], f"bad-{name.replace(' ', '-')}")
    job = await jobs.run(people.requester2, bad)
    async with asyncio.timeout(SECONDS):
        while "ended without a result" not in await told(people.requester2, job):
            await asyncio.sleep(0.1)
    said = await told(people.requester2, job)
    assert "the app" in said
    assert WORD not in said
    good = await deployed(
        people,
        tmp_path / "good",
        "open('/iexec_out/x', 'w').write('done')\n"
        "open('/iexec_out/computed.json', 'w').write('{\"deterministic-output-path\": \"/iexec_out/x\"}')",
        f"good-{name.replace(' ', '-')}",
    )
    assert (await outcome(people, good)).files["x"] == b"done"


async def test_an_app_whose_output_points_elsewhere_has_failed_and_its_requester_reads_why(people, tmp_path):
    source = "import os\nos.symlink('/iexec_in/letter', '/iexec_out/x')\n"
    app = await deployed(people, tmp_path / "link", source, "bad-link")
    assert "no plain file" in (await outcome(people, app)).log
