"""Bytecode and ABI of Sealgrid's contracts, and the parts of PoCo's ABI that are used. Loading them needs no compiler.

``python -m sealgrid.chain.artifacts POCO_PACKAGE`` regenerates them from ``contracts/`` and iExec's npm package.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

Abi = list[dict[str, Any]]

#: Source of each contract, relative to ``contracts/``.
SOURCES: Final = {
    "AccessPolicy": "AccessPolicy.vy",
    "TeeBroker": "TeeBroker.vy",
    "PoolGate": "PoolGate.vy",
    "DataFeed": "DataFeed.vy",
    "WorkerAccount": "WorkerAccount.vy",
    "AnswerReceiver": "examples/AnswerReceiver.vy",
    "ComputeBuyer": "examples/ComputeBuyer.vy",
    "DataBounty": "examples/DataBounty.vy",
    "Token": "local/Token.vy",
    "Owner": "local/Owner.vy",
}


@lru_cache
def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.json").read_text())
    return loaded


def abi(contract: str) -> Abi:
    """Return the ABI of a contract of Sealgrid or PoCo (Hub, AppRegistry, App …); raise KeyError if it is unknown."""
    if contract in SOURCES:
        own: Abi = _load(contract)["abi"]
        return own
    poco: Abi = _load("poco")[contract]
    return poco


def bytecode(contract: str) -> bytes:
    """Return the creation bytecode of a contract of Sealgrid."""
    return bytes.fromhex(_load(contract)["bytecode"].removeprefix("0x"))


def deployed_code(contract: str, immutables: bytes) -> bytes:
    """Return the code of a deployed contract of Sealgrid; ``immutables`` are its values in the ABI's encoding."""
    assert len(immutables) == _load(contract)["immutableBytes"]
    return bytes.fromhex(_load(contract)["deployedBytecode"].removeprefix("0x")) + immutables


def is_deployed(code: bytes, contract: str) -> bool:
    """Return whether deployed code is exactly that of a contract of Sealgrid, with any immutable values at its end."""
    runtime = bytes.fromhex(_load(contract)["deployedBytecode"].removeprefix("0x"))
    return code.startswith(runtime) and len(code) == len(runtime) + _load(contract)["immutableBytes"]
