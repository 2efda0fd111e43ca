"""Verifies a worker's signed login (docs/protocol/pool.md, "A worker's call")."""

from collections.abc import Set as AbstractSet

import msgspec

from sealgrid.attestation.statements import WorkerCall
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import Domain
from sealgrid.errors import CallRefused, InputRefused
from sealgrid.units import Address, to_address, to_digest
from sealgrid.wire.message import parse
from sealgrid.wire.pool import SignedCall
from sealgrid.wire.worker_session import WorkerLogin

MAX_AGE = 60  #: seconds between the worker's clock and ours


class AllowedWorkers(msgspec.Struct, frozen=True, kw_only=True):
    """Whose calls a pool takes."""

    domain: Domain
    pool: Address
    allowed: AbstractSet[Address]  #: nobody else is heard


def verify(call: SignedCall, callers: AllowedWorkers, *, at: float) -> tuple[Address, WorkerLogin]:
    """Return the worker that logs in, and its login (docs/protocol/pool.md).

    (1) The call was signed within 60 seconds of our clock. (2) The worker that it names signed it, for this pool and
    over this payload. (3) The worker is allowed here. (4) The payload is what belongs on this path: a login.
    Raises CallRefused for (1) to (3) and InputRefused for (4).
    """
    # (1) fresh
    if abs(call.issued - at) > MAX_AGE:
        raise CallRefused("1", f"the call was signed {call.issued - at:+.0f} s from this pool's clock; set your clock.")
    # (2) signed
    worker = _signer(call, callers)
    # (3) allowed
    if worker not in callers.allowed:
        raise CallRefused("3", f"worker {worker} is not admitted to this pool; ask its owner.")
    # (4) the right payload
    return worker, parse(call.payload, WorkerLogin)


def _signer(call: SignedCall, callers: AllowedWorkers) -> Address:
    try:
        worker = to_address(call.worker)
    except ValueError as error:
        raise InputRefused(f"the worker's address is none: {error}.") from error
    content = to_digest(sha256(call.payload))
    statement = WorkerCall(pool=callers.pool, worker=worker, content=content, issued=call.issued)
    try:
        signer = statement.signer(callers.domain, call.signature)
    except ValueError as error:
        raise CallRefused("2", f"the call carries no valid signature: {error}.") from error
    if signer != worker:
        raise CallRefused("2", f"the call was not signed by worker {worker} for pool {callers.pool}.")
    return worker
