"""Runs the unit tests of the browser scripts (``static/*.test.mjs``) in Node and reports each as a test of its own."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sealgrid.bundle.job_input import JobInput, check_input
from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import cache_folder
from sealgrid.web.static_files import import_map_on_disk

SCRIPTS = Path(__file__).with_name("static")
FILES = sorted(SCRIPTS.glob("*.test.mjs"))
CASES = json.loads((SCRIPTS / "cases.json").read_text())
TESTS = [
    (file.name, name) for file in FILES for name in re.findall(r'^test\("([^"]+)"', file.read_text(), re.MULTILINE)
]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str | None]:
    """Run Node once; return each test's failure by the test's name, None if it passed."""
    imports = import_map_on_disk(cache_folder())
    command = (
        str(cache_folder() / "node"),
        "--import",
        (SCRIPTS / "import_map.mjs").as_uri(),
        "--test",
        "--test-reporter=junit",
        *map(str, FILES),
    )
    environment = {**os.environ, "IMPORT_MAP": json.dumps(imports)}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    root = ET.fromstring(finished.stdout)
    return {
        case.attrib["name"]: None if (failure := case.find("failure")) is None else failure.text or "failed"
        for case in root.iter("testcase")
    }


@pytest.mark.parametrize(("file", "name"), TESTS, ids=[f"{file}: {name}" for file, name in TESTS])
def test_script(outcomes: dict[str, str | None], file: str, name: str) -> None:
    assert name in outcomes, f"Node did not run this test of {file}: {outcomes}"
    assert outcomes[name] is None, outcomes[name]


def test_every_test_of_the_scripts_is_reported_here(outcomes: dict[str, str | None]) -> None:
    assert {name for _, name in TESTS} == set(outcomes)


@pytest.mark.parametrize("case", CASES["refused_inputs"], ids=str)
def test_the_enclave_refuses_the_same_inputs_by_the_same_check(case: dict[str, Any]) -> None:
    files = tuple((name, b"") for name in case["names"])
    with pytest.raises(InputRefused, match=rf"\(input\.{case['check']}\)"):
        check_input(JobInput(args=tuple(case["args"]), files=files))


def test_pythons_shlex_splits_arguments_into_the_same_words() -> None:
    for case in CASES["split_words"]:
        assert shlex.split(case["text"]) == case["words"]
    for text in CASES["unsplittable_words"]:
        with pytest.raises(ValueError, match="No "):
            shlex.split(text)
