"""Every single well-formed change of a receipt, and the check that must detect it."""

import json
from collections.abc import Iterator
from typing import Any

import rfc8785

Path = tuple[str | int, ...]

BODY_CHECKS = {"chain": 2, "hub": 2, "broker": 2, "vaults": 3, "t": 3}
BASE64 = {"signature", "settle_signature", "quote"}
OTHER_WORD = {"ok": "app-failed", "escrow": "direct"}
SIMULATED, TDX = 255, 2


def leaves(node: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the way to every value; the facts are a document inside the document."""
    if path == ("facts",):
        node = json.loads(node)
    if isinstance(node, dict):
        for key, child in node.items():
            yield from leaves(child, (*path, key))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from leaves(child, (*path, index))
    else:
        yield path


def mutate(document: bytes, path: Path) -> bytes:
    """Return the receipt with this one value changed, in its canonical form again."""
    whole = json.loads(document)
    if path[0] == "facts":
        facts = json.loads(whole["facts"])
        _change(facts, path[1:])
        whole["facts"] = rfc8785.dumps(facts).decode()
    else:
        _change(whole, path)
    return rfc8785.dumps(whole)


def number_for(path: Path) -> int:
    """Return the check that must stop a change of this value."""
    if path[0] == "schema" or path[:3] == ("receipt", "body", "schema"):
        return 1
    if path[:2] == ("receipt", "body"):
        return BODY_CHECKS.get(str(path[2]), 4)
    return {"receipt": 4, "facts": 5, "releases": 5, "settle": 7, "settle_signature": 7, "verdicts": 9}[str(path[0])]


def _change(node: Any, path: Path) -> None:
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = _changed(node[path[-1]], str(path[-1]))


def _changed(value: Any, name: str) -> Any:
    if value is None:
        return "0x" + "11" * 32
    if name == "requester_signature":
        return "presigned"
    if name == "platform":
        return TDX if value == SIMULATED else SIMULATED
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value in OTHER_WORD:
        return OTHER_WORD[value]
    if name in BASE64:
        return ("B" if value[0] == "A" else "A") + value[
            1:
        ]  # the last characters have spellings that are not canonical
    return value[:-1] + ("1" if value[-1:] != "1" else "2")
