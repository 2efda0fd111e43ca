"""PoCo's four orders and their JSON form on iExec's market (IexecLibOrders_v5).

Field names are PoCo's. ``sign`` is the owner's signature over the order's hash and not part of the hash. Prices are
nRLC; a zero address as a restriction admits everyone.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import ClassVar, Final, Literal, Self, TypeVar

import msgspec

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import encode_value
from sealgrid.errors import OrderMalformed
from sealgrid.poco.tags import NO_TAG
from sealgrid.units import ZERO_ADDRESS, ZERO_DIGEST, Address, Digest, to_address, to_digest

OrderBookName = Literal["apporders", "datasetorders", "workerpoolorders", "requestorders"]


class PocoOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the four orders. ``TYPES`` is PoCo's struct in ABI order, without ``sign``, the last field."""

    TYPES: ClassVar[tuple[tuple[str, str], ...]] = ()
    kind: ClassVar[OrderBookName]  #: the collection of iExec's market that lists such orders

    sign: bytes = b""

    def struct_hash(self) -> bytes:
        """Return EIP-712's hashStruct of all fields but ``sign``."""
        words = (encode_value(solidity, getattr(self, name)) for solidity, name in self.TYPES)
        return keccak256(_type_hash(type(self)) + b"".join(words))


@cache
def _type_hash(kind: type[PocoOrder]) -> bytes:
    fields = ",".join(f"{solidity} {name}" for solidity, name in kind.TYPES)
    return keccak256(f"{kind.__name__}({fields})".encode())


class AssetOrder(PocoOrder, frozen=True, kw_only=True):
    """Base of the three that sell the use of an asset: an app, a dataset or a workerpool."""

    ASSET_FIELD: ClassVar[str]
    PRICE_FIELD: ClassVar[str]

    @property
    def asset(self) -> Address:
        """Return the address of what the order sells."""
        address: Address = getattr(self, self.ASSET_FIELD)
        return address

    @property
    def price(self) -> int:
        """Return the price of one use, in nRLC."""
        price: int = getattr(self, self.PRICE_FIELD)
        return price

    def with_price(self, price: int) -> Self:
        """Return the order at another price, unsigned."""
        return msgspec.structs.replace(self, sign=b"", **{self.PRICE_FIELD: price})


class AppOrder(AssetOrder, frozen=True, kw_only=True):
    """An app's owner sells its use."""

    kind: ClassVar[OrderBookName] = "apporders"
    ASSET_FIELD: ClassVar = "app"
    PRICE_FIELD: ClassVar = "appprice"
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


class DatasetOrder(AssetOrder, frozen=True, kw_only=True):
    """A dataset's owner sells its use; the zero address means a deal without a dataset."""

    kind: ClassVar[OrderBookName] = "datasetorders"
    ASSET_FIELD: ClassVar = "dataset"
    PRICE_FIELD: ClassVar = "datasetprice"
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


class WorkerpoolOrder(AssetOrder, frozen=True, kw_only=True):
    """A workerpool's owner sells computing."""

    kind: ClassVar[OrderBookName] = "workerpoolorders"
    ASSET_FIELD: ClassVar = "workerpool"
    PRICE_FIELD: ClassVar = "workerpoolprice"
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
    """A requester buys tasks. ``workerpool`` is a restriction; ``params`` is the job's public JSON."""

    kind: ClassVar[OrderBookName] = "requestorders"
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

NO_DATASET_ORDER = DatasetOrder()  #: the dataset order of a deal without a dataset

BULK_VOLUME: Final = 2**53 - 2  #: iExec's SDK writes DATASET_INFINITE_VOLUME, or one less

_MAX_UINT256 = 2**256
_DIGITS = len(str(_MAX_UINT256))
MAX_SIGNATURE_BYTES = 4096  #: a contract's signature (ERC-1271) may hold several
MAX_PARAMS_BYTES = 16 << 10


def terms_of(order: Order) -> Order:
    """Return an order without volume, salt and signature; equal for orders on equal terms."""
    return msgspec.structs.replace(order, volume=0, salt=ZERO_DIGEST, sign=b"")


def is_bulk(order: Order) -> bool:
    """Return whether iExec's SDK may use a dataset order in bulk: it is free and its volume does not end."""
    return isinstance(order, DatasetOrder) and order.datasetprice == 0 and order.volume >= BULK_VOLUME


def to_document(order: Order) -> dict[str, str]:
    """Return an order in the JSON form of iExec's market: numbers in decimal, all values as text, ``sign`` as hex."""
    document = {name: str(getattr(order, name)) for _, name in order.TYPES}
    return document | {"sign": "0x" + order.sign.hex()}


def from_document(kind: type[AnyOrder], document: Mapping[str, object]) -> AnyOrder:
    """Parse an order in the JSON form of iExec's market. Addresses may have any letter case, numbers may be integers.

    Raises OrderMalformed otherwise; ``check`` is the kind of mistake, the message names the field.
    """
    expected = [name for _, name in kind.TYPES] + ["sign"]
    if missing := [name for name in expected if name not in document]:
        raise OrderMalformed(f"This {kind.__name__} lacks {', '.join(missing)}.", check="missing-field")
    if unknown := sorted(set(document) - set(expected)):
        named = ", ".join(unknown)[:80]
        raise OrderMalformed(f"A {kind.__name__} has no field {named}; leave it out.", check="unknown-field")
    values = {name: _PARSERS[solidity](name, document[name]) for solidity, name in kind.TYPES}
    return msgspec.convert(values | {"sign": _parse_signature(document["sign"])}, kind)


def _parse_address(name: str, value: object) -> Address:
    try:
        return to_address(_text(value))
    except ValueError as error:
        raise OrderMalformed(f"{name} is not a valid address: give 0x and 40 hex digits.", check="address") from error


def _parse_bytes32(name: str, value: object) -> Digest:
    try:
        return to_digest(_text(value))
    except ValueError as error:
        raise OrderMalformed(f"{name} is not a valid bytes32: give 0x and 64 hex digits.", check="bytes32") from error


def _parse_number(name: str, value: object) -> int:
    text = str(value) if type(value) is int else value
    plain = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    number = int(str(text)) if plain else _MAX_UINT256
    if number >= _MAX_UINT256:
        raise OrderMalformed(f"{name} is not a valid uint256: give a whole number from 0, in decimal.", check="number")
    return number


def _parse_params(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise OrderMalformed(f"{name} is not a text; give JSON as a string.", check="text")
    if len(value.encode(errors="replace")) > MAX_PARAMS_BYTES:
        raise OrderMalformed(
            f"{name} is longer than {MAX_PARAMS_BYTES} bytes; pass long content as an input file.", check="params-size"
        )
    return value


def _parse_signature(value: object) -> bytes:
    text = value.removeprefix("0x") if isinstance(value, str) and value.startswith("0x") else "-"
    if len(text) > 2 * MAX_SIGNATURE_BYTES:
        raise OrderMalformed(f"sign is longer than {MAX_SIGNATURE_BYTES} bytes.", check="sign-size")
    if len(text) % 2 or not set(text) <= _HEX:
        raise OrderMalformed("sign is not a valid signature: give 0x and pairs of hex digits.", check="sign")
    return bytes.fromhex(text)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")  # noqa: TRY004  the caller adds the field's name
    return value


_HEX = set("0123456789abcdefABCDEF")
_PARSERS: dict[str, Callable[[str, object], object]] = {
    "address": _parse_address,
    "bytes32": _parse_bytes32,
    "uint256": _parse_number,
    "string": _parse_params,
}
