"""Facts: one canonical form, and nothing else is read as facts."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.facts import (
    AppFact,
    BulkFact,
    DatasetFact,
    Facts,
    OmittedDataset,
    SecretFact,
    parse_facts,
    secrets_digest,
)
from sealgrid.errors import InputRefused
from sealgrid.units import to_address, to_digest

addresses = st.binary(min_size=20, max_size=20).map(to_address)
digests = st.binary(min_size=32, max_size=32).map(to_digest)
counts = st.integers(0, 2**53 - 1)
datasets = st.builds(DatasetFact, address=addresses, owner=addresses, checksum=digests)
facts_documents = st.builds(
    Facts,
    chain=counts,
    hub=addresses,
    broker=addresses,
    deal=digests,
    task=digests,
    index=counts,
    bot_first=counts,
    bot_size=counts,
    pool=addresses,
    worker=addresses,
    enclave=addresses,
    attempt=counts,
    app=st.builds(AppFact, address=addresses, digest=digests),
    dataset=st.none() | datasets,
    bulk=st.just(msgspec.UNSET)
    | st.builds(
        BulkFact,
        block=counts,
        datasets=st.lists(st.none() | datasets, max_size=3).map(tuple),
        left_out=st.lists(st.builds(OmittedDataset, place=counts, dataset=addresses, check=st.text()), max_size=2).map(
            tuple
        ),
    ),
    secrets=st.lists(
        st.builds(
            SecretFact, kind=st.sampled_from(["dataset", "input", "developer"]), record=digests, file_sha256=digests
        ),
        max_size=3,
    ).map(tuple),
    requester=addresses,
    requester_signature=st.sampled_from(["eoa", "presigned", "contract"]),
    beneficiary=addresses,
    result_key=digests,
    params=st.text(),
    inputs=st.lists(digests, max_size=3).map(tuple),
    callback=addresses,
    quorum=counts,
    release=st.sampled_from(["escrow", "direct"]),
    output_bytes=counts,
    expiry=counts,
)
A, D = to_address(b"\xaa" * 20), to_digest(b"\xdd" * 32)
FACTS = Facts(
    chain=1,
    hub=A,
    broker=A,
    deal=D,
    task=D,
    index=0,
    bot_first=0,
    bot_size=1,
    pool=A,
    worker=A,
    enclave=A,
    attempt=1,
    app=AppFact(address=A, digest=D),
    dataset=None,
    secrets=(),
    requester=A,
    requester_signature="eoa",
    beneficiary=A,
    result_key=D,
    params="{}",
    inputs=(),
    callback=A,
    quorum=2,
    release="escrow",
    output_bytes=1,
    expiry=2,
)


@given(facts_documents)
def test_facts_survive_the_wire_and_name_themselves(facts):
    document = facts.encode()
    assert parse_facts(document) == facts
    assert facts.digest() == "0x" + hashlib.sha256(document).hexdigest()


def test_facts_without_a_bulk_are_written_as_they_were_before_there_was_any():
    assert b"bulk" not in FACTS.encode()


@pytest.mark.parametrize(
    "document",
    [
        FACTS.encode().replace(b'"broker"', b'"bulk":null,"broker"'),
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        FACTS.encode() + b" ",
        FACTS.encode().replace(b'"chain":1', b'"chain":1,"chain":1'),
        FACTS.encode().replace(b'"chain":1', b'"chain": 1'),
        FACTS.encode().replace(b'"chain":1', b'"chain":1.0'),
        FACTS.encode().replace(b'"eoa"', b'"somebody"'),
        FACTS.encode().replace(b'"chain":1', b'"chain":-1'),
        FACTS.encode().replace(b'"chain":1', b'"chain":9007199254740993'),
        FACTS.encode().replace(b'"chain":1', b'"chain":"1"'),
        FACTS.encode().replace(b'"chain":1', b'"alien":1,"chain":1'),
        FACTS.encode().replace(b'"chain":1,', b""),
        FACTS.encode().replace(b'"requester_signature":"eoa",', b""),
        FACTS.encode().replace(b"facts/2", b"facts/1"),
        FACTS.encode().replace(b"escrow", b"gratis"),
        FACTS.encode().replace(b'"params":"{}"', b'"params":"\\ud800"'),
        FACTS.encode().replace(A.encode(), A.upper().encode()),
        FACTS.encode().replace(A.encode(), A.encode() + b"\\n"),
        FACTS.encode().replace(D.encode(), D[:-1].encode()),
        b'{"alien":' + b"[" * 100_000,
        b'{"chain":' + b"[" * 100_000,
    ],
)
def test_anything_but_the_canonical_bytes_is_refused(document):
    with pytest.raises(InputRefused):
        parse_facts(document)


def test_the_secrets_digest_covers_each_record_in_order():
    one, two = (SecretFact(kind="input", record=to_digest(bytes([n]) * 32), file_sha256=D) for n in (1, 2))
    named = [
        secrets_digest(msgspec.structs.replace(FACTS, secrets=each)) for each in ((one, two), (two, one), (one,), ())
    ]
    assert len(set(named)) == 4
    listed = b"".join(b"\0\0\0\x20" + bytes([n]) * 32 for n in (1, 2))
    assert named[0] == "0x" + hashlib.sha256(b"sealgrid/secrets/1" + listed).hexdigest()
