"""Every signed statement against eth-account, and the broker's Verdict against the contract's own text."""

from pathlib import Path

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from sealgrid.attestation import statements
from sealgrid.attestation.policy import Platform, Policy
from sealgrid.attestation.statements import Verdict, authorisation_signer, poco_authorisation
from sealgrid.crypto.signing import Domain, SigningKey, Statement, personal_digest, snake_case
from sealgrid.poco.ids import authorisation_message
from sealgrid.units import to_address, to_digest

CONTRACT = Path(__file__).parents[3] / "contracts" / "lib" / "judgement.vy"
KINDS = [
    *(
        getattr(statements, name)
        for name in (
            "Release",
            "Settle",
            "Verdict",
            "Reassign",
            "DepositKey",
            "DepositReceipt",
            "InputGrant",
            "ReceiptSeal",
            "WorkerCall",
            "FileRemoval",
            "AccountCall",
        )
    ),
    Policy,
]
DOMAIN = Domain(chain=31337, broker=to_address(b"\xbb" * 20))

VALUES = {
    "bytes32": st.binary(min_size=32, max_size=32).map(to_digest),
    "address": st.binary(min_size=20, max_size=20).map(to_address),
    "bool": st.booleans(),
    "bytes": st.binary(max_size=100),
    "string": st.text(max_size=20),
    "uint8": st.integers(0, 255),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1),
}
SPECIAL = {"platform": st.sampled_from(Platform), "release": st.sampled_from([0, 1])}


def statements_of(kind):
    fields = {}
    for (solidity, _), field in zip(kind.TYPES + kind.OPTIONAL, kind.__struct_fields__, strict=True):
        fields[field] = SPECIAL[field] if field in SPECIAL else values_of(solidity)
    unset = st.fixed_dictionaries(
        {}, optional={snake_case(name): fields.pop(snake_case(name)) for _, name in kind.OPTIONAL}
    )
    return st.builds(lambda optional, **rest: kind(**rest, **optional), unset, **fields)


def values_of(solidity):
    if solidity.endswith("[]"):
        return st.lists(values_of(solidity[:-2]), max_size=3).map(tuple)
    nested = {kind.__name__: kind for kind in Policy.NESTED}
    return statements_of(nested[solidity]) if solidity in nested else VALUES[solidity]


def plain(statement):
    values = {}
    for _, name in statement.types():
        field = snake_case(name)
        values[name] = _plain(getattr(statement, field))
    return values


def _plain(value):
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Statement):
        return plain(value)
    return bytes.fromhex(value[2:]) if isinstance(value, str) and value[:2] == "0x" and len(value) == 66 else value


def by_eth_account(statement):
    kinds = {kind.__name__: kind for kind in (type(statement), *type(statement).NESTED)}
    types = {
        name: [{"name": field, "type": solidity} for solidity, field in kind.TYPES] for name, kind in kinds.items()
    }
    types[type(statement).__name__] = [{"name": field, "type": solidity} for solidity, field in statement.types()]
    types["EIP712Domain"] = [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ]
    domain = {"name": "Sealgrid", "version": "1", "chainId": DOMAIN.chain, "verifyingContract": DOMAIN.broker}
    message = {"types": types, "primaryType": type(statement).__name__, "domain": domain, "message": plain(statement)}
    return bytes(_hash_eip191_message(encode_typed_data(full_message=message)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_every_statement_has_the_digest_that_wallets_show(kind, data):
    statement = data.draw(statements_of(kind))
    assert statement.digest(DOMAIN) == by_eth_account(statement)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_field_is_the_snake_case_of_its_signed_name(kind):
    for (_, name), field in zip(kind.TYPES + kind.OPTIONAL, kind.__struct_fields__, strict=True):
        assert field.replace("_", "") == name.lower()


def test_the_broker_hashes_the_same_verdict():
    assert f'"{Verdict.encode_type().decode()}"' in CONTRACT.read_text()


def test_no_two_statements_have_one_type():
    assert len({kind.encode_type() for kind in KINDS}) == len(KINDS)


def test_a_statement_signed_for_one_chain_or_broker_names_somebody_else_on_another():
    key = SigningKey.generate()
    statement = statements.ReceiptSeal(body=to_digest(b"\1" * 32))
    signature = statement.sign(DOMAIN, key)
    assert statement.signer(DOMAIN, signature) == key.address
    for other in (Domain(chain=1, broker=DOMAIN.broker), Domain(chain=31337, broker=to_address(b"\xbc" * 20))):
        assert statement.signer(other, signature) != key.address


@given(VALUES["address"], VALUES["bytes32"], VALUES["address"])
def test_the_pools_authorisation_is_pocos(worker, task, enclave):
    message = poco_authorisation(worker, task, enclave)
    assert message == Web3.solidity_keccak(
        ["address", "bytes32", "address"], [Web3.to_checksum_address(worker), task, Web3.to_checksum_address(enclave)]
    )
    assert message == authorisation_message(worker, task, enclave)
    assert len(personal_digest(message)) == 32


def test_an_authorisation_names_the_pool_that_signed_it():
    key, task = SigningKey.generate(), to_digest(bytes(32))
    worker, enclave = to_address(b"\1" * 20), to_address(b"\2" * 20)
    signature = key.sign(personal_digest(poco_authorisation(worker, task, enclave)))
    assert authorisation_signer(worker, task, enclave, signature) == key.address
    assert authorisation_signer(worker, task, worker, signature) not in {None, key.address}
    for malformed in (("0x1", task, enclave, signature), (worker, task, enclave, b"")):
        assert authorisation_signer(*malformed) is None
