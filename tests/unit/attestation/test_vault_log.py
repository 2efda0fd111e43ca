"""What a vault's log proves: one named bad input for each of log.1 to log.7."""

from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.vault_log import (
    LogEntry,
    check_entry,
    check_head,
    check_witness,
    contradiction,
    head_of,
    parse_entry,
    witness_of,
)
from sealgrid.crypto import merkle
from sealgrid.crypto.merkle import MerkleFrontier
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import LogRefused
from sealgrid.units import to_address, to_bytes, to_digest

DOMAIN = Domain(chain=31337, broker=to_address(b"\xbb" * 20))
VAULT, OTHER = (SigningKey.from_bytes(bytes([n]) * 32) for n in (1, 2))
A, D = to_address(b"\xaa" * 20), to_digest(b"\xdd" * 32)


def entry(number: int) -> LogEntry:
    return LogEntry(
        deal=D,
        task=to_digest(number.to_bytes(32, "big")),
        worker=A,
        enclave=A,
        app=A,
        asset=A,
        owner=A,
        requester=A,
        policy=1,
        session=D,
        facts=D,
        block=7,
        time=number,
    )


@dataclass(frozen=True)
class History:
    """A log of some entries."""

    size: int
    first: int = 0  #: time of the first entry; another one makes another history

    @property
    def documents(self) -> list[bytes]:
        return [entry(self.first + n).encode() for n in range(self.size)]

    def rows(self):
        frontier, rows = MerkleFrontier(), []
        for document in self.documents:
            frontier, completed = frontier.append(merkle.leaf_hash(document))
            rows.append(completed)
        return frontier, rows

    def head(self, issued=100):
        return head_of(VAULT.address, self.size, self.rows()[0].root, issued)

    def node(self, level, index):
        return self.rows()[1][((index + 1) << level) - 1][level]

    def path(self, index):
        return merkle.inclusion_path(index, self.size, self.node)

    def since(self, first):
        return merkle.consistency_path(first, self.size, self.node)


def number_of(call, *args):
    with pytest.raises(LogRefused) as caught:
        call(*args)
    return caught.value.check


def test_a_signed_head_is_believed():
    head = History(3).head()
    assert check_head(head, head.sign(DOMAIN, VAULT), VAULT.address, DOMAIN) == head


def test_log_1_a_head_of_another_vaults_log():
    head = head_of(OTHER.address, 1, b"\1" * 32, 100)
    assert number_of(check_head, head, head.sign(DOMAIN, VAULT), VAULT.address, DOMAIN) == "log.1"


@pytest.mark.parametrize("signature", [History(3).head().sign(DOMAIN, OTHER), b"", b"\1" * 65])
def test_log_2_a_head_that_the_vault_did_not_sign(signature):
    assert number_of(check_head, History(3).head(), signature, VAULT.address, DOMAIN) == "log.2"


def test_log_2_a_head_that_was_changed_or_cannot_be_signed():
    head = History(3).head()
    for changed in ({"size": 2}, {"root": D}, {"issued": 101}, {"size": -1}, {"size": 2**64}):
        other = msgspec.structs.replace(head, **changed)
        assert number_of(check_head, other, head.sign(DOMAIN, VAULT), VAULT.address, DOMAIN) == "log.2"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        entry(1).encode() + b" ",
        entry(1).encode().replace(b'"block":7', b'"block": 7'),
        entry(1).encode().replace(b'"block":7', b'"alien":1,"block":7'),
        entry(1).encode().replace(A.encode(), A.upper().encode()),
        entry(1).encode().replace(b"log-entry/1", b"log-entry/2"),
    ],
)
def test_log_3_what_is_no_entry(document):
    assert number_of(parse_entry, document) == "log.3"


def test_an_entry_stands_where_its_path_says():
    log = History(5)
    found = check_entry(log.documents[3], 3, log.path(3), log.head())
    assert found == entry(3)


def test_log_4_an_entry_at_another_place_or_that_is_not_there():
    log, path = History(5), History(5).path(3)
    assert number_of(check_entry, log.documents[3], 2, path, log.head()) == "log.4"
    assert number_of(check_entry, entry(9).encode(), 3, path, log.head()) == "log.4"
    assert number_of(check_entry, log.documents[3], 3, path[:-1], log.head()) == "log.4"
    assert number_of(check_entry, log.documents[3], 3, path, History(6).head()) == "log.4"


@given(first=st.integers(0, 12), more=st.integers(0, 12), later=st.integers(0, 5))
def test_a_log_that_only_grew_contradicts_nothing(first, more, later):
    log = History(first + more)
    assert contradiction(History(first).head(), log.head(100 + later), log.since(first)) is None


@given(first=st.integers(1, 12), fewer=st.integers(1, 12))
def test_log_5_a_later_head_of_a_shorter_log_is_a_rollback_and_an_old_one_is_not(first, fewer):
    shorter = History(max(0, first - fewer))
    assert contradiction(History(first).head(), shorter.head(101), ()) == "rollback"
    for replayed in (99, 100):
        assert contradiction(History(first).head(), shorter.head(replayed), ()) is None


@given(first=st.integers(1, 12), more=st.integers(0, 12))
def test_log_6_another_history_is_a_split_view(first, more):
    other = History(first + more, first=1000)
    assert contradiction(History(first).head(), other.head(101), other.since(first)) == "split-view"


def test_log_7_a_witness_that_signed_another_head_or_did_not_sign():
    head = History(3).head()
    signed = witness_of(head, OTHER.address).sign(DOMAIN, OTHER)
    check_witness(head, OTHER.address, signed, DOMAIN)
    assert number_of(check_witness, History(4).head(), OTHER.address, signed, DOMAIN) == "log.7"
    assert number_of(check_witness, head, VAULT.address, signed, DOMAIN) == "log.7"
    assert number_of(check_witness, head, OTHER.address, b"", DOMAIN) == "log.7"


def test_an_entry_names_no_secret():
    shown = msgspec.json.decode(entry(1).encode())
    assert set(shown) == {
        "schema",
        "deal",
        "task",
        "worker",
        "enclave",
        "app",
        "asset",
        "owner",
        "requester",
        "policy",
        "session",
        "facts",
        "block",
        "time",
    }
    assert to_bytes(shown["session"], 32)
