"""Checks of a result that a worker asks the pool to send as its account (docs/protocol/pool.md). Pure."""

from typing import Final

from eth_abi.exceptions import DecodingError

from sealgrid.attestation.statements import AccountCall
from sealgrid.chain.abi import interface
from sealgrid.chain.worker_account import MAX_CALL, forward_data
from sealgrid.crypto.signing import Domain
from sealgrid.errors import InputRefused
from sealgrid.pool.effects import ForwardedCall
from sealgrid.units import Address, to_bytes
from sealgrid.wire.pool import ForwardRequest

MAX_HINT: Final = 1024  #: bytes that tell where the result is; PoCo stores them at 22,100 gas for 32 bytes
RESULT_GAS: Final = 3_000_000  #: that the pool pays at most for a result without callback data
CALLBACK_BYTE_GAS: Final = 800  #: in addition for each byte of callback data, which PoCo stores too
_HUB: Final = interface("Hub")
_FUNCTION: Final = "contributeAndFinalize"


def check_result(request: ForwardRequest, worker: Address, account: Address, chain: int) -> ForwardedCall:
    """Return the call of a worker's account that the pool may send; raise InputRefused.

    (1) The call is `contributeAndFinalize` of the task, of at most MAX_CALL bytes.
    (2) It is exactly the ABI encoding of its arguments: the pool pays for no byte that PoCo does not read.
    (3) The hint to the result has at most MAX_HINT bytes.
    (4) The worker signed it for the account, strictly.
    """
    data = request.call
    if data[:36] != _HUB.selector(_FUNCTION) + to_bytes(request.task, 32) or len(data) > MAX_CALL:  # (1)
        raise InputRefused(f"the pool sends results of task {request.task} alone, of at most {MAX_CALL} bytes.")
    try:
        decoded = _HUB.decode_call(data)
        assert decoded is not None
        canonical = _HUB.call_data(_FUNCTION, *decoded[1])
    except (DecodingError, ValueError, OverflowError, IndexError) as error:  # (2)
        raise InputRefused("the call does not have the arguments of a result.") from error
    if canonical != data:  # (2)
        raise InputRefused("the call is not the canonical encoding of a result.")
    hint, callback = decoded[1][2], decoded[1][3]
    if len(hint) > MAX_HINT:  # (3)
        raise InputRefused(f"the hint to the result has {len(hint)} bytes; the pool pays for {MAX_HINT} at most.")
    signed = AccountCall(call=data, expiry=request.expiry)
    try:
        signer = signed.signer(Domain(chain=chain, broker=account), request.signature)
    except ValueError as error:  # (4)
        raise InputRefused(f"the call carries no valid signature: {error}.") from error
    if signer != worker:  # (4)
        raise InputRefused(f"the call was not signed by worker {worker} for account {account}.")
    gas = RESULT_GAS + CALLBACK_BYTE_GAS * len(callback)
    return ForwardedCall(account=account, data=forward_data(signed, request.signature), gas=gas)
