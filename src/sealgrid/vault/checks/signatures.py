"""Helpers for untrusted statements: EIP-712 digests, canonical hex."""

from sealgrid.crypto.signing import Domain, Statement
from sealgrid.errors import InputRefused
from sealgrid.units import Digest, to_address, to_digest


def checked_digest(statement: Statement, domain: Domain) -> Digest:
    """Return a statement's EIP-712 digest; raise InputRefused for a field that cannot be encoded."""
    try:
        return to_digest(statement.digest(domain))
    except (ValueError, TypeError, OverflowError) as error:
        raise InputRefused(f"a {type(statement).__name__} has a field that does not fit its type.") from error


def check_canonical(*, addresses: tuple[str, ...] = (), digests: tuple[str, ...] = ()) -> None:
    """Raise InputRefused unless every text is 0x and lower-case hex.

    The database compares texts, so a second spelling of an enclave's address would count as a second enclave.
    """
    try:
        same = all(to_address(text) == text for text in addresses) and all(to_digest(text) == text for text in digests)
    except ValueError:
        same = False
    if not same:
        raise InputRefused("addresses and digests must be 0x and lower-case hex digits.")
