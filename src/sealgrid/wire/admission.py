"""Messages by which a worker joins a pool, and their client (docs/protocol/joining-machines.md)."""

import base64
import binascii

import msgspec

from sealgrid.attestation.statements import WorkerAdmission, WorkerInvitation
from sealgrid.errors import DECODE_ERRORS, InputRefused
from sealgrid.wire.message import Message, Transport, call
from sealgrid.wire.pool import SignedCall

_PREFIX = "sealgrid-invitation-"


class SignedInvitation(Message, frozen=True, kw_only=True):
    """An invitation with the signature of the pool's owner."""

    invitation: WorkerInvitation
    signature: bytes

    def text(self) -> str:
        """Return the invitation as one word, to hand over."""
        return _PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "SignedInvitation":
        """Parse the output of ``text``; raise InputRefused for anything else."""
        word = text.strip()
        encoded = word.removeprefix(_PREFIX)
        try:
            document = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            return msgspec.json.decode(document, type=cls)
        except (binascii.Error, *DECODE_ERRORS, ValueError) as error:
            raise InputRefused(
                f"{word[:40]!r} is not an invitation; paste the whole word that starts with {_PREFIX}."
            ) from error


class JoinRequest(Message, frozen=True, kw_only=True):
    """Payload of a SignedCall: admit this worker."""

    invitation: SignedInvitation | None = None  #: None for a worker that is admitted already, or of an open pool


class SignedAdmission(Message, frozen=True, kw_only=True):
    """The pool's statement that it admitted a worker."""

    admission: WorkerAdmission
    signature: bytes


class AdmissionClient:
    """Client of a pool for workers that join it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def join(self, request: SignedCall) -> SignedAdmission:
        """Join the pool; the payload is a JoinRequest. Raises CallRefused with the number of the failed check."""
        return await call(self._transport, "POST", "/workers", request, SignedAdmission)
