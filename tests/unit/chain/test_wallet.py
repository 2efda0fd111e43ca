"""Raw transactions (EIP-1559) are the bytes that eth-account makes."""

import pytest
from eth_account import Account
from eth_utils import to_checksum_address

from sealgrid.chain.wallet import signed_transaction
from sealgrid.crypto.signing import SigningKey

_KEY = SigningKey.from_bytes(bytes(range(1, 33)))
_TO = "0x" + "a1" * 20


@pytest.mark.parametrize(
    ("nonce", "to", "data"),
    [(0, _TO, b"\x01\x02"), (7, _TO, b""), (300, None, bytes(range(256))), (1 << 40, _TO, bytes(60))],
)
def test_a_raw_transaction_is_that_of_eth_account(nonce: int, to: str | None, data: bytes) -> None:
    call = {"to": to_checksum_address(to)} if to else {}
    fields = {"chainId": 31337, "nonce": nonce, "maxPriorityFeePerGas": 10**9, "maxFeePerGas": 3 * 10**9}
    expected = Account.from_key(_KEY.secret).sign_transaction(
        fields | {"gas": 21_000, "value": 0, "data": data, "type": 2} | call
    )
    recipient = bytes.fromhex(to[2:]) if to else b""
    raw = signed_transaction(_KEY, (31337, nonce, 10**9, 3 * 10**9, 21_000, recipient, 0, data, []))
    assert raw == bytes(expected.raw_transaction)


def test_every_signature_of_many_is_that_of_eth_account() -> None:
    for nonce in range(200):  # some have an r or s with a leading zero byte, which RLP leaves out
        fields = {"chainId": 1, "nonce": nonce, "maxPriorityFeePerGas": 1, "maxFeePerGas": 2, "gas": 3, "value": 0}
        expected = Account.from_key(_KEY.secret).sign_transaction(
            fields | {"data": b"", "type": 2, "to": to_checksum_address(_TO)}
        )
        raw = signed_transaction(_KEY, (1, nonce, 1, 2, 3, bytes.fromhex(_TO[2:]), 0, b"", []))
        assert raw == bytes(expected.raw_transaction)
