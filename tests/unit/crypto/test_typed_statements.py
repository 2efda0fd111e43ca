"""Our EIP-712 encoder against eth-account's, an independent one."""

from typing import ClassVar

import msgspec
import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.signing import Domain, SigningKey, Statement
from sealgrid.units import Address, Digest, to_address, to_digest

addresses = st.binary(min_size=20, max_size=20).map(to_address)
digests = st.binary(min_size=32, max_size=32).map(to_digest)
domains = st.builds(Domain, chain=st.integers(0, 2**256 - 1), broker=addresses)
DOMAIN = Domain(chain=31337, broker=to_address(b"\xbb" * 20))


def uint(bits):
    return st.integers(0, 2**bits - 1)


def many(strategy):
    return st.lists(strategy, max_size=3).map(tuple)


class Flat(Statement, frozen=True, kw_only=True):
    TYPES: ClassVar = (
        ("uint8", "small"),
        ("uint64", "sinceWhen"),
        ("uint256", "large"),
        ("bool", "yes"),
        ("address", "who"),
        ("bytes32", "fileSha256"),
        ("bytes", "blob"),
        ("string", "text"),
    )

    small: int
    since_when: int
    large: int
    yes: bool
    who: Address
    file_sha256: Digest
    blob: bytes
    text: str


class Arrays(Statement, frozen=True, kw_only=True):
    TYPES: ClassVar = (
        ("address[]", "vaults"),
        ("bytes32[]", "commitments"),
        ("uint16[]", "counts"),
        ("string[]", "names"),
        ("bytes[]", "blobs"),
        ("bool[]", "flags"),
    )

    vaults: tuple[Address, ...]
    commitments: tuple[Digest, ...]
    counts: tuple[int, ...]
    names: tuple[str, ...]
    blobs: tuple[bytes, ...]
    flags: tuple[bool, ...]


class Zinner(Statement, frozen=True, kw_only=True):
    TYPES: ClassVar = (("uint32", "perHour"), ("address", "who"))

    per_hour: int
    who: Address


class Ainner(Statement, frozen=True, kw_only=True):
    TYPES: ClassVar = (("bytes32", "app"), ("Zinner[]", "deeper"))
    NESTED: ClassVar = (Zinner,)

    app: Digest
    deeper: tuple[Zinner, ...]


class Nested(Statement, frozen=True, kw_only=True):
    TYPES: ClassVar = (("Zinner", "single"), ("Ainner[]", "allowed"), ("uint8", "release"))
    NESTED: ClassVar = (Zinner, Ainner)

    single: Zinner
    allowed: tuple[Ainner, ...]
    release: int


flats = st.builds(
    Flat,
    small=uint(8),
    since_when=uint(64),
    large=uint(256),
    yes=st.booleans(),
    who=addresses,
    file_sha256=digests,
    blob=st.binary(),
    text=st.text(),
)
arrays = st.builds(
    Arrays,
    vaults=many(addresses),
    commitments=many(digests),
    counts=many(uint(16)),
    names=many(st.text()),
    blobs=many(st.binary()),
    flags=many(st.booleans()),
)
zinners = st.builds(Zinner, per_hour=uint(32), who=addresses)
ainners = st.builds(Ainner, app=digests, deeper=many(zinners))
nesteds = st.builds(Nested, single=zinners, allowed=many(ainners), release=uint(8))
FIELDS = {
    "small": "small",
    "sinceWhen": "since_when",
    "large": "large",
    "yes": "yes",
    "who": "who",
    "fileSha256": "file_sha256",
    "perHour": "per_hour",
}


def as_document(value):
    if isinstance(value, Statement):
        return {name: as_document(getattr(value, FIELDS.get(name, name))) for _, name in value.TYPES}
    return [as_document(item) for item in value] if isinstance(value, tuple) else value


def eth_accounts_digest(statement, domain, kinds):
    types = {kind.__name__: [{"type": t, "name": n} for t, n in kind.TYPES] for kind in kinds}
    types["EIP712Domain"] = [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ]
    where = {"name": "Sealgrid", "version": "1", "chainId": domain.chain, "verifyingContract": domain.broker}
    message = encode_typed_data(
        full_message={
            "types": types,
            "primaryType": type(statement).__name__,
            "domain": where,
            "message": as_document(statement),
        }
    )
    return bytes(_hash_eip191_message(message))


@given(flats, domains)
def test_a_flat_statement_has_eth_accounts_digest(statement, domain):
    assert statement.digest(domain) == eth_accounts_digest(statement, domain, [Flat])


@given(arrays)
def test_arrays_have_eth_accounts_digest(statement):
    assert statement.digest(DOMAIN) == eth_accounts_digest(statement, DOMAIN, [Arrays])


@given(nesteds)
def test_arrays_of_nested_statements_have_eth_accounts_digest(statement):
    assert statement.digest(DOMAIN) == eth_accounts_digest(statement, DOMAIN, [Nested, Ainner, Zinner])


def test_a_type_names_what_it_refers_to_behind_itself_in_alphabetical_order():
    assert Nested.encode_type() == (
        b"Nested(Zinner single,Ainner[] allowed,uint8 release)"
        b"Ainner(bytes32 app,Zinner[] deeper)Zinner(uint32 perHour,address who)"
    )


def test_a_type_that_is_referred_to_through_another_need_not_be_listed_twice():
    class Outer(Statement, frozen=True, kw_only=True):
        TYPES: ClassVar = (("Ainner", "only"),)
        NESTED: ClassVar = (Ainner,)

        only: Ainner

    assert Outer.encode_type().endswith(b"Ainner(bytes32 app,Zinner[] deeper)Zinner(uint32 perHour,address who)")


@given(flats, domains)
def test_a_signed_statement_names_its_signer(statement, domain):
    key = SigningKey.from_bytes(b"\x33" * 32)
    assert statement.signer(domain, statement.sign(domain, key)) == key.address


@given(zinners, zinners, domains, domains)
def test_a_signature_counts_for_one_statement_in_one_domain(signed, other, domain, elsewhere):
    key = SigningKey.from_bytes(b"\x33" * 32)
    names = other.signer(elsewhere, signed.sign(domain, key))
    assert (names == key.address) == ((signed, domain) == (other, elsewhere))


GOOD = Flat(
    small=1, since_when=2, large=3, yes=True, who=DOMAIN.broker, file_sha256=to_digest(b"\xaa" * 32), blob=b"", text=""
)


def test_a_statement_is_signed_by_its_signer_alone():
    key, other = SigningKey.from_bytes(b"\x33" * 32), SigningKey.from_bytes(b"\x34" * 32)
    signature = GOOD.sign(DOMAIN, key)
    assert GOOD.is_signed_by(key.address, DOMAIN, signature)
    assert not GOOD.is_signed_by(other.address, DOMAIN, signature)


@pytest.mark.parametrize("signature", [b"", bytes(65), b"\xff" * 65, bytes(64) + b"\x1b"])
def test_an_invalid_signature_is_refused_without_an_exception(signature):
    assert not GOOD.is_signed_by(DOMAIN.broker, DOMAIN, signature)


@pytest.mark.parametrize("change", [{"small": 256}, {"small": -1}, {"who": "0x12"}, {"blob": "text"}, {"large": None}])
def test_a_statement_that_cannot_be_encoded_is_refused_without_an_exception(change):
    key = SigningKey.from_bytes(b"\x33" * 32)
    bad = msgspec.structs.replace(GOOD, **change)
    assert not bad.is_signed_by(key.address, DOMAIN, GOOD.sign(DOMAIN, key))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("small", 256),
        ("small", -1),
        ("small", True),
        ("small", "1"),
        ("small", 1.0),
        ("large", 2**256),
        ("yes", 1),
        ("yes", 2),
        ("who", "0x" + "BB" * 20),
        ("who", "0x" + "bb" * 19),
        ("who", "0x" + "bb" * 19 + "  "),
        ("who", "0x" + "zz" * 20),
        ("file_sha256", "0X" + "aa" * 32),
        ("file_sha256", "0x" + "AA" * 32),
        ("blob", "text"),
    ],
)
def test_a_value_that_does_not_fit_its_type_has_no_digest(field, value):
    values = {name: getattr(GOOD, name) for name in GOOD.__struct_fields__} | {field: value}
    with pytest.raises((ValueError, TypeError)):
        Flat(**values).digest(DOMAIN)


def test_another_statement_in_a_nested_field_has_no_digest():
    wrong = Nested(single=Ainner(app=GOOD.file_sha256, deeper=()), allowed=(), release=0)
    with pytest.raises(ValueError, match="not a valid statement type"):
        wrong.digest(DOMAIN)


@pytest.mark.parametrize("kind", ["int8", "uint", "uint7", "uint264", "bytes4", "address[2]", "Missing"])
def test_a_type_outside_the_supported_ones_has_no_digest(kind):
    class Odd(Statement, frozen=True, kw_only=True):
        TYPES: ClassVar = ((kind, "value"),)

        value: int

    with pytest.raises(ValueError, match="not a valid statement type"):
        Odd(value=1).struct_hash()


def test_a_field_that_would_not_be_signed_is_refused():
    class Leaky(Statement, frozen=True, kw_only=True):
        TYPES: ClassVar = (("uint8", "signed"),)

        signed: int
        unsigned: int

    with pytest.raises(TypeError, match="TYPES does not sign"):
        Leaky(signed=1, unsigned=2).struct_hash()


def test_an_optional_field_is_part_of_the_type_only_where_it_is_set():
    class Longer(Statement, frozen=True, kw_only=True):
        TYPES: ClassVar = Zinner.TYPES
        OPTIONAL: ClassVar = (("bool", "more"),)

        per_hour: int
        who: Address
        more: bool | msgspec.UnsetType = msgspec.UNSET

    Longer.__name__ = "Zinner"
    short, long = ({"per_hour": 5, "who": DOMAIN.broker, **more} for more in ({}, {"more": False}))
    assert Longer(**short).struct_hash() == Zinner(**short).struct_hash()
    assert Longer(**long).type_text() == b"Zinner(uint32 perHour,address who,bool more)"
    assert len({Longer(**each).struct_hash() for each in (short, long, long | {"more": True})}) == 3


def test_the_order_of_types_counts_and_the_order_of_fields_does_not():
    class Swapped(Statement, frozen=True, kw_only=True):
        TYPES: ClassVar = Zinner.TYPES

        who: Address
        per_hour: int

    Swapped.__name__ = "Zinner"
    assert Swapped(who=DOMAIN.broker, per_hour=5).struct_hash() == Zinner(per_hour=5, who=DOMAIN.broker).struct_hash()
