"""Runs under other conditions find each dependence of a result, and name its files."""

import pytest

from sealgrid.testing import check_determinism
from sealgrid.testing.determinism import CAUSES, CHANCE

WRITE = """
import json
def write(result, **files):
    for name, content in {"result.txt": result, **files}.items():
        open(f"/iexec_out/{name}", "w").write(str(content))
    json.dump({"deterministic-output-path": "/iexec_out/result.txt"}, open("/iexec_out/computed.json", "w"))
"""


@pytest.fixture
def app(tmp_path):
    def write(source, settings=""):
        (tmp_path / "app.toml").write_text(f'name = "a"\nversion = "1"\nentrypoint = ["main.py"]\n{settings}')
        (tmp_path / "main.py").write_text(WRITE + source)
        return tmp_path

    return write


def test_equal_results_are_deterministic(app):
    report = check_determinism(app("write(sorted({'a', 'b', 'c'}))"), runs=3)
    assert report.ok
    assert (len(report.trials), report.differing, report.uncovered, report.causes) == (3, (), (), ())


@pytest.mark.parametrize(
    ("field", "source"),
    [
        ("clock_shift", "import time; write(time.gmtime().tm_year)"),
        ("clock_shift", "import datetime; write(datetime.date.today().year)"),
        ("clock_shift", "import datetime; write(datetime.datetime.now().year)"),
        ("clock_shift", "from datetime import datetime, timezone; write(datetime.now(timezone.utc).year)"),
        ("clock_shift", "import time; write(time.time_ns() // (86_400 * 10**9))"),
        ("clock_shift", "import time; write(time.strftime('%Y'))"),
        ("hash_seed", "write(list({str(n) for n in range(50)}))"),
        ("hash_seed", "write(hash('a'))"),
        ("temporary_folder", "import tempfile; write(tempfile.gettempdir())"),
        ("processors", "import os; write(os.cpu_count())"),
        ("processors", "import multiprocessing; write(multiprocessing.cpu_count())"),
    ],
)
def test_a_result_that_depends_on_one_condition_names_it_and_its_file(app, field, source):
    report = check_determinism(app(source))
    assert not report.ok
    assert report.differing == ("result.txt",)
    assert report.causes == (CAUSES[field],)


@pytest.mark.parametrize("source", ["import os; write(os.urandom(8).hex())", "import time; write(time.time())"])
def test_a_result_that_differs_under_equal_conditions_depends_on_chance(app, source):
    report = check_determinism(app(source))
    assert (report.ok, report.differing, report.causes) == (False, ("result.txt",), (CHANCE,))


def test_a_file_that_the_digest_does_not_cover_may_differ(app):
    report = check_determinism(app("import os; write('equal', log=os.urandom(8).hex())"))
    assert report.ok
    assert (report.differing, report.uncovered) == ((), ("log",))


def test_a_folder_that_determines_the_result_covers_its_files(app):
    source = """
import os
os.mkdir("/iexec_out/parts")
for name in ("equal", "random"):
    open(f"/iexec_out/parts/{name}", "w").write("equal" if name == "equal" else os.urandom(8).hex())
json.dump({"deterministic-output-path": "/iexec_out/parts"}, open("/iexec_out/computed.json", "w"))
"""
    assert check_determinism(app(source)).differing == ("parts/random",)


def test_an_app_that_fails_at_once_is_not_deterministic(app):
    report = check_determinism(app("raise SystemExit('no letter')"))
    assert not report.ok
    assert [trial.log for trial in report.trials] == ["no letter\n"]


def test_an_app_that_fails_under_other_conditions_is_not_deterministic(app):
    source = (
        "import os, time\nopen('/tmp/new', 'w').close()\nwrite(1 / (time.time() - os.stat('/tmp/new').st_mtime < 99))"
    )
    report = check_determinism(app(source))
    assert not report.ok
    assert "ZeroDivisionError" in report.trials[1].log


def test_an_app_in_a_folder_gets_its_arguments_and_its_neighbours(app):
    folder = app("")
    (folder / "app.toml").write_text('name = "a"\nversion = "1"\nentrypoint = ["code/start.py", "first"]\n')
    (folder / "code").mkdir()
    (folder / "code" / "start.py").write_text("import sys, main, helper\nmain.write([*sys.argv, helper.WORD])")
    (folder / "code" / "helper.py").write_text("WORD = 'help'")
    report = check_determinism(folder, args=["second"])
    assert report.trials[0].files["result.txt"] == b"['/app/code/start.py', 'first', 'second', 'help']"
    assert report.ok


def test_every_run_is_announced(app):
    announced = []
    check_determinism(app("write(1)"), on_run=announced.append)
    assert announced == ["run 1 of 2", "run 2 of 2"]
