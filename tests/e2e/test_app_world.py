"""What an app finds in an enclave on a real network: a home, a user, time zones, UTF-8; and exit codes above 128."""

import pytest

import sealgrid
from sealgrid.errors import AppFailed

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]

PROBE = """
import getpass, json, locale, os, subprocess, sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

if sys.argv[1:]:
    os._exit(int(sys.argv[1]))
cache = Path.home() / ".cache"
cache.mkdir()
(cache / "é").write_text("日")
child = subprocess.run(
    [sys.executable, "-S", "-c", "import os; print(os.environ['USER'], '日')"], capture_output=True, encoding="utf-8"
)
found = {
    "home": str(Path.home()),
    "user": getpass.getuser(),
    "zone": str(datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Paris"))),
    "locale": locale.setlocale(locale.LC_ALL, ""),
    "child": child.stdout.strip() or child.stderr,
}
out = Path(os.environ["IEXEC_OUT"])
(out / "result.json").write_text(json.dumps(found))
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))
"""


@pytest.fixture(scope="module")
def app(localnet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    (folder / "main.py").write_text(PROBE)
    toml = 'name = "probe"\nversion = "1.0.0"\nentrypoint = ["main.py"]\nfiles = ["main.py"]\n'
    (folder / "app.toml").write_text(toml, "utf-8-sig")
    with sealgrid.connect("developer", data=localnet.layout.root) as me:
        yield me.apps.deploy(folder)


@pytest.fixture(scope="module")
def requester(localnet):
    with sealgrid.connect("requester", data=localnet.layout.root) as me:
        yield me


def test_an_app_finds_what_ordinary_programs_expect(requester, app):
    assert requester.run(app).result(timeout=120).json() == {
        "home": "/tmp/home",
        "user": "app",
        "zone": "2026-01-01 00:00:00+01:00",
        "locale": "C.UTF-8",
        "child": "app 日",
    }


@pytest.mark.parametrize("code", ["255", "137"])
def test_an_exit_code_above_128_is_a_paid_failure_of_the_app_at_once(requester, app, code):
    run = requester.run(app, args=[code])
    with pytest.raises(AppFailed, match="its log is empty") as failed:
        run.result(timeout=120)
    assert failed.value.money.startswith("The run was paid")
    assert [each.stage for each in run.status().stages].count("launched") == 1, "no second enclave tried it"
