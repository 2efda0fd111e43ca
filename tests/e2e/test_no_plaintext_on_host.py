"""While a job runs, no argument, environment or file of the machine contains a byte window of its secrets."""

import asyncio
import os
from pathlib import Path

import pytest

from sealgrid.demos.common.leak_search import search, windows
from sealgrid.sdk.operations import buy, deploy, publish
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest

pytestmark = pytest.mark.localnet

APP = """
import ctypes, os, pathlib, time
folders = [pathlib.Path(os.environ[name]) for name in ("IEXEC_IN", "IEXEC_INPUT_FILES_FOLDER")]
contents = [path.read_bytes() for folder in folders for path in folder.iterdir()]
ctypes.CDLL(None).prctl(15, b"has-the-secrets")  # PR_SET_NAME, which the test waits for
time.sleep(5)
out = pathlib.Path(os.environ["IEXEC_OUT"])
(out / "n.txt").write_text(str(len(contents)))
(out / "computed.json").write_text('{"deterministic-output-path": "%s"}' % (out / "n.txt"))
"""


def files_of_processes(name: str) -> dict[int, bytes]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = (entry / name).read_bytes()
            except OSError:
                continue
    return found


def app_processes() -> list[int]:
    """Return the processes of the app that have read all secrets."""
    return [pid for pid, name in files_of_processes("comm").items() if name.strip() == b"has-the-secrets"]


def processes_with(contents: dict[int, bytes], secret: bytes) -> list[int]:
    return [pid for pid, content in contents.items() if any(window in content for window in windows(secret))]


async def test_arguments_environments_and_disk_hold_nothing_while_the_app_has_it_in_memory(localnet, people, tmp_path):
    folder = tmp_path / "reader"
    folder.mkdir()
    (folder / "main.py").write_text(APP)
    (folder / "app.toml").write_text('name = "reader"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    model = tmp_path / "model"
    model.write_bytes(os.urandom(50_000))
    app = await deploy.deploy(people.developer, folder)
    published = await publish.publish(people.owner, model, name="m", apps=[app.address])
    letter, argument = os.urandom(40_000), os.urandom(60).hex()
    job = await buy.run(
        people.requester, RunRequest(app.address, model=published.address, files=[("letter", letter)], args=[argument])
    )
    following = asyncio.create_task(follow(people.requester, job))
    async with asyncio.timeout(60):
        while not app_processes():
            await asyncio.sleep(0.02)
    everywhere = files_of_processes("cmdline"), files_of_processes("environ")
    assert app_processes(), "the app ended before its machine was searched"
    for secret in (model.read_bytes(), letter, argument.encode()):
        assert [processes_with(contents, secret) for contents in everywhere] == [[], []]
    control = next(iter(everywhere[0].values())) + letter
    assert processes_with({1: control}, letter) == [1]  # control: the search finds a planted secret
    secrets = {"model": model.read_bytes(), "letter": letter, "argument": argument.encode()}
    disk = [path for path in localnet.layout.root.iterdir() if path.is_dir()] + [Path("/dev/shm")]
    assert search(disk, secrets).found == ()
    await asyncio.wait_for(following, 60)
