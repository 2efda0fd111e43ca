"""What ``import sealgrid`` gives, and that the blocking client is the asynchronous one's twin."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import sealgrid
from sealgrid.sdk.sync.generate import SOURCES, generated, target_of


def test_the_package_offers_exactly_these_names():
    names = ["Amount", "SealgridError", "SimulatedPlatformWarning", "connect", "connect_async"]
    assert sealgrid.__all__ == names
    assert all(getattr(sealgrid, name) is not None for name in names)
    assert set(names) <= set(dir(sealgrid))


def test_a_name_that_it_does_not_offer_is_an_attribute_error():
    assert not hasattr(sealgrid, "publish")


def test_importing_the_package_loads_nothing_of_it():
    code = "import sys, sealgrid; sys.exit(any(m.startswith('sealgrid.') or m == 'web3' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_types_of_the_package_are_those_that_it_offers():
    stub = Path(sealgrid.__file__).with_suffix(".pyi").read_text()
    assert all(f"import {name}\n" in stub for name in sealgrid.__all__)
    assert f"__all__ = {sealgrid.__all__}".replace("'", '"') in stub


def test_the_blocking_client_is_what_its_generator_writes_now():
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
