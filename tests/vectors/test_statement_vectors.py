"""The published statements: every kind that Sealgrid signs, as the code, eth-account and the document see it."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from sealgrid.attestation import policy, statements
from sealgrid.crypto import shares
from sealgrid.crypto.signing import Domain, SigningKey, Statement
from tests.vectors.regenerate import signed_statements

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "protocol" / "statements.md"
VECTORS = json.loads((HERE / "statements.json").read_text())
DOMAIN = msgspec.convert(VECTORS["domain"], Domain)
SIGNER = SigningKey.from_bytes(bytes.fromhex(VECTORS["signer"]["secret"]))
KINDS = {
    name: kind
    for room in (policy, shares, statements)
    for name, kind in vars(room).items()
    if isinstance(kind, type) and issubclass(kind, Statement) and kind is not Statement
}
each_vector = pytest.mark.parametrize("vector", VECTORS["statements"], ids=lambda vector: vector["name"])


def statement_of(vector):
    kind = KINDS[vector["name"]]
    raw = {name: bytes.fromhex(vector["fields"][name][2:]) for type_, name in kind.TYPES if type_ == "bytes"}
    return msgspec.convert(vector["fields"] | raw, kind)


def typed_data(vector):
    """Read the published type text back into eth-account's tables."""
    types = {
        name: [dict(zip(("type", "name"), field.split(" "), strict=True)) for field in fields.split(",")]
        for name, fields in re.findall(r"(\w+)\(([^)]*)\)", vector["type"])
    }
    where = {"name": "Sealgrid", "version": "1", "chainId": DOMAIN.chain, "verifyingContract": DOMAIN.broker}
    kinds = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
    types["EIP712Domain"] = [{"type": kind, "name": name} for name, kind in kinds.items()]
    message = camel_cased(vector["fields"])
    return {"types": types, "primaryType": vector["name"], "domain": where, "message": message}


def camel_cased(value):
    if isinstance(value, dict):
        return {re.sub(r"_(\w)", lambda m: m[1].upper(), name): camel_cased(item) for name, item in value.items()}
    return [camel_cased(item) for item in value] if isinstance(value, list) else value


def test_the_script_makes_the_published_file():
    assert json.loads(json.dumps(signed_statements())) == VECTORS


@each_vector
def test_a_published_statement_is_hashed_and_signed_the_same_here(vector):
    statement = statement_of(vector)
    assert statement.type_text().decode() == vector["type"]
    assert statement.struct_hash().hex() == vector["struct_hash"]
    assert statement.digest(DOMAIN).hex() == vector["digest"]
    assert statement.sign(DOMAIN, SIGNER).hex() == vector["signature"]
    assert statement.signer(DOMAIN, bytes.fromhex(vector["signature"])) == VECTORS["signer"]["address"]


@each_vector
def test_eth_account_recovers_the_signer_of_a_published_statement(vector):
    signed = encode_typed_data(full_message=typed_data(vector))
    assert Account.recover_message(signed, signature=vector["signature"]).lower() == VECTORS["signer"]["address"]


def test_every_kind_of_statement_is_published():
    nested = {kind for outer in KINDS.values() for kind in outer.NESTED}
    assert {vector["name"] for vector in VECTORS["statements"]} == {
        n for n, kind in KINDS.items() if kind not in nested
    }


@each_vector
def test_the_document_shows_the_type_of_every_statement(vector):
    assert vector["type"] in DOCUMENT.read_text()


def test_the_domain_separator_is_published():
    assert DOMAIN.separator.hex() == VECTORS["separator"]
