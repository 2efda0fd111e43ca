"""Reads creation bytecode and ABIs from iExec's unpacked npm package ``@iexec/poco``."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from sealgrid.chain import artifacts
from sealgrid.chain.abi import selector
from sealgrid.errors import SetupMissing
from sealgrid.units import Address

ORDERS_LIBRARY: Final = "libs/IexecLibOrders_v5.sol/IexecLibOrders_v5"
DIAMOND: Final = "Diamond.sol/Diamond"
#: In iExec's order; a selector belongs to the first facet that has it.
FACETS: Final = (
    "IexecAccessorsABILegacyFacet",
    "IexecCategoryManagerFacet",
    "IexecConfigurationExtraFacet",
    "IexecConfigurationFacet",
    "IexecERC20Facet",
    "IexecEscrowTokenFacet",
    "IexecOrderManagementFacet",
    "IexecPoco1Facet",
    "IexecPoco2Facet",
    "IexecPocoAccessorsFacet",
    "IexecRelayFacet",
)
REGISTRIES: Final = {
    "App": "registries/apps/AppRegistry.sol/AppRegistry",
    "Dataset": "registries/datasets/DatasetRegistry.sol/DatasetRegistry",
    "Workerpool": "registries/workerpools/WorkerpoolRegistry.sol/WorkerpoolRegistry",
}
_RECEIVE, _FALLBACK = bytes(4), b"\xff" * 4  #: selectors of receive and fallback in PoCo's diamond


class Artifact(msgspec.Struct, frozen=True):
    """One compiled contract of the package."""

    abi: artifacts.Abi
    hex_code: str
    links: dict[str, dict[str, list[dict[str, int]]]]

    def linked(self, library: Address | None = None) -> bytes:
        """Return the creation bytecode, linked with the orders library."""
        code = self.hex_code.removeprefix("0x")
        for name, offsets in ((name, offsets) for file in self.links.values() for name, offsets in file.items()):
            if library is None or not ORDERS_LIBRARY.endswith(name):
                raise SetupMissing(f"PoCo's artifact needs an unknown library {name}; use version 6.1.0.")
            for offset in offsets:
                start = 2 * offset["start"]
                code = code[:start] + library[2:] + code[start + 40 :]
        return bytes.fromhex(code)

    def selectors(self) -> list[bytes]:
        """Return the selectors under which a diamond calls this facet."""
        kinds = {entry["type"] for entry in self.abi}
        special = [_RECEIVE] * ("receive" in kinds) + [_FALLBACK] * ("fallback" in kinds)
        return [selector(entry) for entry in self.abi if entry["type"] == "function"] + special


class PocoPackage:
    """The package's folder, which contains ``artifacts/contracts``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def artifact(self, path: str) -> Artifact:
        """Return one contract, e.g. ``Diamond.sol/Diamond``; raise SetupMissing if the package is missing."""
        file = self.root / "artifacts/contracts" / f"{path}.json"
        try:
            loaded: dict[str, Any] = json.loads(file.read_text())
        except FileNotFoundError as error:
            raise SetupMissing(
                f"iExec's PoCo package is not at {self.root}; run `make setup` in a checkout, else `sealgrid setup`."
            ) from error
        return Artifact(abi=loaded["abi"], hex_code=loaded["bytecode"], links=loaded.get("linkReferences", {}))
