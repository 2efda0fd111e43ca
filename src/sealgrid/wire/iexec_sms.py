"""Messages and client of the iExec SMS adapter: public keys for results, signed by beneficiaries."""

from sealgrid.units import Address
from sealgrid.wire.message import Message, Transport, call


class RegisteredResultKey(Message, frozen=True, kw_only=True):
    """A beneficiary's RSA key for results. Its users must verify the signature (crypto.iexec_challenge)."""

    owner: Address
    value: str  #: base64 of the PEM, as iExec's SDK pushed it
    signature: bytes  #: by the owner, EIP-191, over the key's name and the value's hash


class IexecSmsClient:
    """Client of the iExec SMS adapter."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def result_key(self, owner: Address) -> RegisteredResultKey:
        """Return a beneficiary's key; raise NotFound if it registered none."""
        return await call(self._transport, "GET", f"/result-keys/{owner}", None, RegisteredResultKey)
