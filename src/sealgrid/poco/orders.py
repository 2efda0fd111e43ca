"""The four orders that make a deal, as PoCo hashes them (iExec's IexecLibOrders_v5).

Field names are PoCo's own. ``sign`` is the owner's signature over the order's hash and no part of it;
prices are nRLC, a zero address in a restriction means anyone.
"""

from typing import ClassVar, TypeVar

import msgspec

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import encode_value
from sealgrid.errors import OrderRefused
from sealgrid.poco.tags import NO_TAG
from sealgrid.units import ZERO_ADDRESS, ZERO_DIGEST, Address, Digest, to_address, to_digest


class PocoOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the four: ``TYPES`` is PoCo's struct in its ABI order, without ``sign``, which comes last there."""

    TYPES: ClassVar[tuple[tuple[str, str], ...]] = ()

    sign: bytes = b""

    def struct_hash(self) -> bytes:
        """Return EIP-712's hashStruct of everything but ``sign``."""
        fields = ",".join(f"{kind} {name}" for kind, name in self.TYPES)
        kind = keccak256(f"{type(self).__name__}({fields})".encode())
        return keccak256(kind, *(encode_value(solidity, getattr(self, name)) for solidity, name in self.TYPES))


class AppOrder(PocoOrder, frozen=True, kw_only=True):
    """An app's owner sells its use."""

    TYPES: ClassVar = (
        ("address", "app"),
        ("uint256", "appprice"),
        ("uint256", "volume"),
        ("bytes32", "tag"),
        ("address", "datasetrestrict"),
        ("address", "workerpoolrestrict"),
        ("address", "requesterrestrict"),
        ("bytes32", "salt"),
    )

    app: Address
    appprice: int = 0
    volume: int = 1
    tag: Digest = NO_TAG
    datasetrestrict: Address = ZERO_ADDRESS
    workerpoolrestrict: Address = ZERO_ADDRESS
    requesterrestrict: Address = ZERO_ADDRESS
    salt: Digest = ZERO_DIGEST


class DatasetOrder(PocoOrder, frozen=True, kw_only=True):
    """A dataset's owner sells its use; a zero dataset says that a deal has none."""

    TYPES: ClassVar = (
        ("address", "dataset"),
        ("uint256", "datasetprice"),
        ("uint256", "volume"),
        ("bytes32", "tag"),
        ("address", "apprestrict"),
        ("address", "workerpoolrestrict"),
        ("address", "requesterrestrict"),
        ("bytes32", "salt"),
    )

    dataset: Address = ZERO_ADDRESS
    datasetprice: int = 0
    volume: int = 0
    tag: Digest = NO_TAG
    apprestrict: Address = ZERO_ADDRESS
    workerpoolrestrict: Address = ZERO_ADDRESS
    requesterrestrict: Address = ZERO_ADDRESS
    salt: Digest = ZERO_DIGEST


class WorkerpoolOrder(PocoOrder, frozen=True, kw_only=True):
    """A pool's owner sells computing."""

    TYPES: ClassVar = (
        ("address", "workerpool"),
        ("uint256", "workerpoolprice"),
        ("uint256", "volume"),
        ("bytes32", "tag"),
        ("uint256", "category"),
        ("uint256", "trust"),
        ("address", "apprestrict"),
        ("address", "datasetrestrict"),
        ("address", "requesterrestrict"),
        ("bytes32", "salt"),
    )

    workerpool: Address
    workerpoolprice: int = 0
    volume: int = 1
    tag: Digest = NO_TAG
    category: int = 0
    trust: int = 0
    apprestrict: Address = ZERO_ADDRESS
    datasetrestrict: Address = ZERO_ADDRESS
    requesterrestrict: Address = ZERO_ADDRESS
    salt: Digest = ZERO_DIGEST


class RequestOrder(PocoOrder, frozen=True, kw_only=True):
    """A requester buys; ``workerpool`` restricts, ``params`` is the job's public JSON."""

    TYPES: ClassVar = (
        ("address", "app"),
        ("uint256", "appmaxprice"),
        ("address", "dataset"),
        ("uint256", "datasetmaxprice"),
        ("address", "workerpool"),
        ("uint256", "workerpoolmaxprice"),
        ("address", "requester"),
        ("uint256", "volume"),
        ("bytes32", "tag"),
        ("uint256", "category"),
        ("uint256", "trust"),
        ("address", "beneficiary"),
        ("address", "callback"),
        ("string", "params"),
        ("bytes32", "salt"),
    )

    app: Address
    requester: Address
    beneficiary: Address
    appmaxprice: int = 0
    dataset: Address = ZERO_ADDRESS
    datasetmaxprice: int = 0
    workerpool: Address = ZERO_ADDRESS
    workerpoolmaxprice: int = 0
    volume: int = 1
    tag: Digest = NO_TAG
    category: int = 0
    trust: int = 0
    callback: Address = ZERO_ADDRESS
    params: str = ""
    salt: Digest = ZERO_DIGEST


Order = AppOrder | DatasetOrder | WorkerpoolOrder | RequestOrder
AnyOrder = TypeVar("AnyOrder", AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder)

NO_DATASET_ORDER = DatasetOrder()  #: stands in a deal without a dataset

_MAX_UINT256 = 2**256


def to_document(order: Order) -> dict[str, str]:
    """Return an order as iExec's market spells it: numbers as decimal, everything else as text, ``sign`` as hex."""
    document = {name: str(getattr(order, name)) for _, name in order.TYPES}
    return document | {"sign": "0x" + order.sign.hex()}


def from_document(kind: type[AnyOrder], document: dict[str, str]) -> AnyOrder:
    """Read an order as iExec's market spells it, addresses in any letter case; raise OrderRefused for anything else."""
    expected = {name for _, name in kind.TYPES} | {"sign"}
    if set(document) != expected:
        odd = ", ".join(sorted(set(document) ^ expected))
        raise OrderRefused(f"A {kind.__name__} has other fields; look at: {odd}.")
    try:
        values = {name: _read(solidity, document[name]) for solidity, name in kind.TYPES}
        return msgspec.convert(values | {"sign": bytes.fromhex(document["sign"].removeprefix("0x"))}, kind)
    except ValueError as error:
        raise OrderRefused(f"This {kind.__name__} cannot be read: {error}.") from error


def _read(solidity: str, text: str) -> int | str:
    if solidity == "address":
        return to_address(text)
    if solidity == "bytes32":
        return to_digest(text)
    return text if solidity == "string" else _number(text)


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 79 else -1
    if not 0 <= number < _MAX_UINT256:
        raise ValueError(f"{text[:80]!r} is no uint256 in decimal")
    return number
