"""What all tests share: patient properties, and no test that is silently left out."""

import os
import signal
import sys

import pytest
from hypothesis import settings

settings.register_profile("all", deadline=None)
settings.register_profile("few", deadline=None, max_examples=20)
settings.register_profile("many", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("SEALGRID_EXAMPLES", "all"))

#: The only tests that may be skipped, by their reason: evidence that is not the project's own, another processor, and
#: what only root can set up.
MAY_SKIP = (
    "recorded evidence lies beside the checkout",
    "the numbers of these calls are x86_64's",
    "machines of a test need root, network namespaces and nftables",
    "a Slurm node needs root, and Debian's Slurm",
    "curl is not on this machine",
)

# A shell ignores SIGINT in what it starts in the background, and programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_RECURSION_LIMIT = 1000  #: Python's default

_skipped: list[str] = []


def pytest_runtest_setup() -> None:
    """Restore the recursion limit: py_ecc raises it when it is imported, and then deep JSON overruns the C stack."""
    sys.setrecursionlimit(_RECURSION_LIMIT)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember every test that was skipped without leave."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in MAY_SKIP):
            _skipped.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a CI run that left out a test."""
    if _skipped and os.environ.get("CI"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests were left out."""
    for line in _skipped:
        terminalreporter.write_line(f"skipped without leave: {line}", red=True)
