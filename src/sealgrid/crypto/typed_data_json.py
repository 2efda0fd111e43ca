"""EIP-712 typed data as the JSON of ``eth_signTypedData_v4``."""

from typing import Any, ClassVar, Protocol

from sealgrid.crypto.signing import Statement, snake_case
from sealgrid.units import Address

_DOMAIN = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))


class TypedData(Protocol):
    """A Statement or a PoCo order."""

    TYPES: ClassVar[Any]  #: (Solidity type, name) in order


def wallet_typed_data(signed: TypedData, *, name: str, version: str, chain: int, contract: Address) -> dict[str, Any]:
    """Return the typed data by which a wallet signs ``signed`` in a domain; the digest equals ``Statement.digest``."""
    types = {
        "EIP712Domain": [{"name": each, "type": kind} for each, kind in _DOMAIN],
        **_types(type(signed)),
        type(signed).__name__: [{"name": each, "type": kind} for kind, each in _fields(signed)],
    }
    domain = {"name": name, "version": version, "chainId": str(chain), "verifyingContract": contract}
    return {"types": types, "domain": domain, "primaryType": type(signed).__name__, "message": _message(signed)}


def _types(kind: type[TypedData]) -> dict[str, list[dict[str, str]]]:
    own = {kind.__name__: [{"name": name, "type": solidity} for solidity, name in kind.TYPES]}
    nested = kind.NESTED if issubclass(kind, Statement) else ()
    return {name: fields for other in nested for name, fields in _types(other).items()} | own


def _message(signed: TypedData) -> dict[str, Any]:
    return {name: _to_json(getattr(signed, snake_case(name))) for _, name in _fields(signed)}


def _fields(signed: TypedData) -> tuple[tuple[str, str], ...]:
    return signed.types() if isinstance(signed, Statement) else tuple(signed.TYPES)


def _to_json(value: object) -> object:
    if isinstance(value, Statement):
        return _message(value)
    if isinstance(value, tuple):
        return [_to_json(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))  # JavaScript numbers are exact only below 2^53
    return value
