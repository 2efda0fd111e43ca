"""Sessions between worker and pool: messages, key derivation inputs and MACs (docs/protocol/pool.md)."""

import hashlib
import hmac
from typing import Final

from sealgrid.wire.message import Message

KEY_BYTES: Final = 32
SESSION_SECONDS: Final = 3600
_CALL, _LOGIN = b"sealgrid/pool/call/1", b"sealgrid/pool/session/1"


class WorkerLogin(Message, frozen=True, kw_only=True):
    """Payload of a SignedCall: open a session; its key is sealed to this X25519 key, which is fresh for each login."""

    public: bytes


class WorkerLoginReply(Message, frozen=True, kw_only=True):
    """A session; ``sealed`` is its key, by HPKE to the login's key with ``login_info`` as info."""

    session: str
    sealed: bytes
    seconds: int  #: until it ends


class SessionCall(Message, frozen=True, kw_only=True):
    """A worker's message within a session."""

    session: str
    number: int  #: rises with every call of the session
    mac: bytes  #: ``call_mac``
    payload: bytes


def login_info(session: str, signature: bytes) -> bytes:
    """Return the HPKE info of a session key: the session's name and the login's signature."""
    return _LOGIN + _lp(session.encode()) + _lp(signature)


def call_mac(key: bytes, path: str, number: int, payload: bytes) -> bytes:
    """Return the HMAC-SHA-256 of one call: POST to this path, with this number and this payload."""
    content = hashlib.sha256(payload).digest()
    message = _CALL + _lp(b"POST") + _lp(path.encode()) + number.to_bytes(8, "big") + content
    return hmac.new(key, message, hashlib.sha256).digest()


def _lp(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content
