"""Compiled contracts of ours and the part of PoCo's ABI that we call, as data; no compiler is needed to use them.

``python -m sealgrid.chain.artifacts POCO_PACKAGE`` writes them anew from ``contracts/`` and iExec's npm package.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

Abi = list[dict[str, Any]]

#: Our contracts, and where each one's source lies beneath ``contracts/``.
SOURCES: Final = {
    "AccessPolicy": "AccessPolicy.vy",
    "TeeBroker": "TeeBroker.vy",
    "PoolGate": "PoolGate.vy",
    "AnswerReceiver": "examples/AnswerReceiver.vy",
    "Token": "local/Token.vy",
    "Owner": "local/Owner.vy",
}


@lru_cache
def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.json").read_text())
    return loaded


def abi(contract: str) -> Abi:
    """Return the ABI of a contract of ours or of PoCo's Hub, AppRegistry, App …; raise KeyError for others."""
    if contract in SOURCES:
        found: Abi = _load(contract)["abi"]
    else:
        found = _load("poco")[contract]
    return found


def bytecode(contract: str) -> bytes:
    """Return the creation bytecode of a contract of ours."""
    return bytes.fromhex(_load(contract)["bytecode"].removeprefix("0x"))
