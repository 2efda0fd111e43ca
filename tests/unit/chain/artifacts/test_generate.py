"""The committed artifacts equal those that the contracts and iExec's package give."""

from pathlib import Path

import pytest

from sealgrid.chain import artifacts
from sealgrid.chain.artifacts.generate import render_artifacts

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[4]
LIMIT = 24_576  #: bytes of code that Ethereum allows (EIP-170)


@pytest.fixture(scope="module")
def fresh() -> dict[str, str]:
    return render_artifacts(ROOT / "contracts", ROOT / ".cache/poco")


@pytest.mark.parametrize("name", [*(f"{contract}.json" for contract in artifacts.SOURCES), "poco.json"])
def test_an_artifact_equals_its_source(fresh: dict[str, str], name: str) -> None:
    committed = Path(artifacts.__file__).with_name(name).read_text()
    assert committed == fresh[name], "run: python -m sealgrid.chain.artifacts .cache/poco"


def test_there_are_no_other_artifacts(fresh: dict[str, str]) -> None:
    assert {file.name for file in Path(artifacts.__file__).parent.glob("*.json")} == set(fresh)


@pytest.mark.parametrize("contract", artifacts.SOURCES)
def test_a_contract_fits_the_chain(contract: str) -> None:
    assert 0 < len(artifacts.bytecode(contract)) < LIMIT
