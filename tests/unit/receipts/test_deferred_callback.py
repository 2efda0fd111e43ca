"""Deferred callbacks: the commitment hides the data behind the salt, and binds both."""

from eth_utils import keccak

from sealgrid.receipts.deferred_callback import DeferredCallback, deferred_digest
from sealgrid.units import to_digest

DATA, SALT, RESULT = b"score 97", b"\x5a" * 32, to_digest(b"\x15" * 32)


def test_the_commitment_is_the_published_formula_and_binds_data_and_salt() -> None:
    commitment = DeferredCallback(DATA, SALT).commitment()
    assert commitment == to_digest(keccak(SALT + DATA))
    assert DeferredCallback(DATA, b"\x5b" * 32).commitment() != commitment
    assert DeferredCallback(DATA + b"0", SALT).commitment() != commitment


def test_neither_data_nor_salt_is_in_the_repr() -> None:
    assert "score" not in repr(DeferredCallback(DATA, SALT))
    assert "ZZZZ" not in repr(DeferredCallback(DATA, SALT))


def test_the_digest_of_a_deferred_result_binds_result_and_commitment() -> None:
    first, second = (DeferredCallback(data, SALT).commitment() for data in (DATA, b"score 98"))
    assert len({deferred_digest(RESULT, first), deferred_digest(RESULT, second), deferred_digest(first, RESULT)}) == 3
