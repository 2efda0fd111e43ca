"""Generates the artifacts: compiles the contracts and selects the used entries of PoCo's ABI."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from sealgrid.chain.artifacts import SOURCES

_HUB_FUNCTIONS: Final = """
    matchOrders sponsorMatchOrders assertDatasetDealCompatibility
    initialize contribute contributeAndFinalize reveal finalize reopen claim
    initializeArray claimArray initializeAndClaimArray
    deposit depositFor withdraw withdrawTo receiveApproval
    configure setTeeBroker createCategory owner domain
    manageAppOrder manageDatasetOrder manageWorkerpoolOrder manageRequestOrder
    viewDeal viewTask viewContribution viewScore viewConsumed viewPresigned viewAccount viewCategory countCategory
    resultFor computeDealVolume token teebroker callbackgas appregistry datasetregistry workerpoolregistry
    eip712domain_separator verifySignature
"""
_HUB_EVENTS: Final = """
    OrdersMatched SchedulerNotice TaskInitialize TaskContribute TaskConsensus TaskReveal TaskReopen TaskFinalize
    TaskClaimed Reward Seize Lock Unlock Transfer CreateCategory
    SignedAppOrder SignedDatasetOrder SignedWorkerpoolOrder SignedRequestOrder
    ClosedAppOrder ClosedDatasetOrder ClosedWorkerpoolOrder ClosedRequestOrder
"""
_REGISTRY: Final = [
    "initialize",
    "isRegistered",
    "ownerOf",
    "transferFrom",
    "Transfer",
    "balanceOf",
    "tokenOfOwnerByIndex",
]
_ENTRY: Final = ["owner", "registry"]
_HUB_SOURCES: Final = """
    IexecAccessorsABILegacyFacet IexecCategoryManagerFacet IexecConfigurationFacet IexecEscrowTokenFacet
    IexecOrderManagementFacet IexecPoco1Facet IexecPoco2Facet IexecPocoAccessorsFacet
"""

_SELECTED: Final = {
    "AppRegistry": ("registries/apps", ["createApp", "predictApp", *_REGISTRY]),
    "DatasetRegistry": ("registries/datasets", ["createDataset", "predictDataset", *_REGISTRY]),
    "WorkerpoolRegistry": ("registries/workerpools", ["createWorkerpool", "predictWorkerpool", *_REGISTRY]),
    "App": (
        "registries/apps",
        ["m_appName", "m_appType", "m_appMultiaddr", "m_appChecksum", "m_appMREnclave", *_ENTRY],
    ),
    "Dataset": ("registries/datasets", ["m_datasetName", "m_datasetMultiaddr", "m_datasetChecksum", *_ENTRY]),
    "Workerpool": (
        "registries/workerpools",
        [
            "m_workerpoolDescription",
            "m_workerStakeRatioPolicy",
            "m_schedulerRewardRatioPolicy",
            "changePolicy",
            *_ENTRY,
        ],
    ),
}


def compile_contract(source: Path) -> dict[str, Any]:
    """Compile one Vyper file, without metadata, so equal sources give equal bytes."""
    outputs = "abi,bytecode,bytecode_runtime,layout"
    command = [sys.executable, "-m", "vyper", "-f", outputs, "--no-bytecode-metadata", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  a fixed command
    interface, code, deployed, layout = done.stdout.strip().splitlines()
    return {
        "contractName": source.stem,
        "abi": json.loads(interface),
        "bytecode": code,
        "deployedBytecode": deployed,
        "immutableBytes": _immutable_bytes(json.loads(layout).get("code_layout", {})),
    }


def _immutable_bytes(layout: dict[str, Any]) -> int:
    """Return the bytes of the immutable values in a Vyper layout, whose entries are variables or modules."""
    return sum(each["length"] if "length" in each else _immutable_bytes(each) for each in layout.values())


def select_poco_abi(package: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the used ABI entries of PoCo, by contract, in the order of iExec's files."""
    names = set(f"{_HUB_FUNCTIONS} {_HUB_EVENTS}".split())
    hub = [entry for facet in _HUB_SOURCES.split() for entry in _entries(package, f"facets/{facet}.sol/{facet}", names)]
    owner = _entries(package, "interfaces/IOwnable.sol/IOwnable", {"owner"})
    # Several facets declare the same events.
    selected = {"Hub": list({(entry["type"], entry["name"]): entry for entry in hub + owner}.values())}
    for contract, (folder, names_of_contract) in _SELECTED.items():
        selected[contract] = _entries(package, f"{folder}/{contract}.sol/{contract}", set(names_of_contract))
    return selected


def render_artifacts(contracts: Path, package: Path) -> dict[str, str]:
    """Return the name and text of each artifact file."""
    texts = {name: compile_contract(contracts / source) for name, source in SOURCES.items()}
    return {
        f"{name}.json": json.dumps(text, indent=1) + "\n"
        for name, text in (texts | {"poco": select_poco_abi(package)}).items()
    }


def _entries(package: Path, path: str, names: set[str]) -> list[dict[str, Any]]:
    artifact = json.loads((package / "artifacts/contracts" / f"{path}.json").read_text())
    return [_without_internal_types(entry) for entry in artifact["abi"] if entry.get("name") in names]


def _without_internal_types(entry: dict[str, Any]) -> dict[str, Any]:
    cleaned = {key: value for key, value in entry.items() if key != "internalType"}
    for part in ("inputs", "outputs", "components"):
        if part in cleaned:
            cleaned[part] = [_without_internal_types(inner) for inner in cleaned[part]]
    return cleaned
