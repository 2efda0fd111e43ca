"""Hashes and signatures of orders: EIP-712 in PoCo's domain (iExec's "orderHash")."""

from functools import cached_property

import msgspec

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey, domain_separator, recover
from sealgrid.errors import OrderRefused
from sealgrid.poco.constants import ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION
from sealgrid.poco.orders import AnyOrder, Order
from sealgrid.units import Address, Digest, to_bytes, to_digest


class OrderDomain(msgspec.Struct, frozen=True, dict=True):
    """The EIP-712 domain of one hub's orders."""

    chain: int
    hub: Address

    @cached_property
    def separator(self) -> bytes:
        """Return EIP-712's domain separator; equals the hub's ``eip712domain_separator``."""
        return domain_separator(ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION, self.chain, self.hub)


def order_hash(order: Order, domain: OrderDomain) -> Digest:
    """Return the order's EIP-712 digest, which does not depend on ``sign``."""
    return to_digest(keccak256(b"\x19\x01" + domain.separator + order.struct_hash()))


def sign_order(order: AnyOrder, domain: OrderDomain, key: SigningKey) -> AnyOrder:
    """Return the same order with its owner's signature."""
    return msgspec.structs.replace(order, sign=key.sign(to_bytes(order_hash(order, domain), 32)))


def order_signer(order: Order, domain: OrderDomain) -> Address:
    """Return an order's signer; raise OrderRefused for an invalid signature. Does not check who owns the asset."""
    try:
        return recover(to_bytes(order_hash(order, domain), 32), order.sign)
    except ValueError as error:
        raise OrderRefused(f"This {type(order).__name__} has no valid signature: {error}.") from error


def is_signed_by(account: Address, digest: Digest, signature: bytes) -> bool:
    """Return whether an account without code signed a digest, in 65 bytes or in the 64 of EIP-2098, as in PoCo.

    For an account with code PoCo uses ERC-1271 on the chain.
    """
    if len(signature) == 64:  # EIP-2098: s is in the lower half of the order, so its highest bit can hold v
        s = bytearray(signature[32:])
        odd, s[0] = s[0] >> 7, s[0] & 0x7F
        signature = signature[:32] + bytes(s) + bytes([27 + odd])
    try:
        return recover(to_bytes(digest, 32), signature) == account
    except ValueError:
        return False
