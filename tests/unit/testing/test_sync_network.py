"""The public names of ``sealgrid.testing``; the blocking network has the methods of the asynchronous one."""

import inspect
import re
from pathlib import Path

import sealgrid.testing
from sealgrid.testing import AsyncLocalNetwork, LocalNetwork

ONLY_ASYNC, ONLY_BLOCKING = {"open_client"}, {"close_clients"}  #: what the blocking network needs


def public(kind: type) -> dict[str, object]:
    return {name: each for name, each in vars(kind).items() if not name.startswith("_")}


def test_the_package_exports_exactly_these_names():
    assert sealgrid.testing.__all__ == [
        "AppTrial",
        "AsyncLocalNetwork",
        "DeterminismReport",
        "LocalNetwork",
        "check_determinism",
        "local_network",
        "local_network_async",
        "try_app",
    ]
    assert all(getattr(sealgrid.testing, name) for name in sealgrid.testing.__all__)
    assert all(getattr(sealgrid.testing, name).__doc__ for name in sealgrid.testing.__all__)


def test_both_networks_have_the_same_methods_with_the_same_parameters_and_docstrings():
    first, second = public(AsyncLocalNetwork), public(LocalNetwork)
    assert first.keys() - ONLY_ASYNC == second.keys() - ONLY_BLOCKING
    for name in first.keys() & second.keys():
        assert inspect.getdoc(first[name]) == inspect.getdoc(second[name]), name
        if inspect.isfunction(first[name]):
            assert inspect.signature(first[name]).parameters == inspect.signature(second[name]).parameters
            assert not inspect.iscoroutinefunction(second[name])


def test_the_network_imports_nothing_of_these_tests():
    for module in Path(sealgrid.testing.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(from|import) (tests|pytest)\b", module.read_text(), re.MULTILINE), module
