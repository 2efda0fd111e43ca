"""The public names of ``sealgrid``, and the generated blocking client."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import sealgrid
from sealgrid import errors
from sealgrid.sdk.sync.generate import SOURCES, generated, target_of

PAGES = Path(__file__).resolve().parents[3] / "docs"

#: everything but the errors; a change of this list is a change of the public interface
NAMES = [
    "Account",
    "Allowance",
    "Amount",
    "AppUsage",
    "AppUse",
    "Apps",
    "ArgumentSpec",
    "AsyncAccount",
    "AsyncApps",
    "AsyncBag",
    "AsyncClient",
    "AsyncFeeds",
    "AsyncFleets",
    "AsyncModels",
    "AsyncReceipt",
    "AsyncRun",
    "Bag",
    "BagProgress",
    "Balance",
    "BoughtRun",
    "BuyerUses",
    "Client",
    "DataRound",
    "EarnedPayment",
    "Earnings",
    "Executor",
    "FeedRoster",
    "FeedState",
    "FeedStation",
    "Feeds",
    "FileSpec",
    "Fleet",
    "FleetMachine",
    "Fleets",
    "GrantResult",
    "InputSpec",
    "KeyVersionView",
    "LatestRuns",
    "Listing",
    "Machines",
    "ModelUse",
    "Models",
    "Network",
    "NodeRemoval",
    "Offer",
    "Platform",
    "Policy",
    "PolicyUpdate",
    "ProgressStep",
    "Proof",
    "PublishedListing",
    "RebuildResult",
    "Receipt",
    "ReleaseMark",
    "RepriceResult",
    "RevokeResult",
    "RotationResult",
    "Run",
    "RunFilter",
    "RunQuote",
    "RunRecord",
    "RunResult",
    "RunStatus",
    "RunSum",
    "RunTimes",
    "SecretSpec",
    "ShardOutcome",
    "SigningKey",
    "SimulatedPlatformWarning",
    "StageAt",
    "StationRegistration",
    "TrustPins",
    "UnlistResult",
    "UnpaidUses",
    "UsageFinding",
    "UsageReport",
    "VerificationReport",
    "WaitNotice",
    "connect",
    "connect_async",
    "load_network",
]


def error_names() -> set[str]:
    return {
        name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.SealgridError)
    }


def test_the_package_exports_exactly_these_names_and_every_error():
    assert sealgrid.__all__ == sorted({*NAMES, *error_names()})
    assert all(getattr(sealgrid, name) is not None for name in sealgrid.__all__)
    assert set(sealgrid.__all__) <= set(dir(sealgrid))


def test_another_name_is_an_attribute_error():
    assert not hasattr(sealgrid, "publish")


def test_importing_the_package_loads_nothing_of_it():
    code = "import sys, sealgrid; sys.exit(any(m.startswith('sealgrid.') or m == 'web3' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_stub_has_each_exported_name_from_the_module_that_defines_it():
    stub = ast.parse(Path(sealgrid.__file__).with_suffix(".pyi").read_text())
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    modules = {alias.name: node.module for node in imports for alias in node.names}
    assert modules == {name: getattr(sealgrid, name).__module__ for name in modules}
    (exported,) = [node.value for node in stub.body if isinstance(node, ast.Assign)]
    assert ast.literal_eval(exported) == sealgrid.__all__ == sorted(modules)


def test_what_public_methods_take_and_return_is_exported():
    for name in SOURCES:
        module = importlib.import_module(f"sealgrid.sdk.sync.{name.lower()}")
        for method in vars(getattr(module, name)).values():
            function = method.fget if isinstance(method, property) else method
            returned = getattr(function, "__annotations__", {}).get("return")
            for each in (returned, *getattr(returned, "__args__", ())):
                if isinstance(each, type) and each.__module__.startswith("sealgrid."):
                    assert each.__name__ in sealgrid.__all__, (name, method)


def test_no_page_for_users_imports_a_private_module():
    pages = sorted((PAGES / "howto").glob("*.md"))
    assert pages
    for page in pages:
        assert not re.search(r"^\s*(from|import) sealgrid\.(?!testing import)", page.read_text(), re.MULTILINE), (
            page.name
        )


def test_the_blocking_client_is_the_output_of_its_generator():
    for name in SOURCES:
        assert target_of(name).read_text() == generated(name), "run: python -m sealgrid.sdk.sync.generate"


def test_every_public_method_has_a_blocking_counterpart_with_the_same_signature():
    for name, module in SOURCES.items():
        source = getattr(importlib.import_module(f"sealgrid.sdk.{module}"), f"Async{name}")
        blocking = getattr(importlib.import_module(f"sealgrid.sdk.sync.{name.lower()}"), name)
        public = {each for each in vars(source) if not each.startswith("_")}
        assert public == {each for each in vars(blocking) if not each.startswith("_")} - {"close"}, name
        for each in public:
            first, second = inspect.getattr_static(source, each), inspect.getattr_static(blocking, each)
            if not isinstance(first, property):
                assert list(inspect.signature(first).parameters) == list(inspect.signature(second).parameters)
                assert not inspect.iscoroutinefunction(second)
