"""Authentication of workers: signed logins and in-memory sessions (docs/protocol/pool.md, "A worker's call").

After a restart workers log in again.
"""

import hmac
import secrets
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from sealgrid.attestation.statements import WorkerCall
from sealgrid.crypto import hpke
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import Domain
from sealgrid.errors import CallRefused, ContainerRefused, InputRefused, SessionEnded
from sealgrid.units import Address, to_address, to_digest
from sealgrid.wire.message import parse
from sealgrid.wire.pool import SignedCall
from sealgrid.wire.worker_session import (
    KEY_BYTES,
    SESSION_SECONDS,
    SessionCall,
    WorkerLogin,
    WorkerLoginReply,
    call_mac,
    login_info,
)

MAX_AGE: Final = 60  #: seconds between the worker's clock and ours
WINDOW: Final = 64  #: replay window (RFC 4303, 3.4.3): concurrent calls may arrive out of order
_PER_WORKER: Final = 4  #: sessions of one worker; the oldest is dropped first
_MAX_NUMBER: Final = 1 << 63

P = TypeVar("P")


class AllowedWorkers(msgspec.Struct, frozen=True, kw_only=True):
    """The workers of one pool."""

    domain: Domain
    pool: Address
    allowed: Container[Address]  #: all other workers are rejected


@dataclass(slots=True)
class _WorkerSession:
    worker: Address
    key: bytes = field(repr=False)
    ends: float
    highest: int = 0
    taken: int = 0  #: bit n stands for the number highest - n

    def take(self, number: int) -> bool:
        """Mark a number as used; return False when it was used or is below the window (RFC 4303, 3.4.3)."""
        if number > self.highest:
            self.taken = (self.taken << min(number - self.highest, WINDOW) | 1) & ((1 << WINDOW) - 1)
            self.highest = number
            return True
        bit = 1 << (self.highest - number) if self.highest - number < WINDOW else 0
        fresh = bool(bit) and not self.taken & bit
        self.taken |= bit
        return fresh


class WorkerSessions:
    """Opens sessions and verifies the calls in them; ``random`` returns that many unpredictable bytes."""

    def __init__(self, workers: AllowedWorkers, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._workers, self._random = workers, random
        self._sessions: dict[str, _WorkerSession] = {}  # oldest first
        self._logins: dict[bytes, float] = {}  # used signatures → time

    def open(self, call: SignedCall, *, at: float) -> WorkerLoginReply:
        """Open a session (docs/protocol/pool.md).

        The login passes checks (1) to (4) of ``verify_login``, and (5) it was not used before.
        """
        worker, login = verify_login(call, self._workers, at=at)
        self._logins = {signature: used for signature, used in self._logins.items() if at - used <= 2 * MAX_AGE}
        # (5) used once
        if call.signature in self._logins:
            raise CallRefused("5", "this login was used already; sign another one.")
        session, key = self._random(16).hex(), self._random(KEY_BYTES)
        try:
            sealed = hpke.seal(login.public, key, login_info(session, call.signature))
        except ContainerRefused as error:
            raise InputRefused(error.message) from error
        self._logins[call.signature] = at
        self._sessions = {name: each for name, each in self._sessions.items() if at <= each.ends}
        own = [name for name, each in self._sessions.items() if each.worker == worker]
        for name in own[: max(0, len(own) - _PER_WORKER + 1)]:
            del self._sessions[name]
        self._sessions[session] = _WorkerSession(worker, key, at + SESSION_SECONDS)
        return WorkerLoginReply(session=session, sealed=sealed, seconds=SESSION_SECONDS)

    def verify(self, call: SessionCall, path: str, payload: type[P], *, at: float) -> tuple[Address, P]:
        """Return the worker and its message (docs/protocol/pool.md).

        (6) The session is known here and has not ended, and the worker is still allowed. (7) The call was made with the
        session's key, for this path, number and payload. (8) Its number was not used before, and is at most 63 below
        the highest. (4) The payload is what belongs on this path.
        Raises SessionEnded for (6), CallRefused for (7) and (8) and InputRefused for (4).
        """
        # (6) known
        session = self._sessions.get(call.session)
        if session is None or at > session.ends or session.worker not in self._workers.allowed:
            raise SessionEnded("6", "this session is unknown here or has ended; log in again.")
        # (7) authentic
        if not 0 < call.number < _MAX_NUMBER or not hmac.compare_digest(
            call.mac, call_mac(session.key, path, call.number, call.payload)
        ):
            raise CallRefused("7", "the call was not made with this session's key for this path, number and message.")
        # (8) used once
        if not session.take(call.number):
            raise CallRefused("8", f"call {call.number} was used before, or is {WINDOW} or more behind the newest.")
        # (4) the right payload
        return session.worker, parse(call.payload, payload)


def verify_login(call: SignedCall, workers: AllowedWorkers, *, at: float) -> tuple[Address, WorkerLogin]:
    """Return the worker of a login, and the login (docs/protocol/pool.md).

    The call passes checks (1) and (2) of ``verify_signed_call``. (3) The worker is allowed here. (4) The payload is
    what belongs on this path: a login. Raises CallRefused for (1) to (3) and InputRefused for (4).
    """
    worker = verify_signed_call(call, workers.pool, workers.domain, at=at)
    # (3) allowed
    if worker not in workers.allowed:
        raise CallRefused("3", f"worker {worker} is not admitted to this pool; ask its owner.")
    # (4) the right payload
    return worker, parse(call.payload, WorkerLogin)


def verify_signed_call(call: SignedCall, pool: Address, domain: Domain, *, at: float) -> Address:
    """Return the worker that signed a call (docs/protocol/pool.md).

    (1) The call was signed within 60 seconds of our clock. (2) The worker that it names signed it, for this pool and
    over this payload. Raises CallRefused, and InputRefused for an invalid address.
    """
    # (1) fresh
    if abs(call.issued - at) > MAX_AGE:
        raise CallRefused("1", f"the call was signed {call.issued - at:+.0f} s from this pool's clock; set your clock.")
    # (2) signed
    try:
        worker = to_address(call.worker)
    except ValueError as error:
        raise InputRefused(f"the worker address is not a valid Ethereum address: {error}.") from error
    statement = WorkerCall(pool=pool, worker=worker, content=to_digest(sha256(call.payload)), issued=call.issued)
    try:
        signer = statement.signer(domain, call.signature)
    except ValueError as error:
        raise CallRefused("2", f"the call carries no valid signature: {error}.") from error
    if signer != worker:
        raise CallRefused("2", f"the call was not signed by worker {worker} for pool {pool}.")
    return worker
