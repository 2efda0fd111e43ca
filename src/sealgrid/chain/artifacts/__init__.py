"""Compiled contracts of ours and the part of PoCo's ABI that we call, as data; no compiler is needed to use them.

``python -m sealgrid.chain.artifacts POCO_PACKAGE`` writes them anew from ``contracts/`` and iExec's npm package.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

Abi = list[dict[str, Any]]


@lru_cache
def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.json").read_text())
    return loaded


def abi(contract: str) -> Abi:
    """Return the ABI of TeeBroker, Token, Owner or of PoCo's Hub, AppRegistry, App …; raise KeyError for others."""
    if contract in ("TeeBroker", "Token", "Owner"):
        found: Abi = _load(contract)["abi"]
    else:
        found = _load("poco")[contract]
    return found


def bytecode(contract: str) -> bytes:
    """Return the creation bytecode of TeeBroker, Token or Owner."""
    return bytes.fromhex(_load(contract)["bytecode"].removeprefix("0x"))
