"""Secp256k1 keys and EIP-712 statements.

Enclaves sign with this module: eth-account takes over a second to import and would add to the trusted code. Tests
prove that both agree.
"""

import os
import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, ClassVar, Self

import coincurve
import msgspec

from sealgrid.crypto.digests import keccak256
from sealgrid.units import Address, to_address, to_bytes

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SIGNATURE_BYTES = 65
_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


class SigningKey:
    """A secp256k1 private key; its repr shows only the address."""

    def __init__(self, private: coincurve.PrivateKey) -> None:
        self._private = private
        self.address = _address_of(private.public_key)

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = os.urandom) -> Self:
        """Generate a key from 32 random bytes."""
        return cls(coincurve.PrivateKey(random(32)))

    @classmethod
    def from_bytes(cls, secret: bytes) -> Self:
        """Load a key from its 32 secret bytes; raise ValueError if they are not a valid key."""
        if len(secret) != 32:
            raise ValueError("a secp256k1 key has 32 bytes")
        return cls(coincurve.PrivateKey(secret))

    @property
    def secret(self) -> bytes:
        """Return the 32 secret bytes; store them only in a keystore or a file of mode 0600."""
        return self._private.secret

    def sign(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest; return r ‖ s ‖ v with low s and v 27 or 28 (RFC 6979, EIP-2); else ValueError."""
        signature = self._private.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])

    def __repr__(self) -> str:
        return f"SigningKey({self.address})"


class ExternalKey(SigningKey):
    """Account whose key is in an external wallet: ``sign`` returns an empty signature."""

    def __init__(self, address: Address) -> None:
        self.address = address

    @property
    def secret(self) -> bytes:
        """Raise ValueError: the key is not available."""
        raise ValueError("this key is in an external wallet")

    def sign(self, digest: bytes) -> bytes:
        """Return an empty signature."""
        if len(digest) != 32:
            raise ValueError("a digest has 32 bytes")
        return b""


def recover(digest: bytes, signature: bytes) -> Address:
    """Return the signer of a digest; raise ValueError unless 65 bytes with low s (EIP-2), v 27 or 28, on the curve."""
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        raise ValueError("a signature has 65 bytes and ends in 27 or 28")
    if int.from_bytes(signature[32:64], "big") > ORDER // 2:
        raise ValueError("the s of a signature must be in the lower half (EIP-2)")
    try:
        public = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
    except ValueError as error:
        raise ValueError("the signature has no signer") from error
    return _address_of(public)


def find_signer(digest: bytes, signature: bytes) -> Address | None:
    """Return the signer of a digest; None where ``recover`` raises."""
    try:
        return recover(digest, signature)
    except ValueError:
        return None


def personal_digest(message: bytes) -> bytes:
    """Return the EIP-191 (version 0x45) digest of a 32-byte message; raise ValueError for another length."""
    if len(message) != 32:
        raise ValueError(f"a message here has 32 bytes, not {len(message)}")
    return keccak256(b"\x19Ethereum Signed Message:\n32", message)


class Domain(msgspec.Struct, frozen=True):
    """EIP-712 domain of Sealgrid's statements: one chain, one broker."""

    chain: int
    broker: Address

    @property
    def separator(self) -> bytes:
        """Return the EIP-712 domain separator."""
        return domain_separator("Sealgrid", "1", self.chain, self.broker)


@lru_cache(maxsize=64)
def domain_separator(name: str, version: str, chain: int, contract: Address) -> bytes:
    """Return an EIP-712 domain separator over name, version, chain id and verifying contract."""
    return keccak256(
        keccak256(_DOMAIN_TYPE),
        keccak256(name.encode()),
        keccak256(version.encode()),
        _integer("uint256", chain),
        _address(contract),
    )


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Base of signed statements (EIP-712): ``TYPES`` lists (Solidity type, Solidity name) in order.

    The primary type is the class's name; a field is the snake_case of its Solidity name. Every field is signed.
    """

    TYPES: ClassVar[tuple[tuple[str, str], ...]] = ()
    #: after TYPES; part of the type only if the field is set, so older statements have the same hash
    OPTIONAL: ClassVar[tuple[tuple[str, str], ...]] = ()
    NESTED: ClassVar[tuple[type["Statement"], ...]] = ()  #: statement types of nested fields

    @classmethod
    def encode_type(cls, optional: tuple[tuple[str, str], ...] = ()) -> bytes:
        """Return encodeType with these optional fields; referenced types follow in alphabetical order."""
        return _encode_type(cls, optional)

    def types(self) -> tuple[tuple[str, str], ...]:
        """Return (Solidity type, Solidity name) of every signed field of this statement, in order."""
        return self.TYPES + self._optional_fields()

    def type_text(self) -> bytes:
        """Return encodeType of this statement."""
        return self.encode_type(self._optional_fields())

    def struct_hash(self) -> bytes:
        """Return hashStruct (EIP-712); raise ValueError or TypeError for a value that does not fit its type."""
        _check_fields(type(self))
        encoded = (encode_value(kind, getattr(self, snake_case(name))) for kind, name in self.types())
        return keccak256(_type_hash(type(self), self._optional_fields()), *encoded)

    def _optional_fields(self) -> tuple[tuple[str, str], ...]:
        return tuple(each for each in self.OPTIONAL if getattr(self, snake_case(each[1])) is not msgspec.UNSET)

    def digest(self, domain: Domain) -> bytes:
        """Return the 32 bytes that are signed."""
        return keccak256(b"\x19\x01", domain.separator, self.struct_hash())

    def sign(self, domain: Domain, key: SigningKey) -> bytes:
        """Sign in a domain."""
        return key.sign(self.digest(domain))

    def signer(self, domain: Domain, signature: bytes) -> Address:
        """Return the address that signed this; raise ValueError for an invalid signature."""
        return recover(self.digest(domain), signature)

    def is_signed_by(self, address: Address, domain: Domain, signature: bytes) -> bool:
        """Return whether ``signature`` is by ``address``.

        False too for an invalid signature and for a statement that cannot be encoded, so untrusted input never raises.
        """
        try:
            return self.signer(domain, signature) == address
        except (ValueError, TypeError, OverflowError):
            return False


@cache
def _type_hash(kind: type[Statement], optional: tuple[tuple[str, str], ...]) -> bytes:
    return keccak256(kind.encode_type(optional))


@cache
def _check_fields(kind: type[Statement]) -> None:
    if {snake_case(name) for _, name in kind.TYPES + kind.OPTIONAL} != set(kind.__struct_fields__):
        raise TypeError(f"{kind.__name__} has a field that TYPES does not sign, or the reverse")


@cache
def snake_case(name: str) -> str:
    """Return the field name of a Solidity name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@cache
def _encode_type(kind: type[Statement], optional: tuple[tuple[str, str], ...]) -> bytes:
    nested = sorted(_referenced_types(kind) - {kind}, key=lambda other: other.__name__)
    return _struct_type(kind, optional) + b"".join(map(_struct_type, nested))


def _referenced_types(kind: type[Statement]) -> set[type[Statement]]:
    return {kind}.union(*(_referenced_types(other) for other in kind.NESTED))


def _struct_type(kind: type[Statement], optional: tuple[tuple[str, str], ...] = ()) -> bytes:
    fields = ",".join(f"{solidity} {name}" for solidity, name in kind.TYPES + optional)
    return f"{kind.__name__}({fields})".encode()


def encode_value(kind: str, value: Any) -> bytes:
    """Return the 32 bytes of one value in encodeData (EIP-712); raise ValueError.

    Only lower-case hex text is valid: statements are compared as text, so two spellings must not have one signature.
    """
    if kind.endswith("[]"):
        return keccak256(*(encode_value(kind[:-2], item) for item in value))
    if isinstance(value, Statement) and kind == type(value).__name__:
        return value.struct_hash()
    return _ENCODERS[kind](value) if kind in _ENCODERS else _integer(kind, value)


def _integer(kind: str, value: int) -> bytes:
    bits = int(kind.removeprefix("uint")) if re.fullmatch(r"uint\d{1,3}", kind) else 0
    if bits % 8 or not 0 < bits <= 256:
        raise ValueError(f"{kind} is not a valid statement type")
    if type(value) is bool or not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise ValueError(f"{value!r} does not fit {kind}")
    return value.to_bytes(32, "big")


def _hex(value: str, size: int) -> bytes:
    raw = to_bytes(value, size)
    if "0x" + raw.hex() != value:
        raise ValueError(f"{value[:80]!r} is not 0x and lower-case hex digits")
    return raw


def _address(value: str) -> bytes:
    return _hex(value, 20).rjust(32, b"\0")


def _bool(value: bool) -> bytes:
    if type(value) is not bool:
        raise ValueError(f"{value!r} does not fit bool")
    return value.to_bytes(32, "big")


_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "address": _address,
    "bytes32": lambda value: _hex(value, 32),
    "bool": _bool,
    "bytes": keccak256,
    "string": lambda value: keccak256(value.encode()),
}


def _address_of(public: coincurve.PublicKey) -> Address:
    return to_address(keccak256(public.format(compressed=False)[1:])[-20:])
