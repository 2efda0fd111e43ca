"""iExec's package: its bytecode is linked with the one library that is known."""

import json

import pytest

from sealgrid.chain.poco_package import DIAMOND, Artifact, PocoPackage
from sealgrid.errors import SetupMissing
from sealgrid.units import to_address

LIBRARY = to_address(b"\xab" * 20)


def linking(name):
    return Artifact(abi=[], hex_code="0x60" + "00" * 20 + "61", links={"file": {name: [{"start": 1, "length": 20}]}})


def test_the_orders_library_is_linked_at_each_offset():
    assert linking("IexecLibOrders_v5").linked(LIBRARY).hex() == "60" + "ab" * 20 + "61"


@pytest.mark.parametrize(("name", "library"), [("Another", LIBRARY), ("IexecLibOrders_v5", None)])
def test_an_unknown_library_is_refused(name, library):
    with pytest.raises(SetupMissing, match="unknown library"):
        linking(name).linked(library)


def test_a_facet_is_called_under_its_functions_receive_and_fallback():
    function = {"type": "function", "name": "transfer", "inputs": [{"type": "address"}, {"type": "uint256"}]}
    artifact = Artifact(abi=[function, {"type": "receive"}, {"type": "fallback"}], hex_code="0x", links={})
    assert [each.hex() for each in artifact.selectors()] == ["a9059cbb", "00000000", "ffffffff"]


def test_a_package_that_is_not_installed_is_named(tmp_path):
    with pytest.raises(SetupMissing, match="make setup"):
        PocoPackage(tmp_path).artifact(DIAMOND)
    path = tmp_path / "artifacts/contracts" / f"{DIAMOND}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"abi": [], "bytecode": "0x60"}))
    assert PocoPackage(tmp_path).artifact(DIAMOND).linked() == b"\x60"
