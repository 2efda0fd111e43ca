"""What a pool pays for: the result of this task, nothing around it, signed by its worker for its account."""

from dataclasses import dataclass

import msgspec
import pytest

from sealgrid.attestation.statements import AccountCall
from sealgrid.chain.abi import interface
from sealgrid.chain.worker_account import MAX_CALL, forward_data
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.enclave.job.iexec_env import MAX_CALLBACK_BYTES
from sealgrid.errors import InputRefused
from sealgrid.pool.effects import ForwardedCall
from sealgrid.pool.forwarded_result import CALLBACK_BYTE_GAS, MAX_HINT, RESULT_GAS, check_result
from sealgrid.units import to_address
from sealgrid.wire.pool import ForwardRequest
from tests.unit.pool.pool_scene import CHAIN, TASK, WORKER

ACCOUNT, ENCLAVE, HUB = to_address(b"\x0a" * 20), to_address(b"\x0b" * 20), interface("Hub")
MAX_PROOF = 4096  # contracts/lib/judgement.vy


def result(hint: bytes = b"{}", callback: bytes = b"", *, task: str = TASK, proof: int = 100) -> bytes:
    values = (task, bytes(32), hint, callback, ENCLAVE, bytes(65), bytes(proof))
    return HUB.call_data("contributeAndFinalize", *values)


@dataclass(frozen=True)
class Signed:
    """A worker's call with its signature."""

    call: bytes
    key: SigningKey = WORKER
    chain: int = CHAIN

    def request(self) -> ForwardRequest:
        signature = AccountCall(call=self.call, expiry=9).sign(Domain(chain=self.chain, broker=ACCOUNT), self.key)
        return ForwardRequest(task=TASK, fence=1, account=ACCOUNT, call=self.call, expiry=9, signature=signature)

    def check(self) -> ForwardedCall:
        return check_result(self.request(), WORKER.address, ACCOUNT, CHAIN)


def test_a_result_is_sent_as_it_was_signed() -> None:
    request = Signed(result()).request()
    call = AccountCall(call=request.call, expiry=request.expiry)
    expected = ForwardedCall(account=ACCOUNT, data=forward_data(call, request.signature), gas=RESULT_GAS)
    assert check_result(request, WORKER.address, ACCOUNT, CHAIN) == expected


def test_the_largest_callback_and_proof_fit_and_are_paid_for() -> None:
    call = result(b"h" * MAX_HINT, bytes(MAX_CALLBACK_BYTES), proof=MAX_PROOF)
    assert Signed(call).check().gas == RESULT_GAS + MAX_CALLBACK_BYTES * CALLBACK_BYTE_GAS


def longer_offset() -> bytes:
    """The same arguments, with 32 bytes between head and tail that nothing reads."""
    call = result()
    words = [int.from_bytes(call[start : start + 32], "big") for start in range(4, 4 + 7 * 32, 32)]
    moved = [word + 32 if place in {2, 3, 5, 6} else word for place, word in enumerate(words)]
    return call[:4] + b"".join(word.to_bytes(32, "big") for word in moved) + bytes(32) + call[4 + 7 * 32 :]


@pytest.mark.parametrize(
    ("number", "signed", "reason"),
    [
        (1, Signed(HUB.call_data("reveal", TASK, bytes(32))), "results of task"),
        (1, Signed(result(task="0x" + "11" * 32)), "results of task"),
        (1, Signed(b""), "results of task"),
        (1, Signed(result() + bytes(MAX_CALL)), "at most"),
        (2, Signed(result()[:-32]), "arguments"),
        (2, Signed(result() + b"\0"), "canonical"),
        (2, Signed(longer_offset()), "canonical"),
        (3, Signed(result(b"h" * (MAX_HINT + 1))), "hint"),
        (4, Signed(result(), key=SigningKey.from_bytes(b"\x09" * 32)), "not signed by worker"),
        (4, Signed(result(), chain=CHAIN + 1), "not signed by worker"),
    ],
)
def test_other_calls_are_refused(number: int, signed: Signed, reason: str) -> None:
    with pytest.raises(InputRefused, match=reason):
        signed.check()


def test_4_a_malformed_signature_is_refused() -> None:
    request = Signed(result()).request()
    with pytest.raises(InputRefused, match="valid signature"):
        check_result(msgspec.structs.replace(request, signature=b"\x01" * 65), WORKER.address, ACCOUNT, CHAIN)
