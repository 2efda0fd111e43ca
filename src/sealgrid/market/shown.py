"""Orders and categories as iExec's market writes them in JSON."""

from datetime import UTC, datetime
from functools import lru_cache

from sealgrid.crypto.digests import keccak256
from sealgrid.market.book import Book, Listed
from sealgrid.market.kinds import is_bulk
from sealgrid.poco.orders import DatasetOrder, Order
from sealgrid.units import Address
from sealgrid.wire.market import EXACT, Amount, OpenOrder


def shown(listed: Listed, book: Book, chain: int) -> OpenOrder:
    """Return a published order with what is left of it and where it stands."""
    return OpenOrder(
        orderHash=listed.order_hash,
        chainId=chain,
        order=_document(listed.order),
        remaining=amount(book.remaining(listed)),
        status=book.status(listed).value,
        publicationTimestamp=timestamp(listed.published),
        signer=mixed_case(listed.signer),
        bulk=is_bulk(listed.order) if isinstance(listed.order, DatasetOrder) else None,
    )


def amount(value: int) -> Amount:
    """Return a number that JavaScript keeps exactly, or its decimal digits as text."""
    return value if value <= EXACT else str(value)


def timestamp(milliseconds: int) -> str:
    """Return a time as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=1 << 16)
def mixed_case(address: Address) -> str:
    """Return an address with its checksum in the letters' case (EIP-55)."""
    digits = address[2:]
    check = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, check, strict=False)
    )


def _document(order: Order) -> dict[str, Amount]:
    fields: dict[str, Amount] = {}
    for solidity, name in order.TYPES:
        value = getattr(order, name)
        if solidity == "address":
            value = mixed_case(value)
        elif solidity == "uint256":
            value = amount(value)
        fields[name] = value
    return fields | {"sign": "0x" + order.sign.hex()}
