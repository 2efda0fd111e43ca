"""Who signed a statement that came over the wire, and whether its texts are in the one form that we store."""

from sealgrid.crypto.signing import Domain, Statement, recover
from sealgrid.errors import InputRefused
from sealgrid.units import Address, Digest, to_address, to_digest


def digest_of(statement: Statement, domain: Domain) -> Digest:
    """Return a statement's EIP-712 digest; raise InputRefused when a field cannot be encoded."""
    try:
        return to_digest(statement.digest(domain))
    except (ValueError, TypeError, OverflowError) as error:
        raise InputRefused(f"a {type(statement).__name__} has a field that does not fit its type.") from error


def recovered(digest32: bytes, signature: bytes) -> Address | None:
    """Return who signed 32 bytes, or None."""
    try:
        return recover(digest32, signature)
    except ValueError:
        return None


def canonical(*, addresses: tuple[str, ...] = (), digests: tuple[str, ...] = ()) -> None:
    """Raise InputRefused unless every text is 0x and lower-case hex.

    The database compares texts; a second spelling of one enclave's address would count as a second enclave.
    """
    try:
        same = all(to_address(text) == text for text in addresses) and all(to_digest(text) == text for text in digests)
    except ValueError:
        same = False
    if not same:
        raise InputRefused("addresses and digests are written as 0x and lower-case hex digits.")
