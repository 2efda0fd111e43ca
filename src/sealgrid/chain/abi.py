"""Encodes and decodes contract calls and events by a contract's ABI (Solidity ABI specification)."""

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


class _LenientStringDecoder(StringDecoder):
    """Replaces bytes that are not valid UTF-8: Solidity's strings may hold any bytes."""

    def __init__(self) -> None:
        super().__init__(handle_string_errors="replace")  # type: ignore[no-untyped-call]


def _lenient_decoder() -> ABIDecoder:
    registry: Any = standard
    registry = registry.copy()
    registry.unregister_decoder("string")
    registry.register_decoder(cast("Any", BaseEquals)("string"), _LenientStringDecoder, label="string")
    return ABIDecoder(registry)


_CODEC = _lenient_decoder()


class ContractAbi:
    """Functions and events of a contract. Accepts digests as hex text or bytes, returns them as bytes."""

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
        """Return the constructor's arguments, which follow the creation bytecode."""
        return _encode(self._constructor["inputs"], arguments)

    def decode(self, function: str, data: bytes) -> Any:
        """Decode a call's return data: one value, or a tuple if the function returns several."""
        values = _CODEC.decode([canonical_type(part) for part in self._functions[function]["outputs"]], data)
        return values[0] if len(values) == 1 else values

    def selector(self, function: str) -> bytes:
        """Return a function's four-byte selector."""
        return selector(self._functions[function])

    def decode_call(self, data: bytes) -> tuple[str, tuple[Any, ...]] | None:
        """Decode calldata into a function's name and arguments; None if the contract does not have the function."""
        for name, entry in self._functions.items():
            if data[:4] == selector(entry):
                return name, tuple(_CODEC.decode([canonical_type(part) for part in entry["inputs"]], data[4:]))
        return None

    def decode_event(self, topics: Sequence[bytes], data: bytes) -> tuple[str, tuple[Any, ...]] | None:
        """Decode an event into its name and its values in the order of its definition; None if it is unknown."""
        entry = self.events.get(topics[0]) if topics else None
        if entry is None or len(topics) <= sum(part["indexed"] for part in entry["inputs"]):
            return None
        plain = iter(_CODEC.decode([canonical_type(part) for part in entry["inputs"] if not part["indexed"]], data))
        indexed = iter(topics[1:])
        values = [
            _CODEC.decode([part["type"]], next(indexed))[0] if part["indexed"] else next(plain)
            for part in entry["inputs"]
        ]
        return str(entry["name"]), tuple(values)

    def topic(self, event: str) -> bytes:
        """Return the first topic of an event, by its name; raise KeyError if it is unknown."""
        return {entry["name"]: topic for topic, entry in self.events.items()}[event]


@lru_cache
def interface(contract: str) -> ContractAbi:
    """Return the ABI of a contract of the shipped artifacts."""
    return ContractAbi(artifacts.abi(contract))


def canonical_type(part: dict[str, Any]) -> str:
    """Return a type as in function signatures; a tuple as its components."""
    if not part["type"].startswith("tuple"):
        return str(part["type"])
    inner = ",".join(canonical_type(each) for each in part["components"])
    return f"({inner}){part['type'].removeprefix('tuple')}"


def selector(entry: dict[str, Any]) -> bytes:
    """Return a function's four-byte selector."""
    return keccak256(_signature(entry))[:4]


def event_topic(entry: dict[str, Any]) -> bytes:
    """Return an event's first topic."""
    return keccak256(_signature(entry))


def _signature(entry: dict[str, Any]) -> bytes:
    return f"{entry['name']}({','.join(canonical_type(part) for part in entry['inputs'])})".encode()


def _encode(parts: Sequence[dict[str, Any]], arguments: Sequence[object]) -> bytes:
    values = [_encodable(part, value) for part, value in zip(parts, arguments, strict=True)]
    return encode([canonical_type(part) for part in parts], values)


def _encodable(part: dict[str, Any], value: Any) -> Any:
    if part["type"].endswith("[]"):
        inner = part | {"type": part["type"][:-2]}
        return [_encodable(inner, each) for each in value]
    if part["type"] == "tuple":
        return tuple(_encodable(inner, each) for inner, each in zip(part["components"], value, strict=True))
    return to_bytes(value, 32) if part["type"] == "bytes32" and isinstance(value, str) else value
