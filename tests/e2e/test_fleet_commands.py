"""docs/howto/run-a-fleet.md: a worker account, its machine, its earnings; every command of the how-to."""

import json
import re
import signal
import subprocess
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest

import sealgrid
from sealgrid.chain.accounts import development_key
from tests.e2e.running_network import SEALGRID
from tests.e2e.shell import Shell

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]

HOW_TO = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "run-a-fleet.md").read_text()
MACHINE = development_key("worker2").address
APP = """
import json, os
from pathlib import Path
out = Path(os.environ["IEXEC_OUT"])
(out / "answer").write_text("done")
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": "/iexec_out/answer"}))
"""


@contextmanager
def working(localnet, account):
    """A second worker of the local pool, which works for an account."""
    command = [SEALGRID, "worker", "run", "worker2", "--account", account, "--home", localnet.layout.root]
    worker = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert "requests jobs" in worker.stderr.readline()
        yield
    finally:
        worker.send_signal(signal.SIGINT)
        worker.communicate(timeout=30)
    assert worker.returncode == 0


def test_a_fleets_machine_earns_for_its_account_and_the_owner_collects(localnet, tmp_path):
    shell = Shell(tmp_path, localnet.layout.root)
    for line in re.findall(r"^sealgrid (worker account \w+)", HOW_TO, re.MULTILINE):
        assert shell(*line.split(), "--help").code == 0
    account = shell.output("worker", "account", "create").split()[-1]
    refused = shell.error_line("worker", "run", "worker2", "--account", account)
    assert f"sealgrid worker account delegate {account} {MACHINE}" in refused
    shell.output("worker", "account", "delegate", account, MACHINE, "--until", "30d")

    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    (tmp_path / "app.toml").write_text('name = "fleet-app"\nversion = "1"\nentrypoint = ["app.py"]\n')
    with sealgrid.connect("developer", data=localnet.layout.root) as developer:
        app = developer.apps.deploy(tmp_path)
    with (
        sealgrid.connect("requester", network=localnet.layout.network, data=tmp_path / "requester") as me,
        working(localnet, account),
    ):
        bag = me.map(app, [b"1", b"2", b"3"])
        assert [each.files["answer"] for each in bag.results()] == [b"done"] * 3
        assert all(run.receipt.verify().ok for run in bag.runs)

    fleet = json.loads(shell.output("worker", "account", "show", account, "--json"))
    assert [each["worker"] for each in fleet["machines"]] == [MACHINE]
    assert int(fleet["escrow"]) > 0
    assert f"sent {sealgrid.Amount(fleet['escrow'])}" in shell.output("worker", "account", "collect", account)
    shell.output("worker", "account", "revoke", account, MACHINE)
    assert "machine  none" in shell.output("worker", "account", "show", account)
