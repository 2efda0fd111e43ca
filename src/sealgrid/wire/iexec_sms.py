"""What the face of iExec's SMS tells the network's own parts: public keys that beneficiaries signed."""

from sealgrid.units import Address
from sealgrid.wire.message import Message, Transport, call


class RegisteredResultKey(Message, frozen=True, kw_only=True):
    """The RSA key for results of one beneficiary; whoever uses it checks the signature (crypto.iexec_challenge)."""

    owner: Address
    value: str  #: as iExec's SDK pushed it: base64 of the PEM
    signature: bytes  #: by the owner, EIP-191, over the key's name and the value's hash


class IexecSmsClient:
    """Speak to the face."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def result_key(self, owner: Address) -> RegisteredResultKey:
        """Return a beneficiary's key; raise NotFound where it registered none."""
        return await call(self._transport, "GET", f"/result-keys/{owner}", None, RegisteredResultKey)
