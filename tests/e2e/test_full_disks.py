"""What a full disk leaves behind: at the owner, at the requester, and at the storage node; the rows of errors.md."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.e2e.error_table import TABLE
from tests.e2e.running_network import SEALGRID
from tests.e2e.shell import Shell

BUYER = "beneficiary"  #: only test_error_lines buys with this account as well
PAGE = 4096
DONE = """
import json, os, pathlib
out = pathlib.Path(os.environ["IEXEC_OUT"])
(out / "result.json").write_text('"done"')
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))
"""

pytestmark = pytest.mark.localnet


@pytest.fixture(scope="module")
def sealgrid(localnet, tmp_path_factory) -> Shell:
    return Shell(tmp_path_factory.mktemp("disks"), localnet.layout.root)


@pytest.fixture(scope="module")
def app(sealgrid) -> str:
    folder = sealgrid.folder / "app"
    folder.mkdir()
    (folder / "main.py").write_text(DONE)
    (folder / "app.toml").write_text('name = "app-of-full-disks"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    return sealgrid.output("app", "deploy", "./app", "--price", "1").split()[0]


@dataclasses.dataclass(frozen=True)
class SmallDisk:
    """A folder on a separate disk of a few pages, for one command at a time."""

    folder: Path
    home: Path

    def run(self, size: int, script: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        """Run a script with the disk in $DISK; return its completed process and the files on the disk."""
        confined = [
            shutil.which("bwrap") or "bwrap",
            "--dev-bind",
            "/",
            "/",
            "--size",
            str(size),
            "--tmpfs",
            str(self.folder),
        ]
        listing = 'code=$?; find "$DISK" -type f -printf "left %P\\n"; exit $code'
        ended = subprocess.run(
            [*confined, "sh", "-c", f"{script}\n{listing}"],
            env=os.environ | {"SEALGRID_HOME": str(self.home), "DISK": str(self.folder), "SEALGRID": SEALGRID},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return ended, [line.removeprefix("left ") for line in ended.stdout.splitlines() if line.startswith("left ")]


@pytest.fixture
def disk(sealgrid, tmp_path) -> SmallDisk:
    return SmallDisk(tmp_path, sealgrid.home)


def test_a_full_disk_leaves_no_partially_sealed_model(sealgrid, disk, app, tmp_path_factory):
    large = tmp_path_factory.mktemp("large") / "large.bin"
    large.write_bytes(bytes(1 << 20))
    before = sealgrid.escrow("owner")
    ended, left = disk.run(
        8 * PAGE, f'TMPDIR="$DISK" $SEALGRID model publish {large} --no-check-file --app {app} --price 1'
    )
    TABLE["disk full where the model is sealed"].expect(ended.returncode, ended.stderr)
    assert left == []
    assert sealgrid.escrow("owner") == before


def test_nothing_is_bought_if_the_disk_has_no_space_for_the_results_key(sealgrid, disk, app):
    before = sealgrid.escrow(BUYER)
    ended, left = disk.run(
        8 * PAGE,
        f'cp {sealgrid.home}/network.json "$DISK"; cat /dev/zero > "$DISK/full" 2>/dev/null\n'
        f'$SEALGRID run {app} --account {BUYER} --home "$DISK"',
    )
    TABLE["disk full where the result's key is stored"].expect(ended.returncode, ended.stderr)
    assert sorted(left) == ["full", "network.json"]
    assert sealgrid.escrow(BUYER) == before


def test_a_result_that_does_not_fit_on_the_disk_opens_in_another_folder(sealgrid, disk, app):
    bought = sealgrid("run", app, "--account", BUYER)
    task = re.search(r"task result (0x\w+)", bought.err)[1]
    ended, left = disk.run(3 * PAGE, f'$SEALGRID task result {task} --account {BUYER} --out "$DISK/out"')
    TABLE["disk full where the result is written"].expect(ended.returncode, ended.stderr)
    assert left == []
    assert sealgrid.output("task", "result", task, "--account", BUYER, "--out", "elsewhere")
    assert (sealgrid.folder / "elsewhere" / "result" / "result.json").read_text() == '"done"'


STORE = """
import asyncio, sys
from pathlib import Path
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import run
from sealgrid.wire.server import listen
sock, folder = listen(), Path(sys.argv[1])
async def serve():
    serving = asyncio.create_task(run(StorageNodeConfig(folder=folder), sock, lambda: None))
    print(sock.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(sorted(str(path.name) for path in folder.rglob("*") if path.is_file() and "holds.sqlite" not in path.name), flush=True)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
asyncio.run(serve())
"""


def test_a_store_with_a_full_disk_keeps_no_partial_file(localnet, sealgrid, app, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "large.bin").write_bytes(bytes(1 << 20))
    confined = [shutil.which("bwrap") or "bwrap", "--dev-bind", "/", "/", "--die-with-parent", "--size", str(64 * PAGE)]
    command = [*confined, "--tmpfs", str(tmp_path / "store"), sys.executable, "-c", STORE, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as store:
        assert store.stdout is not None
        network = msgspec.structs.replace(
            localnet.network, storage_url=f"http://127.0.0.1:{store.stdout.readline().strip()}"
        )
        (tmp_path / "network.json").write_bytes(msgspec.json.encode(network))
        before = sealgrid.escrow("owner")
        ended = sealgrid(
            "model", "publish", tmp_path / "large.bin", "--no-check-file", "--app", app, "--price", "1", home=tmp_path
        )
        TABLE["disk full at the storage node"].expect(ended.code, ended.err)
        left, _ = store.communicate()
    assert left.strip() == "[]"
    assert sealgrid.escrow("owner") == before
