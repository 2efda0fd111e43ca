"""Contract calls and events to bytes and back, from a contract's ABI (Solidity ABI specification)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from eth_abi.abi import encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.registry import BaseEquals
from eth_abi.registry import registry as standard

from sealgrid.chain import artifacts
from sealgrid.crypto.digests import keccak256
from sealgrid.units import to_bytes


class _AnyText(StringDecoder):
    """Solidity's strings are any bytes: what is no UTF-8 is read with marks where it breaks, and never raises."""

    def __init__(self) -> None:
        super().__init__(handle_string_errors="replace")  # type: ignore[no-untyped-call]


def _tolerant() -> ABIDecoder:
    registry: Any = standard
    registry = registry.copy()
    registry.unregister_decoder("string")
    registry.register_decoder(cast("Any", BaseEquals)("string"), _AnyText, label="string")
    return ABIDecoder(registry)


_CODEC = _tolerant()


class ContractAbi:
    """What a contract understands; digests go in as hex text or bytes and come out as bytes."""

    def __init__(self, abi: artifacts.Abi) -> None:
        self._functions = {entry["name"]: entry for entry in abi if entry["type"] == "function"}
        constructor: dict[str, Any] = {"inputs": []}
        self._constructor = next((entry for entry in abi if entry["type"] == "constructor"), constructor)
        self.events = {event_topic(entry): entry for entry in abi if entry["type"] == "event"}

    def call_data(self, function: str, *arguments: object) -> bytes:
        """Return the calldata of one call."""
        entry = self._functions[function]
        return selector(entry) + _encode(entry["inputs"], arguments)

    def constructor_data(self, *arguments: object) -> bytes:
        """Return what follows the creation bytecode."""
        return _encode(self._constructor["inputs"], arguments)

    def decode(self, function: str, answer: bytes) -> Any:
        """Return a call's answer: one value, or a tuple where the function has several."""
        values = _CODEC.decode([spelled(part) for part in self._functions[function]["outputs"]], answer)
        return values[0] if len(values) == 1 else values

    def selector(self, function: str) -> bytes:
        """Return the four bytes with which a call of this function begins."""
        return selector(self._functions[function])

    def decode_call(self, data: bytes) -> tuple[str, tuple[Any, ...]] | None:
        """Return the function that calldata names and its arguments; None for one that the contract does not have."""
        for name, entry in self._functions.items():
            if data[:4] == selector(entry):
                return name, tuple(_CODEC.decode([spelled(part) for part in entry["inputs"]], data[4:]))
        return None

    def decode_event(self, topics: Sequence[bytes], data: bytes) -> tuple[str, tuple[Any, ...]] | None:
        """Return an event's name and its values in the order of its definition; None for an unknown one."""
        entry = self.events.get(topics[0]) if topics else None
        if entry is None:
            return None
        plain = iter(_CODEC.decode([spelled(part) for part in entry["inputs"] if not part["indexed"]], data))
        indexed = iter(topics[1:])
        values = [
            _CODEC.decode([part["type"]], next(indexed))[0] if part["indexed"] else next(plain)
            for part in entry["inputs"]
        ]
        return str(entry["name"]), tuple(values)

    def topic(self, event: str) -> bytes:
        """Return the first topic of an event, by its name; raise KeyError for an unknown one."""
        return {entry["name"]: topic for topic, entry in self.events.items()}[event]


@lru_cache
def interface(contract: str) -> ContractAbi:
    """Return the interface of one of the shipped artifacts."""
    return ContractAbi(artifacts.abi(contract))


def spelled(part: dict[str, Any]) -> str:
    """Return a type as signatures spell it; tuples with their components."""
    if not part["type"].startswith("tuple"):
        return str(part["type"])
    inner = ",".join(spelled(each) for each in part["components"])
    return f"({inner}){part['type'].removeprefix('tuple')}"


def selector(entry: dict[str, Any]) -> bytes:
    """Return a function's four bytes."""
    return keccak256(_signature(entry))[:4]


def event_topic(entry: dict[str, Any]) -> bytes:
    """Return an event's first topic."""
    return keccak256(_signature(entry))


def _signature(entry: dict[str, Any]) -> bytes:
    return f"{entry['name']}({','.join(spelled(part) for part in entry['inputs'])})".encode()


def _encode(parts: Sequence[dict[str, Any]], arguments: Sequence[object]) -> bytes:
    prepared = [_prepared(part, value) for part, value in zip(parts, arguments, strict=True)]
    return encode([spelled(part) for part in parts], prepared)


def _prepared(part: dict[str, Any], value: Any) -> Any:
    if part["type"].endswith("[]"):
        inner = part | {"type": part["type"][:-2]}
        return [_prepared(inner, each) for each in value]
    if part["type"] == "tuple":
        return tuple(_prepared(inner, each) for inner, each in zip(part["components"], value, strict=True))
    return to_bytes(value, 32) if part["type"] == "bytes32" and isinstance(value, str) else value
