"""The wheel, installed for another user, buys and sells by name without a checkout and without the apps' wheels."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealgrid.sdk.network import published
from sealgrid.storage.atomic_file import write_file
from tests.e2e.two_machines import USER, can_make_machines, system_python
from tests.unit.shipped_apps.onnx_writer import passing

ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).with_name("uv"))

pytestmark = [
    pytest.mark.localnet,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not can_make_machines(), reason="a second machine or user needs root, and a checkout that another user can read"
    ),
]


class Installation:
    """A virtual environment and a home of another user."""

    def __init__(self, folder: Path) -> None:
        self.home, self.bin = folder / "home", folder / "venv" / "bin"

    def sealgrid(self, *words: object) -> subprocess.CompletedProcess[str]:
        become = ("setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups")
        return subprocess.run(
            [*become, str(self.bin / "sealgrid"), *map(str, words)],
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home), "COLUMNS": "200"},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture(scope="module")
def installed() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="sealgrid-wheel-"))
    folder.chmod(0o755)
    run = lambda *words: subprocess.run(words, cwd=ROOT, check=True, capture_output=True)  # noqa: E731
    try:
        run(sys.executable, "-m", "setup.shipped_digests")
        run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), ".")
        (wheel,) = folder.glob("*.whl")
        run(UV, "venv", "-q", "--python", system_python(), str(folder / "venv"))
        python = str(folder / "venv" / "bin" / "python")
        run(UV, "pip", "install", "-q", "--python", python, str(wheel), "-c", "requirements/runtime.txt")
        made = Installation(folder)
        made.home.mkdir()
        run("chown", "-R", f"{USER}:{USER}", str(folder))
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def done(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
async def joined(installed: Installation, localnet, people) -> Installation:
    """The installation with an account that has money on a network that this checkout runs."""
    import msgspec

    from sealgrid.sdk.operations import deploy
    from sealgrid.sdk.shipped_apps import app_folder

    for name in ("onnx_runner", "hash_file"):
        await deploy.deploy(people.developer, app_folder(name))
    file = installed.home / "network.json"
    write_file(file, msgspec.json.encode(published(localnet.network)), mode=0o644)
    (installed.home / "password").write_text("correct horse\n")
    done(installed.sealgrid("network", "join", file, "--name", "checkout", "--yes"))
    address = done(installed.sealgrid("account", "new", "bob", "--password-file", "password")).split()[0]
    await people.owner.node.rpc("anvil_setBalance", address, hex(10**20))
    await people.owner.hub.deposit_for(people.owner.wallet, 50 * 10**9, address)
    return installed


async def test_a_run_of_a_shipped_app_is_bought_by_its_name(joined: Installation):
    (joined.home / "letter.txt").write_text("dear alice")
    ended = joined.sealgrid(
        "run", "hash-file", "--file", "letter.txt", "--out", "answer", "--password-file", "password"
    )
    done(ended)
    (file,) = json.loads(next((joined.home / "answer").rglob("result.json")).read_text())["files"]
    assert file["name"] == "letter.txt"


async def test_a_model_is_sold_for_an_app_that_has_wheels_by_its_name(joined: Installation):
    (joined.home / "mine.onnx").write_bytes(passing((1, 3)))
    words = ("model", "publish", "mine.onnx", "--price", "1", "--unproved", "--password-file", "password")
    assert "'mine'" in done(joined.sealgrid(*words))
    assert "mine" in done(joined.sealgrid("model", "list"))


async def test_what_it_takes_to_run_a_network_is_said(joined: Installation):
    ended = joined.sealgrid("up", "--port", "0", "--data", "other")
    assert (ended.returncode, "run `sealgrid setup`" in ended.stderr) == (1, True)
    listed = joined.sealgrid("setup")
    assert (listed.returncode, "MB  altogether" in listed.stdout) == (1, True)
